// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.h"

namespace bpfdump::test {

/// What a command came to.
struct Outcome {
  int status;  ///< 128 + the signal's number if one ended it
  std::string output;
  std::string errors;
};

using Environment = std::map<std::string, std::string>;

/// Runs a command of sh(1) in the C locale, with `more` in its environment.
[[nodiscard]] Outcome shell(const std::string& command, const Environment& more = {});

/// Waits until `holds` does; false if it still does not after three minutes.
[[nodiscard]] bool eventually(const std::function<bool()>& holds);

/// A whole file, also one of /proc; a failure of the test where it can't be read.
[[nodiscard]] std::string read_file(const std::string& path);

/// Writes a whole file, new or truncated, and returns the errno of its close(2), or 0.
[[nodiscard]] int errno_of_writing(const std::string& path, std::string_view bytes);

[[nodiscard]] std::vector<std::string> lines_of(std::string_view text);

/// A process of the test's own; does not outlive it.
class Child {
 public:
  /// Forks, and ends the child with what `body` returns.
  explicit Child(const std::function<int()>& body);
  /// Forks and executes.
  Child(const std::vector<std::string>& command, const std::string& error_file,
        const Environment& more = {});
  Child(Child&& other) noexcept = default;
  Child& operator=(Child&&) = delete;
  ~Child();

  [[nodiscard]] pid_t pid() const { return pid_; }
  /// Readable once the process has ended.
  [[nodiscard]] int pidfd() const { return pidfd_.get(); }
  void signal(int number) const;
  /// Its exit status, 128 + the signal that ended it, or -1 after four minutes.
  [[nodiscard]] int wait();
  /// Waits until it sleeps in read(2); false if it never does.
  [[nodiscard]] bool sleeps_in_read() const;

 private:
  void adopt(pid_t pid);

  pid_t pid_ = -1;
  base::UniqueFd pidfd_;
  bool ended_ = false;
};

}  // namespace bpfdump::test
