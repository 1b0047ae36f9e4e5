// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "loader/program.h"
#include "targets/catalog.h"
#include "targets/scope.h"

namespace bpfdump::loader {

/// What the kernel says of an iterator's link at this moment.
struct IteratorInfo {
  std::uint32_t link_id = 0;
  std::uint32_t program_id = 0;
  std::string target;
  /// The map it iterates; 0: none.
  std::uint32_t map_id = 0;
};

/// A program attached to its target: a link. Owns the link's descriptor; while that or a pin
/// exists the kernel keeps link, program and maps. All methods are single system calls on the
/// link, so they may be used from several threads at once.
class Iterator {
 public:
  /// Attaches `program` to its target with a scope's parameters. ENOENT: there is no map or cgroup
  /// of that name; EINVAL: the target must be told what to iterate.
  [[nodiscard]] static base::Result<Iterator> attach(const Program& program,
                                                     const targets::Target& target,
                                                     const targets::Scope& scope);

  /// Opens a pinned iterator of a target. EINVAL where the pin is of anything else.
  [[nodiscard]] static base::Result<Iterator> reopen(const std::string& pin,
                                                     const std::string& target);

  /// Gives the link a name in bpffs, which keeps it beyond this process. EEXIST where taken.
  [[nodiscard]] base::Result<void> pin(const std::string& path) const;

  /// Puts `program` in the place of the attached one, atomically: sessions that are open keep the
  /// old program, later ones get the new one (BPF_LINK_UPDATE, Linux 5.8).
  [[nodiscard]] base::Result<void> update(const Program& program) const;

  /// A fresh session: a descriptor whose read(2) runs the program. Nothing runs before that.
  [[nodiscard]] base::Result<base::UniqueFd> open() const;

  /// open() of a link by its descriptor: the session's, or -1 and an errno. May be called in a
  /// child after a fork: signal-safety(7).
  [[nodiscard]] static int open_raw(int link);

  /// Another link with the program that is attached now, and that keeps it whatever happens to this
  /// one. Only for targets without parameters of their own in the kernel.
  [[nodiscard]] base::Result<Iterator> copy() const;

  [[nodiscard]] base::Result<IteratorInfo> info() const;

  /// The name of the program that is attached now, as much of it as the kernel keeps: 15 bytes.
  [[nodiscard]] base::Result<std::string> program_name() const;

  /// The link's descriptor; borrowed.
  [[nodiscard]] int fd() const { return link_.get(); }

 private:
  explicit Iterator(base::UniqueFd link) : link_(std::move(link)) {}

  base::UniqueFd link_;
};

}  // namespace bpfdump::loader
