// SPDX-License-Identifier: Apache-2.0
#include "bench/process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <fstream>
#include <functional>
#include <span>
#include <string_view>
#include <system_error>

namespace bpfdump::bench {
namespace {

std::uint64_t read_to_end(const std::string& path,
                          const std::function<void(std::span<const char>)>& take) {
  static thread_local std::vector<char> buffer(128 * 1024);
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) die("open " + path);
  std::uint64_t total = 0;
  while (true) {
    const ssize_t size = ::read(file, buffer.data(), buffer.size());
    if (size == 0) break;
    if (size < 0 && errno == EAGAIN) continue;
    if (size < 0) die("read " + path);
    total += static_cast<std::uint64_t>(size);
    take(std::span(buffer).first(static_cast<std::size_t>(size)));
  }
  ::close(file);
  return total;
}

}  // namespace

void die(const std::string& what) { throw std::system_error(errno, std::generic_category(), what); }

pid_t spawn(const std::vector<std::string>& command) {
  std::vector<char*> argv;
  for (const auto& word : command) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  pid_t pid = -1;
  errno = posix_spawnp(&pid, argv.front(), &actions, nullptr, argv.data(), environ);
  if (errno != 0) die("start " + command.front());
  posix_spawn_file_actions_destroy(&actions);
  return pid;
}

bool wait_for(pid_t pid) {
  int status = 0;
  if (::waitpid(pid, &status, 0) != pid) die("wait for a process");
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

void run(const std::vector<std::string>& command) {
  if (wait_for(spawn(command))) return;
  errno = ECANCELED;
  die(fmt::format("'{}' failed", fmt::join(command, " ")));
}

std::uint64_t read_all(const std::string& path) {
  return read_to_end(path, [](std::span<const char>) {});
}

std::uint64_t count_lines(const std::string& path) {
  std::uint64_t lines = 0;
  read_to_end(path, [&](std::span<const char> bytes) {
    lines += static_cast<std::uint64_t>(std::count(bytes.begin(), bytes.end(), '\n'));
  });
  return lines;
}

std::uint64_t resident_kib(pid_t pid) {
  std::ifstream rollup(fmt::format("/proc/{}/smaps_rollup", pid));
  for (std::string word; rollup >> word;) {
    std::uint64_t kib = 0;
    if (word == "Rss:" && rollup >> kib) return kib;
  }
  die("read a process's memory");
}

}  // namespace bpfdump::bench
