// SPDX-License-Identifier: Apache-2.0
#include "base/mounts.h"

#include <fmt/format.h>

#include <charconv>
#include <fstream>
#include <sstream>

namespace bpfdump::base {
namespace {

// Undoes the file's escapes: \040 for a space.
std::string unescape(std::string_view text) {
  std::string plain;
  for (std::size_t at = 0; at < text.size(); ++at) {
    unsigned byte = 0;
    const char* digits = text.data() + at + 1;
    if (text[at] == '\\' && at + 3 < text.size() &&
        std::from_chars(digits, digits + 3, byte, 8).ptr == digits + 3) {
      plain += static_cast<char>(byte);
      at += 3;
    } else {
      plain += text[at];
    }
  }
  return plain;
}

}  // namespace

std::vector<MountEntry> mounts_of(const std::string& process) {
  std::vector<MountEntry> mounts;
  std::ifstream file(fmt::format("/proc/{}/mountinfo", process));
  for (std::string line; std::getline(file, line);) {
    std::istringstream fields(line);
    std::string id, parent, device, root, point, option;
    fields >> id >> parent >> device >> root >> point;
    // Any number of optional fields, then a dash.
    while (fields >> option && option != "-") {
    }
    std::string type;
    if (fields >> type) mounts.push_back({unescape(root), unescape(point), type});
  }
  return mounts;
}

}  // namespace bpfdump::base
