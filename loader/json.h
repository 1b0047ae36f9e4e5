// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace bpfdump::loader {

/// Whether text is UTF-8 without control characters: fit to be shown to people.
[[nodiscard]] bool is_printable(std::string_view text);

/// Appends printable text as a JSON string. What is not printable becomes '?', byte by byte.
void append_json_string(std::string_view text, std::string& to);

/// Appends bytes as a JSON string of hexadecimal numbers: "01 00 ff".
void append_json_bytes(std::string_view bytes, std::string& to);

}  // namespace bpfdump::loader
