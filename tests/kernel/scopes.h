// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <set>
#include <sstream>
#include <string>

#include "tests/kernel/daemon.h"

namespace bpfdump::test {

/// As systemd-escape --path does.
[[nodiscard]] inline std::string escaped(std::string path) {
  if (path.starts_with('/')) path.erase(0, 1);
  std::string text;
  for (const char c : path) text += c == '/' ? "-" : c == '-' ? "\\x2d" : std::string(1, c);
  return text;
}

/// A test of targets with parameters.
class ScopesTest : public MountTest {
 protected:
  // Creates a dumper by the way of cp; its errno, or 0.
  [[nodiscard]] int copy(const std::string& object, const std::string& inside) const {
    return errno_of_writing(path(inside), read_file(object_file(object)));
  }
  [[nodiscard]] int look_up(const std::string& inside) const {
    struct stat status = {};
    return ::stat(path(inside).c_str(), &status) == 0 ? 0 : errno;
  }
  [[nodiscard]] ino_t inode(const std::string& inside) const {
    struct stat status = {};
    EXPECT_EQ(::stat(path(inside).c_str(), &status), 0) << inside << ": " << std::strerror(errno);
    return status.st_ino;
  }
  [[nodiscard]] std::string log_of(const std::string& inside) const {
    return read_file(path(".bpfdump/log/" + inside));
  }
  // The numbers in a column of a dump, but for its header.
  [[nodiscard]] std::set<std::string> column(const std::string& inside, int number) const {
    std::set<std::string> cells;
    auto lines = lines_of(read_file(path(inside)));
    if (!lines.empty()) lines.erase(lines.begin());
    for (const auto& line : lines) {
      std::istringstream fields(line);
      std::string cell;
      for (int at = 0; at <= number; ++at) fields >> cell;
      cells.insert(cell);
    }
    return cells;
  }
  void restart_suddenly() {
    daemon_.kill();
    sh("umount -l $M");
    ASSERT_TRUE(daemon_.start());
  }

  const std::string self_ = std::to_string(::getpid());
};

}  // namespace bpfdump::test
