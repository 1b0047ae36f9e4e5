// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace bpfdump::loader {

/// All that is said during one attempt to load a program: our words, libbpf's and the verifier's.
/// Belongs to one attempt on one thread; not thread-safe.
class LoadLog {
 public:
  /// Adds a line of our own.
  void add(std::string_view line);

  /// Adds text as it comes, with its line ends.
  void append(std::string_view text);

  /// Everything, whole lines. A text beyond 1 MiB keeps its beginning and its end, and says how
  /// much is missing: the verifier's reason stands at the end.
  [[nodiscard]] std::string text() const;

  /// The one line that tells a person what went wrong: the verifier's reason if it was the one
  /// who refused, else libbpf's last words; empty when nothing was said.
  [[nodiscard]] std::string summary() const;

 private:
  void trim_tail();

  std::string head_;
  std::string tail_;
  std::size_t omitted_ = 0;
};

/// While one lives, what libbpf says on this thread goes to its log. Captures nest.
class Capture {
 public:
  /// Borrows `log`, which must outlive the capture.
  explicit Capture(LoadLog& log);
  ~Capture();
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;

 private:
  LoadLog* outer_;
};

}  // namespace bpfdump::loader
