// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <stdexcept>
#include <string_view>

#include "base/unique_fd.h"

namespace bpfdump::testing {

/// A pipe in the place of an iterator: what is written is what the program printed, an empty one
/// answers EAGAIN, and closing it is the end.
class Pipe {
 public:
  Pipe() {
    std::array<int, 2> ends = {-1, -1};
    if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) throw std::runtime_error("no pipe");
    out_.reset(ends[0]);
    in_.reset(ends[1]);
  }
  /// The iterator's descriptor; once.
  [[nodiscard]] base::UniqueFd take_iterator() { return std::move(out_); }
  void print(std::string_view text) {
    if (::write(in_.get(), text.data(), text.size()) != std::ssize(text))
      throw std::runtime_error("the pipe is full");
  }
  void end() { in_.reset(); }

 private:
  base::UniqueFd out_;
  base::UniqueFd in_;
};

}  // namespace bpfdump::testing
