// SPDX-License-Identifier: Apache-2.0
#include "loader/json.h"

#include <cstddef>

namespace bpfdump::loader {
namespace {

// The size of the printable character that text begins with; 0 where there is none.
std::size_t printable_size(std::string_view text) {
  const auto byte = [&](std::size_t i) -> unsigned {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0;
  };
  const auto continues = [&](std::size_t i) { return (byte(i) & 0xc0) == 0x80; };
  const unsigned first = byte(0);
  if (first < 0x80) return first >= 0x20 && first != 0x7f ? 1 : 0;
  if (first < 0xe0) {
    // Below 0xc2: a continuation, or a longer form of ASCII. 0xc2 0x80 to 0xc2 0x9f are controls.
    const bool good = first >= 0xc2 && continues(1) && (first != 0xc2 || byte(1) >= 0xa0);
    return good ? 2 : 0;
  }
  if (first < 0xf0) {
    const bool longer = first == 0xe0 && byte(1) < 0xa0;
    const bool surrogate = first == 0xed && byte(1) >= 0xa0;
    return continues(1) && continues(2) && !longer && !surrogate ? 3 : 0;
  }
  const bool longer = first == 0xf0 && byte(1) < 0x90;
  const bool beyond = first > 0xf4 || (first == 0xf4 && byte(1) >= 0x90);
  return continues(1) && continues(2) && continues(3) && !longer && !beyond ? 4 : 0;
}

}  // namespace

bool is_printable(std::string_view text) {
  while (!text.empty()) {
    const std::size_t size = printable_size(text);
    if (size == 0) return false;
    text.remove_prefix(size);
  }
  return true;
}

void append_json_string(std::string_view text, std::string& to) {
  to += '"';
  while (!text.empty()) {
    const std::size_t size = printable_size(text);
    if (size == 0) {
      to += '?';
      text.remove_prefix(1);
      continue;
    }
    if (text.front() == '"' || text.front() == '\\') to += '\\';
    to += text.substr(0, size);
    text.remove_prefix(size);
  }
  to += '"';
}

void append_json_bytes(std::string_view bytes, std::string& to) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  char separator = '"';
  if (bytes.empty()) to += '"';
  for (const char byte : bytes) {
    const auto value = static_cast<unsigned char>(byte);
    const char text[] = {separator, kDigits[value >> 4], kDigits[value & 0xf]};
    to.append(text, sizeof(text));
    separator = ' ';
  }
  to += '"';
}

}  // namespace bpfdump::loader
