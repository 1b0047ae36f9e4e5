// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "loader/load_log.h"
#include "targets/catalog.h"
#include "targets/scope.h"

struct bpf_object;   // libbpf's
struct bpf_program;  // libbpf's

namespace bpfdump::loader {

/// An iterator program in the kernel, verified, together with the maps it came with. It goes when
/// this goes, unless an Iterator was attached to it. Not thread-safe.
class Program {
 public:
  /// Loads the one program of an object that is for `target`: its section is "iter/TARGET" or
  /// "iter.s/TARGET", and when several are, its function is called `name`. Its const volatile
  /// variables get their values before. What libbpf and the verifier say goes to `log`, in success
  /// and failure; an error's message is one line of that.
  ///
  /// ENOEXEC: not a BPF object. EINVAL: malformed, no program for the target, several and none
  /// called `name`, a variable that can't be set, or rejected by the verifier. EPERM: this process
  /// may not load programs.
  [[nodiscard]] static base::Result<Program> load(std::span<const std::byte> object,
                                                  const targets::Target& target,
                                                  const std::string& name,
                                                  const std::vector<targets::Variable>& variables,
                                                  LoadLog& log);

  /// The function's name.
  [[nodiscard]] std::string name() const;
  /// The program's descriptor; borrowed.
  [[nodiscard]] int fd() const;

 private:
  struct ObjectDeleter {
    void operator()(bpf_object* object) const;
  };
  using ObjectPtr = std::unique_ptr<bpf_object, ObjectDeleter>;

  Program(ObjectPtr object, bpf_program* program) : object_(std::move(object)), program_(program) {}

  ObjectPtr object_;
  bpf_program* program_;  // part of object_
};

}  // namespace bpfdump::loader
