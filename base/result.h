// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <string>
#include <system_error>
#include <tl/expected.hpp>
#include <utility>

namespace bpfdump::base {

/// Why something failed: a positive errno for programs, words for people.
///
/// A message says what was attempted, on which 'object', the cause after a colon and the way out
/// after a semicolon, in lower case and without a full stop:
///   attach iterator 'tcp': Operation not permitted; bpfdumpd needs CAP_BPF and CAP_PERFMON
struct Error {
  int code;
  std::string message;
};

template <class T>
using Result = tl::expected<T, Error>;

using Failure = tl::unexpected<Error>;

/// A failure whose message is complete as given.
template <class... Args>
[[nodiscard]] Failure fail(int code, fmt::format_string<Args...> format, Args&&... args) {
  return Failure(Error{code, fmt::format(format, std::forward<Args>(args)...)});
}

/// The system's words for an errno, as strerror() gives them; thread-safe.
[[nodiscard]] inline std::string errno_text(int code) {
  return std::generic_category().message(code);
}

/// A failure of a system call: the message is followed by a colon and the system's words.
template <class... Args>
[[nodiscard]] Failure fail_errno(int code, fmt::format_string<Args...> format, Args&&... args) {
  return Failure(
      Error{code, fmt::format(format, std::forward<Args>(args)...) + ": " + errno_text(code)});
}

}  // namespace bpfdump::base
