// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace bpfdump::test {

/// How often two looks at a living system may differ because it changed in between.
constexpr int kAttempts = 50;

/// Control characters as the built-in programs print them: '?'.
[[nodiscard]] std::string without_controls(std::string text);

/// The two files must once be the same.
void expect_same(const std::string& ours, const std::string& theirs);

}  // namespace bpfdump::test
