// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <tuple>

#include "fsd/tree.h"
#include "targets/catalog.h"
#include "targets/scope.h"

namespace bpfdump::fsd {

/// What the configuration says of all dumpers of a target.
struct TargetSettings {
  mode_t mode = 0440;
  std::optional<gid_t> group;
  bool in_callers_namespace = true;
};

/// A directory that holds dumpers: a target's, or a scope's in that. Immutable.
struct Directory {
  const targets::Target* target;
  TargetSettings settings;
  targets::Scope scope;  // without a name: the target's own directory
};

/// Where a dumper is, in names; `scope` is empty in the target's own directory.
struct DumperPath {
  std::string target;
  std::string scope;
  std::string name;

  bool operator==(const DumperPath&) const = default;
  bool operator<(const DumperPath& other) const {
    return std::tie(target, scope, name) < std::tie(other.target, other.scope, other.name);
  }
  [[nodiscard]] std::string text() const {
    return scope.empty() ? target + "/" + name : target + "/" + scope + "/" + name;
  }
};

/// A dumper's place: its directory, its name and its inode.
struct Place {
  std::shared_ptr<const Directory> directory;
  std::string name;
  Ino ino;

  [[nodiscard]] const targets::Target& target() const { return *directory->target; }
  [[nodiscard]] const targets::Scope& scope() const { return directory->scope; }
  [[nodiscard]] DumperPath path() const { return {target().name, scope().name, name}; }
};

}  // namespace bpfdump::fsd
