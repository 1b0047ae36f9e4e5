// SPDX-License-Identifier: Apache-2.0
#include "tests/kernel/process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <thread>

namespace bpfdump::test {
namespace {

int status_of(int wait_status) {
  return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

void set_environment(const Environment& more) {
  for (const auto& [name, value] : more) ::setenv(name.c_str(), value.c_str(), 1);
}

[[noreturn]] void execute(const std::vector<std::string>& command) {
  std::vector<char*> arguments;
  for (const auto& argument : command) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  ::execvp(arguments[0], arguments.data());
  ::_exit(127);
}

std::string text_of(int fd) {
  std::string text(static_cast<std::size_t>(::lseek(fd, 0, SEEK_END)), '\0');
  const ssize_t size = ::pread(fd, text.data(), text.size(), 0);
  EXPECT_EQ(size, std::ssize(text));
  return text;
}

}  // namespace

Outcome shell(const std::string& command, const Environment& more) {
  const base::UniqueFd output(::memfd_create("stdout", MFD_CLOEXEC));
  const base::UniqueFd errors(::memfd_create("stderr", MFD_CLOEXEC));
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::dup2(::open("/dev/null", O_RDONLY | O_CLOEXEC), STDIN_FILENO);
    ::dup2(output.get(), STDOUT_FILENO);
    ::dup2(errors.get(), STDERR_FILENO);
    ::setenv("LC_ALL", "C", 1);
    ::setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1);
    set_environment(more);
    execute({"/bin/sh", "-c", command});
  }
  int status = 0;
  EXPECT_EQ(::waitpid(pid, &status, 0), pid) << std::strerror(errno);
  return {status_of(status), text_of(output.get()), text_of(errors.get())};
}

bool eventually(const std::function<bool()>& holds) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(3);
  while (!holds()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  EXPECT_TRUE(file) << "can't open " << path;
  text << file.rdbuf();
  return text.str();
}

int errno_of_writing(const std::string& path, std::string_view bytes) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  EXPECT_GE(fd, 0) << path << ": " << std::strerror(errno);
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    EXPECT_GT(written, 0) << path << ": " << std::strerror(errno);
    if (written <= 0) break;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return ::close(fd) == 0 ? 0 : errno;
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const auto end = text.find('\n');
    lines.emplace_back(text.substr(0, end));
    if (end == text.npos) break;
    text.remove_prefix(end + 1);
  }
  return lines;
}

Child::Child(const std::function<int()>& body) {
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::_exit(::getppid() == parent ? body() : 1);
  }
  adopt(pid);
}

Child::Child(const std::vector<std::string>& command, const std::string& error_file,
             const Environment& more) {
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid == 0) {
    // A test that is killed takes its daemon along, and its daemon the mount.
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (::getppid() != parent) ::_exit(1);
    ::dup2(::open("/dev/null", O_RDONLY | O_CLOEXEC), STDIN_FILENO);
    ::dup2(::open(error_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600),
           STDERR_FILENO);
    ::dup2(STDERR_FILENO, STDOUT_FILENO);
    set_environment(more);
    execute(command);
  }
  adopt(pid);
}

Child::~Child() {
  if (!pidfd_.valid() || ended_) return;  // moved from, or done
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

void Child::adopt(pid_t pid) {
  pid_ = pid;
  pidfd_.reset(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  EXPECT_TRUE(pidfd_.valid()) << std::strerror(errno);
}

void Child::signal(int number) const { EXPECT_EQ(::kill(pid_, number), 0) << std::strerror(errno); }

int Child::wait() {
  pollfd end = {pidfd(), POLLIN, 0};
  if (::poll(&end, 1, 240'000) != 1) return -1;
  int status = 0;
  EXPECT_EQ(::waitpid(pid_, &status, 0), pid_) << std::strerror(errno);
  ended_ = true;
  return status_of(status);
}

bool Child::sleeps_in_read() const {
  const std::string call = std::to_string(SYS_read) + " ";
  const std::string directory = "/proc/" + std::to_string(pid_);
  return eventually([&] { return read_file(directory + "/syscall").starts_with(call); });
}

}  // namespace bpfdump::test
