// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <chrono>
#include <mutex>

#include "base/result.h"
#include "base/unique_fd.h"

namespace bpfdump::reader {

/// A process of ours that creates iterators in the pid namespaces of others. setns(2) does not move
/// a process there, only the children that it makes afterwards. So the helper makes two for every
/// iterator: one that enters and lays down all power, and that one's child, which is born in there
/// and creates the iterator. Only the last is seen by others, for less than a millisecond, and it
/// is theirs to stop, kill or trace. There is nothing to be got from it: it has no capability, an
/// empty file system, networks and memory of its own, and two descriptors, the link's and the
/// answer's.
///
/// The helper is this program, executed again, so that it has nothing of the daemon's memory; it
/// ends with the daemon. If it is killed, another is started when it is needed. Where unprivileged
/// BPF is off, Linux before 5.19 refuses to create an iterator without CAP_BPF: EPERM.
/// Thread-safe.
class PidHelper {
 public:
  /// How long a child may take.
  static constexpr std::chrono::milliseconds kPatience{2000};

  /// Creates an iterator session of a link, and returns its descriptor or -1 and an errno.
  using Create = int (*)(int link);

  /// What a program is to be called with to be the helper; main() then calls serve().
  static constexpr const char* kArgument = "--serve-pid-namespaces";
  [[noreturn]] static void serve(Create create);

  PidHelper() = default;
  ~PidHelper();
  PidHelper(const PidHelper&) = delete;
  PidHelper& operator=(const PidHelper&) = delete;

  /// Starts the helper now instead of when it is needed.
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
  base::Result<pid_t> send(int link, int pid_namespace, int answer);
  void give_up(pid_t helper);

  std::mutex mutex_;  // guards process_
  Process process_;
};

}  // namespace bpfdump::reader
