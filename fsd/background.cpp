// SPDX-License-Identifier: Apache-2.0
#include "fsd/background.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace bpfdump::fsd {

base::Result<Background> Background::split() {
  std::array<int, 2> ends = {-1, -1};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return base::fail_errno(errno, "make a pipe");
  base::UniqueFd read_end(ends[0]);
  base::UniqueFd write_end(ends[1]);

  const pid_t child = ::fork();
  if (child < 0) return base::fail_errno(errno, "fork into the background");
  if (child > 0) return Background(Side::starter, std::move(read_end));

  ::setsid();
  if (::chdir("/") != 0) return base::fail_errno(errno, "change directory to '/'");
  // stderr stays until all is well: this side may have to say why it is not.
  const base::UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!null.valid() || ::dup2(null.get(), STDIN_FILENO) < 0 ||
      ::dup2(null.get(), STDOUT_FILENO) < 0)
    return base::fail_errno(errno, "leave the terminal");
  return Background(Side::daemon, std::move(write_end));
}

void Background::ready(bool keeps_stderr) {
  if (!pipe_.valid()) return;
  // Whoever reads the starter's output to its end must not wait for the daemon's.
  if (!keeps_stderr) ::dup2(STDOUT_FILENO, STDERR_FILENO);
  // A starter that was killed does not listen any more, which is nobody's loss.
  [[maybe_unused]] const ssize_t written = ::write(pipe_.get(), "", 1);
  pipe_.reset();
}

base::Result<void> Background::wait() {
  char byte = 0;
  ssize_t size = 0;
  do {
    size = ::read(pipe_.get(), &byte, 1);
  } while (size < 0 && errno == EINTR);
  if (size != 1) return base::fail(EIO, "the daemon ended before its mount answered");
  return {};
}

}  // namespace bpfdump::fsd
