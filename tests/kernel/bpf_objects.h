// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <set>
#include <string>

namespace bpfdump::test {

/// Ids of links, programs and maps in the kernel. Others load programs at the same time as a test,
/// so nothing is concluded from how many there are: a test remembers the ids of what is its own, by
/// a pin or by a name that only it uses, and looks whether these are gone. The kernel counts ids
/// upwards and does not give one again soon.
struct BpfObjects {
  std::set<std::uint32_t> links;
  std::set<std::uint32_t> programs;
  std::set<std::uint32_t> maps;

  void add(const BpfObjects& other);
  /// Whether the kernel has forgotten all of them, at once or after a while: it frees in the
  /// background.
  [[nodiscard]] bool are_gone() const;
};

/// A pinned iterator's link, its program and the program's maps.
[[nodiscard]] BpfObjects objects_of_pin(const std::string& pin);

/// All programs and maps whose name begins with `prefix`.
[[nodiscard]] BpfObjects objects_named(const std::string& prefix);

/// The number at index 0 of a pinned iterator's map of this name.
[[nodiscard]] std::uint64_t value_in_map(const std::string& pin, const std::string& map);

}  // namespace bpfdump::test
