// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace bpfdump::test {

/// The values of a JSON object by their names, as they are written.
using JsonObject = std::map<std::string, std::string>;

/// The elements of a JSON array, as they are written.
[[nodiscard]] std::vector<std::string> json_array(std::string_view text);

/// A JSON object; a failure of the test where it is none, or has a name twice.
[[nodiscard]] JsonObject json_object(std::string_view text);

/// A JSON string without escapes, without its quotes; anything else as it is.
[[nodiscard]] std::string unquoted(const std::string& value);

}  // namespace bpfdump::test
