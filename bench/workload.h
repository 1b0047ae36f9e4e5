// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <vector>

#include "base/unique_fd.h"

namespace bpfdump::bench {

/// Processes with open files, while it lives: what task_file and task iterate.
class OpenFiles {
 public:
  /// Each process has `files` descriptors of /dev/null; they do nothing but wait. Fewer processes
  /// where the system grants no more: ask processes().
  OpenFiles(int processes, int files);
  ~OpenFiles();
  OpenFiles(const OpenFiles&) = delete;
  OpenFiles& operator=(const OpenFiles&) = delete;

  [[nodiscard]] int processes() const { return static_cast<int>(children_.size()); }

 private:
  base::UniqueFd alive_;  // they wait for its other end, which closes with this
  std::vector<pid_t> children_;
};

/// Established TCP connections over loopback, while it lives.
class Connections {
 public:
  explicit Connections(int pairs);

 private:
  std::vector<base::UniqueFd> sockets_;
};

/// Gives this process a network namespace of its own with loopback up, and routes through it.
void enter_own_network(int routes);

}  // namespace bpfdump::bench
