// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "targets/catalog.h"

namespace bpfdump::targets {

/// A kernel object as a user calls it.
struct ObjectName {
  enum class Form {
    id,    ///< its number
    name,  ///< what bpftool shows
    path,  ///< where it is in its file system
  };
  Form form;
  std::uint64_t id = 0;
  std::string text = {};  ///< the name or path
};

/// In which order cgroups come, from the one named: it and all below, it and all above, it alone.
enum class CgroupOrder { pre, post, up, self };

/// The value of one const volatile variable of a program.
struct Variable {
  std::string name;
  std::string value;
};

/// A target's parameters, as the name of a directory says them: "pid=1234",
/// "map=flows,set.least=8". Nothing else is kept anywhere. A scope without a name is the target as
/// it is.
///
/// In values, \xNN stands for a byte, as systemd-escape(1) writes it; a path is escaped by it: '/'
/// is '-' there, and '-' is \x2d.
struct Scope {
  std::string name;
  std::optional<std::uint32_t> pid;  ///< of a process
  std::optional<std::uint32_t> tid;  ///< of a thread
  std::optional<ObjectName> map;
  std::optional<ObjectName> cgroup;  ///< a path is relative to the hierarchy's root
  CgroupOrder order = CgroupOrder::pre;
  /// A name of ip-netns(8), a process's number, or kAllNetworks; empty: the reader's own.
  std::string netns;
  std::vector<Variable> variables;

  static constexpr std::string_view kAllNetworks = "all";

  /// Reads a directory's name. EINVAL: not of the form key=value[,key=value...], a key that the
  /// target does not have or that is given twice, or a value that can't be one. Whether what is
  /// named exists is another question.
  [[nodiscard]] static base::Result<Scope> parse(const Target& target, std::string_view name);

  /// Whether the name of a directory entry is meant for a scope.
  [[nodiscard]] static bool is_scope(std::string_view name) {
    return name.find('=') != std::string_view::npos;
  }

  /// EINVAL: the target must be told something that this scope does not say.
  [[nodiscard]] base::Result<void> check_complete(const Target& target) const;
};

}  // namespace bpfdump::targets
