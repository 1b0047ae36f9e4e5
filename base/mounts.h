// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace bpfdump::base {

/// One line of a mount table.
struct MountEntry {
  std::string root;   ///< what of the file system is mounted: "/", or "net:[4026531840]" of nsfs
  std::string point;  ///< where
  std::string type;   ///< of the file system: "bpf"
};

/// The mounts that a process sees, in the order in which they were made. A line that can't be read
/// is left out; so is everything where the file can't.
/// Source: proc_pid_mountinfo(5).
[[nodiscard]] std::vector<MountEntry> mounts_of(const std::string& process = "self");

}  // namespace bpfdump::base
