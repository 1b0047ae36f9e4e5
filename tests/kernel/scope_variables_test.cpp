// SPDX-License-Identifier: Apache-2.0
//
// A program's const volatile variables, set by the name of a scope.
#include <algorithm>
#include <tuple>
#include <vector>

#include "tests/kernel/scopes.h"

namespace bpfdump::test {
namespace {

class VariablesTest : public ScopesTest {
 protected:
  // What the program prints with those settings, or why it does not.
  [[nodiscard]] std::string with(const std::string& settings) const {
    const std::string inside = "task/" + settings + "/x";
    const int code = copy("variables", inside);
    if (code == 0) return read_file(path(inside));
    EXPECT_EQ(code, EINVAL);
    EXPECT_EQ(look_up(inside), ENOENT);
    const std::string log = log_of(inside);
    const std::string begin = inside + " (object): failed: ";
    EXPECT_TRUE(log.starts_with(begin)) << log;
    return log.substr(std::min(begin.size(), log.size()));
  }
};

TEST_F(VariablesTest, ThoseThatAreNotSetStayAsTheyAre) {
  EXPECT_EQ(with("set.u8=1"), "1 2 3 4 -1 -2 -3 -4 0 1 3 abc 5 7 8\n");
}

TEST_F(VariablesTest, NumbersOfAllSizesCanBeSet) {
  EXPECT_EQ(with("set.u8=255,set.u16=65535,set.u32=4294967295,set.u64=18446744073709551615"),
            "255 65535 4294967295 18446744073709551615 -1 -2 -3 -4 0 1 3 abc 5 7 8\n");
  EXPECT_EQ(with("set.s8=-128,set.s16=-32768,set.s32=-2147483648,set.s64=-9223372036854775808"),
            "1 2 3 4 -128 -32768 -2147483648 -9223372036854775808 0 1 3 abc 5 7 8\n");
  EXPECT_EQ(with("set.s8=127,set.s16=32767,set.s32=2147483647,set.s64=9223372036854775807"),
            "1 2 3 4 127 32767 2147483647 9223372036854775807 0 1 3 abc 5 7 8\n");
  EXPECT_EQ(with("set.u8=0xfe,set.u64=0x8000000000000000,set.s8=-0x80,set.u16=007"),
            "254 7 3 9223372036854775808 -128 -2 -3 -4 0 1 3 abc 5 7 8\n");
}

TEST_F(VariablesTest, NumbersThatDoNotFitAreRefused) {
  for (const auto& [variable, what, values] :
       {std::tuple{"u8", "unsigned 8", std::vector{"256", "-1", "0x100", "", "x", "1x", "0x"}},
        {"u16", "unsigned 16", {"65536", "-0x1"}},
        {"u32", "unsigned 32", {"4294967296", "1.0", "+1"}},
        {"u64", "unsigned 64", {"18446744073709551616", "-1", " 1"}},
        {"s8", "signed 8", {"128", "-129", "--1", "-"}},
        {"s16", "signed 16", {"32768", "-32769"}},
        {"s32", "signed 32", {"2147483648", "-2147483649"}},
        {"s64", "signed 64", {"9223372036854775808", "-9223372036854775809", "true"}}}) {
    for (const std::string value : values) {
      const std::string setting = std::string("set.") + variable + "=" + value;
      EXPECT_EQ(with(setting), setting + ": expected a number of " + what + " bits\n");
    }
  }
}

TEST_F(VariablesTest, TruthCanBeSet) {
  for (const std::string value : {"true", "1", "0x1"})
    EXPECT_EQ(with("set.flag=" + value), "1 2 3 4 -1 -2 -3 -4 1 1 3 abc 5 7 8\n") << value;
  EXPECT_EQ(with("set.flag=false"), with("set.flag=0"));
  for (const std::string value : {"2", "-1", "yes", ""})
    EXPECT_EQ(with("set.flag=" + value), "set.flag=" + value + ": expected true or false\n");
}

TEST_F(VariablesTest, EnumsCanBeSetByNameAndNumber) {
  EXPECT_EQ(with("set.color=red,set.offset=left"), "1 2 3 4 -1 -2 -3 -4 0 7 -3 abc 5 7 8\n");
  EXPECT_EQ(with("set.color=9,set.offset=-1"), "1 2 3 4 -1 -2 -3 -4 0 9 -1 abc 5 7 8\n");
  EXPECT_EQ(with("set.color=left"), "set.color=left: expected a value of enum color\n");
  EXPECT_EQ(with("set.color=-1"), "set.color=-1: expected a value of enum color\n");
}

TEST_F(VariablesTest, TextCanBeSet) {
  EXPECT_EQ(with("set.text="), "1 2 3 4 -1 -2 -3 -4 0 1 3  5 7 8\n");
  EXPECT_EQ(with("set.text=b=c\\x2c\\x2f\\x0a"), "1 2 3 4 -1 -2 -3 -4 0 1 3 b=c,/\n 5 7 8\n");
  EXPECT_EQ(with("set.text=z"), "1 2 3 4 -1 -2 -3 -4 0 1 3 z 5 7 8\n") << "nothing of abc is left";
}

TEST_F(VariablesTest, AnUnknownOneIsToldThoseThatThereAre) {
  const std::string has =
      "u8, u16, u32, u64, s8, s16, s32, s64, flag, color, offset, text, record, numbers\n";
  EXPECT_EQ(with("set.none=1"),
            "set.none: the program has no const volatile variable 'none'; it has " + has);
  EXPECT_EQ(with("set.plain=1"),
            "set.plain: the program has no const volatile variable 'plain'; it has " + has);
  EXPECT_EQ(with("set.u8=1,set.U8=1"),
            "set.U8: the program has no const volatile variable 'U8'; it has " + has);
}

TEST_F(VariablesTest, StructsAndArraysCanNotBeSet) {
  for (const std::string name : {"record", "numbers"})
    EXPECT_EQ(with("set." + name + "=1"),
              "set." + name + "=1: only numbers, enums and arrays of char can be set\n");
}

TEST_F(VariablesTest, AProgramWithoutAnySaysSo) {
  const std::string inside = "task/set.x=1/x";
  EXPECT_EQ(copy("counted", inside), EINVAL);
  EXPECT_EQ(log_of(inside), inside +
                                " (object): failed: set.x: the program has no const volatile "
                                "variable 'x', nor any other\n");
}

}  // namespace
}  // namespace bpfdump::test
