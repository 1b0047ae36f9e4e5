// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <chrono>
#include <mutex>

#include "base/result.h"
#include "base/unique_fd.h"

namespace bpfdump::reader {

/// A process of ours that creates iterators in the pid namespaces of others. setns(2) does not move
/// a process there, only the children that it makes afterwards: the helper makes one for every
/// iterator. What others can see of us in their namespace is that child, for less than a
/// millisecond; it has no capability but CAP_BPF, no memory of the daemon's and none of its
/// descriptors. It is theirs to stop or kill, which must only hurt the one reader that it serves.
///
/// The helper ends with the daemon. If it is killed, another is started when it is needed.
/// Thread-safe.
class PidHelper {
 public:
  /// How long a child may take.
  static constexpr std::chrono::milliseconds kPatience{2000};

  /// Creates an iterator session of a link, and returns its descriptor or -1 and an errno. Called
  /// in the child, after a fork: only what signal-safety(7) allows.
  using Create = int (*)(int link);

  explicit PidHelper(Create create) : create_(create) {}
  ~PidHelper();
  PidHelper(const PidHelper&) = delete;
  PidHelper& operator=(const PidHelper&) = delete;

  /// Starts the helper now instead of when it is needed: best before there are threads, while there
  /// is little memory to share.
  [[nodiscard]] base::Result<void> start();

  /// Creates a session of `link` as seen from a pid namespace; borrows both descriptors. EIO: the
  /// helper or its child was killed; ETIMEDOUT: the child was stopped. Others are the kernel's.
  [[nodiscard]] base::Result<base::UniqueFd> open(int link, int pid_namespace);

 private:
  struct Process {
    pid_t pid = -1;
    base::UniqueFd socket;
  };

  base::Result<void> launch();
  void bury();
  void give_up(const base::UniqueFd& child);
  base::Result<void> send(int link, int pid_namespace, int answer);

  const Create create_;
  std::mutex mutex_;  // guards process_
  Process process_;
};

}  // namespace bpfdump::reader
