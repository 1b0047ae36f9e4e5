// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <string>

#include "base/unique_fd.h"

namespace bpfdump::bench {

/// A process of ours in other namespaces, which opens files when it is told to; ends with this.
class Elsewhere {
 public:
  /// `flags`: of unshare(2); 0: in our namespaces. With CLONE_NEWPID it is the first process there.
  explicit Elsewhere(int flags);
  ~Elsewhere();
  Elsewhere(const Elsewhere&) = delete;
  Elsewhere& operator=(const Elsewhere&) = delete;

  /// The seconds that it takes there to open and close a file, on the average of `turns`.
  [[nodiscard]] double seconds_to_open(const std::string& path, int turns) const;

 private:
  base::UniqueFd socket_;
  pid_t pid_ = -1;
};

}  // namespace bpfdump::bench
