// SPDX-License-Identifier: Apache-2.0
#include "tests/kernel/json.h"

#include <gtest/gtest.h>

namespace bpfdump::test {
namespace {

// Where the value or name that text begins with ends.
std::size_t end_of_value(std::string_view text) {
  int depth = 0;
  bool string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (string) {
      if (c == '\\') ++i;
      if (c == '"') string = false;
      continue;
    }
    if (depth == 0 && (c == ',' || c == ':' || c == ']' || c == '}')) return i;
    if (c == '"') string = true;
    if (c == '[' || c == '{') ++depth;
    if (c == ']' || c == '}') --depth;
  }
  return text.size();
}

std::string_view take(std::string_view& text, std::size_t size) {
  const auto taken = text.substr(0, size);
  text.remove_prefix(std::min(text.size(), size + 1));
  return taken;
}

std::string_view inside(std::string_view text, char first, char last) {
  while (text.ends_with('\n')) text.remove_suffix(1);
  if (text.size() >= 2 && text.front() == first && text.back() == last)
    return text.substr(1, text.size() - 2);
  ADD_FAILURE() << "not between " << first << " and " << last << ": " << text;
  return {};
}

}  // namespace

std::vector<std::string> json_array(std::string_view text) {
  std::vector<std::string> values;
  for (auto rest = inside(text, '[', ']'); !rest.empty();)
    values.emplace_back(take(rest, end_of_value(rest)));
  return values;
}

JsonObject json_object(std::string_view text) {
  JsonObject values;
  for (auto rest = inside(text, '{', '}'); !rest.empty();) {
    const std::string name = unquoted(std::string(take(rest, end_of_value(rest))));
    const bool is_new = values.emplace(name, take(rest, end_of_value(rest))).second;
    EXPECT_TRUE(is_new) << name << " twice: " << text;
  }
  return values;
}

std::string unquoted(const std::string& value) {
  return value.size() >= 2 && value.front() == '"' ? value.substr(1, value.size() - 2) : value;
}

}  // namespace bpfdump::test
