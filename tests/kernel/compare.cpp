// SPDX-License-Identifier: Apache-2.0
#include "tests/kernel/compare.h"

#include <gtest/gtest.h>

#include "tests/kernel/process.h"

namespace bpfdump::test {

std::string without_controls(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) c = '?';
  }
  return text;
}

void expect_same(const std::string& ours, const std::string& theirs) {
  std::string a, b;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    a = read_file(ours);
    b = read_file(theirs);
    if (a == b) return;
  }
  EXPECT_EQ(a, b);
}

}  // namespace bpfdump::test
