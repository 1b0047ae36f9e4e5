// SPDX-License-Identifier: Apache-2.0
#include "fsd/mount.h"

#include <spdlog/spdlog.h>
#include <sys/mount.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <string_view>
#include <thread>

namespace bpfdump::fsd {
namespace {

// allow_other goes with default_permissions: the kernel checks modes, for every user.
// max_read must be here and in the INIT answer alike.
constexpr const char* kOptions =
    "fsname=bpfdump,subtype=bpfdump,allow_other,default_permissions,nosuid,nodev,noexec,"
    "max_read=1048576";

// Wakes the thread in serve() out of its wait; libfuse offers no other way.
constexpr int kWake = SIGUSR1;

void log_of_libfuse(fuse_log_level level, const char* format, va_list arguments) {
  char line[512];
  std::vsnprintf(line, sizeof(line), format, arguments);
  std::string_view text(line);
  while (text.ends_with('\n')) text.remove_suffix(1);
  if (level <= FUSE_LOG_WARNING)
    spdlog::warn("{}", text);
  else
    spdlog::debug("{}", text);
}

}  // namespace

void Mount::SessionDeleter::operator()(fuse_session* session) const {
  fuse_session_unmount(session);  // does nothing when it is not mounted
  fuse_session_destroy(session);
}

base::Result<Mount> Mount::create(Ops& ops, const std::string& point) {
  fuse_set_log_func(log_of_libfuse);
  const char* const argv[] = {"bpfdumpd", "-o", kOptions, nullptr};
  fuse_args arguments = FUSE_ARGS_INIT(3, const_cast<char**>(argv));
  fuse_session* session =
      fuse_session_new(&arguments, &Ops::table(), sizeof(fuse_lowlevel_ops), &ops);
  fuse_opt_free_args(&arguments);
  if (session == nullptr) return base::fail(EINVAL, "libfuse refused to make a session");
  Mount mount(session, point);
  errno = 0;
  if (fuse_session_mount(session, point.c_str()) != 0)
    return base::fail_errno(errno == 0 ? EIO : errno, "mount on '{}'", point);
  return mount;
}

base::Result<void> Mount::serve(unsigned threads) {
  struct sigaction wake = {};
  wake.sa_handler = [](int) {};
  sigaction(kWake, &wake, nullptr);

  const std::unique_ptr<fuse_loop_config, void (*)(fuse_loop_config*)> config(
      fuse_loop_cfg_create(), fuse_loop_cfg_destroy);
  fuse_loop_cfg_set_clone_fd(config.get(), 1);
  fuse_loop_cfg_set_max_threads(config.get(), threads);

  serving_->thread = pthread_self();
  serving_->active = true;
  const int error = fuse_session_loop_mt(session_.get(), config.get());
  serving_->active = false;
  if (error < 0) return base::fail_errno(-error, "serve requests");
  return {};
}

base::Result<void> Mount::stop(std::chrono::milliseconds patience) {
  const auto end = std::chrono::steady_clock::now() + patience;
  fuse_session_exit(session_.get());
  // The loop looks at the flag and then waits; a signal between the two would be lost.
  while (serving_->active) {
    if (std::chrono::steady_clock::now() >= end) {
      ::umount2(point_.c_str(), MNT_DETACH);
      return base::fail(ETIMEDOUT, "wait for the work at hand: {}", base::errno_text(ETIMEDOUT));
    }
    pthread_kill(serving_->thread, kWake);
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return {};
}

}  // namespace bpfdump::fsd
