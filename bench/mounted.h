// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <string>

namespace bpfdump::bench {

/// A bpfdumpd of this build with a mount, pins and state of its own, while it lives.
class Mounted {
 public:
  Mounted();
  ~Mounted();
  Mounted(const Mounted&) = delete;
  Mounted& operator=(const Mounted&) = delete;

  /// A dumper and the pin of the same link: two ways to read one thing.
  struct Dumper {
    std::string file;
    std::string pin;
  };
  /// With the target's built-in program.
  Dumper make(const std::string& target, const std::string& name) const;
  /// With a program of bench/bpf, in the object `object`; its function is called `name`.
  Dumper copy(const std::string& object, const std::string& target, const std::string& name) const;
  void remove(const std::string& target, const std::string& name) const;

  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  [[nodiscard]] Dumper at(const std::string& target, const std::string& name) const;

  std::string directory_;
  std::string pins_;
  pid_t pid_ = -1;
};

}  // namespace bpfdump::bench
