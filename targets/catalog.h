// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "targets/known.h"

struct btf;  // libbpf's

namespace bpfdump::targets {

/// A kind of kernel object that the running kernel can iterate.
struct Target {
  std::string name;
  /// The struct that a program for this target is called with: "bpf_iter__task".
  std::string context_type;
  /// What is known beyond BTF; for an unknown target all but its name is empty.
  Known known;
};

/// The targets of one kernel. Immutable, so safe to share between threads.
class Catalog {
 public:
  /// Finds the targets in a kernel's types: each has a context struct and an attach point.
  [[nodiscard]] static Catalog discover(const btf& types);

  /// discover() of /sys/kernel/btf/vmlinux. ENOENT where the kernel has no BTF; EOPNOTSUPP where
  /// it has no iterators.
  [[nodiscard]] static base::Result<Catalog> of_running_kernel();

  /// Sorted by name.
  [[nodiscard]] const std::vector<Target>& targets() const { return targets_; }

  /// The target of that name, or nullptr; lives as long as the catalog.
  [[nodiscard]] const Target* find(std::string_view name) const;

 private:
  explicit Catalog(std::vector<Target> targets) : targets_(std::move(targets)) {}

  std::vector<Target> targets_;
};

}  // namespace bpfdump::targets
