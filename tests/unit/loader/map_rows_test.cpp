// SPDX-License-Identifier: Apache-2.0
#include "loader/map_rows.h"

#include <arpa/inet.h>
#include <bpf/btf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "targets/bpf/map_rows.h"

namespace bpfdump::loader {
namespace {

using ::testing::HasSubstr;

template <class Number>
std::string bytes_of(const Number& number) {
  return {reinterpret_cast<const char*>(&number), sizeof(number)};
}

std::string record(const std::string& key, const std::string& value,
                   const std::string& socket = {}) {
  map_row row = {};
  row.socket_size = static_cast<__u32>(socket.size());
  row.key_size = static_cast<__u32>(key.size());
  row.value_size = static_cast<__u32>(value.size());
  row.size = static_cast<__u32>(sizeof(row)) + row.socket_size + row.key_size + row.value_size;
  return bytes_of(row) + socket + key + value;
}

struct Rows {
  std::string text;
  std::string error;
};

Rows rows(const MapRows& format, const std::string& records) {
  Rows made;
  const auto done = format(std::as_bytes(std::span(records)), made.text);
  if (!done) {
    EXPECT_EQ(done.error().code, EIO);
    made.error = done.error().message;
  } else {
    EXPECT_EQ(*done, records.size());
  }
  return made;
}

class MapRowsTest : public ::testing::Test {
 protected:
  // The line of an element that has the number 7 as its key.
  std::string line(int value_type, const std::string& value) const {
    const MapShape shape = {.key_size = 4,
                            .value_size = static_cast<std::uint32_t>(value.size()),
                            .key_type = static_cast<std::uint32_t>(u32),
                            .value_type = static_cast<std::uint32_t>(value_type)};
    const auto made = rows(MapRows(shape, t), record(bytes_of(std::uint32_t{7}), value));
    EXPECT_EQ(made.error, "");
    return made.text;
  }
  // What comes behind "value": in it.
  std::string value(int type, const std::string& value) const {
    const std::string begin = R"({"key":7,"value":)", end = "}\n";
    const std::string text = line(type, value);
    EXPECT_TRUE(text.starts_with(begin) && text.ends_with(end)) << text;
    return text.substr(begin.size(), text.size() - begin.size() - end.size());
  }
  // A value of which the types make no sense.
  void expect_bytes(int type, std::size_t size) const {
    std::string text = "\"";
    for (std::size_t i = 0; i < size; ++i) text += i == 0 ? "2a" : " 2a";
    EXPECT_EQ(value(type, std::string(size, '*')), text + '"');
  }

  int add_int(const char* name, std::size_t size, int encoding) const {
    return btf__add_int(t, name, size, encoding);
  }
  int add_array(int element, std::uint32_t count) const {
    return btf__add_array(t, u32, element, count);
  }

  const std::unique_ptr<btf, void (*)(btf*)> types_{btf__new_empty(), btf__free};
  btf* const t = types_.get();
  const int u32 = btf__add_int(t, "unsigned int", 4, 0);
  const int letter = btf__add_int(t, "char", 1, BTF_INT_SIGNED);
};

// Changes a type in ways that libbpf's functions for making them do not allow.
btf_type& edit(btf* types, int id) {
  return *const_cast<btf_type*>(btf__type_by_id(types, static_cast<__u32>(id)));
}

TEST_F(MapRowsTest, AnElementIsALine) {
  const int u64 = add_int("unsigned long", 8, 0);
  const int name = add_array(letter, 8);
  const int stats = btf__add_struct(t, "stats", 16);
  btf__add_field(t, "packets", u64, 0, 0);
  btf__add_field(t, "name", name, 64, 0);
  EXPECT_EQ(line(stats, bytes_of(std::uint64_t{10}) + std::string("eth0\0\0\0\0", 8)),
            "{\"key\":7,\"value\":{\"packets\":10,\"name\":\"eth0\"}}\n");
}

TEST_F(MapRowsTest, RecordsFollowOneAnother) {
  const MapRows format({.key_size = 1, .value_size = 2}, nullptr);
  EXPECT_EQ(rows(format, "").text, "");
  EXPECT_EQ(rows(format, record("\1", "ab") + record("\2", "cd") + record("\3", "ef")).text,
            "{\"key\":\"01\",\"value\":\"61 62\"}\n"
            "{\"key\":\"02\",\"value\":\"63 64\"}\n"
            "{\"key\":\"03\",\"value\":\"65 66\"}\n");
}

TEST_F(MapRowsTest, ALongTextIsGivenBeforeTheRestIsMade) {
  const MapRows format({.key_size = 1, .value_size = 30'000}, nullptr);
  std::string records;
  for (int i = 0; i < 10; ++i) records += record("k", std::string(30'000, 'v'));
  std::string text;
  const auto taken = format(std::as_bytes(std::span(records)), text);
  ASSERT_TRUE(taken);
  EXPECT_EQ(*taken % (records.size() / 10), 0u) << "whole records";
  EXPECT_LT(*taken, records.size());
  EXPECT_GE(text.size(), MapRows::kLongText);
  EXPECT_LT(text.size(), 2 * MapRows::kLongText);
}

TEST_F(MapRowsTest, AMapPerCpuHasAValueForEach) {
  const MapShape shape = {.key_size = 4,
                          .value_size = 4,
                          .per_cpu = true,
                          .key_type = static_cast<std::uint32_t>(u32),
                          .value_type = static_cast<std::uint32_t>(u32)};
  const std::string values = bytes_of(std::uint64_t{1}) + bytes_of(std::uint64_t{0xffffffff});
  EXPECT_EQ(rows(MapRows(shape, t), record(bytes_of(1), values)).text,
            "{\"key\":1,\"values\":[{\"cpu\":0,\"value\":1},{\"cpu\":1,\"value\":4294967295}]}\n");
  EXPECT_EQ(rows(MapRows({.key_size = 4, .value_size = 1, .per_cpu = true}, nullptr),
                 record(bytes_of(1), values))
                .text,
            "{\"key\":\"01 00 00 00\",\"values\":[{\"cpu\":0,\"value\":\"01\"},"
            "{\"cpu\":1,\"value\":\"ff\"}]}\n");
}

TEST_F(MapRowsTest, NumbersOfAllSizes) {
  EXPECT_EQ(value(add_int("u8", 1, 0), "\xff"), "255");
  EXPECT_EQ(value(add_int("s8", 1, BTF_INT_SIGNED), "\xff"), "-1");
  EXPECT_EQ(value(add_int("u16", 2, 0), "\xfe\xff"), "65534");
  EXPECT_EQ(value(add_int("s16", 2, BTF_INT_SIGNED), "\xfe\xff"), "-2");
  EXPECT_EQ(value(u32, bytes_of(0xfffffffdu)), "4294967293");
  EXPECT_EQ(value(add_int("s32", 4, BTF_INT_SIGNED), bytes_of(-3)), "-3");
  EXPECT_EQ(value(add_int("u64", 8, 0), bytes_of(~0ULL)), "18446744073709551615");
  EXPECT_EQ(value(add_int("s64", 8, BTF_INT_SIGNED), bytes_of(INT64_MIN)), "-9223372036854775808");
  const int u128 = add_int("u128", 16, 0);
  EXPECT_EQ(value(u128, bytes_of(0xabcULL) + bytes_of(0ULL)), "\"0xabc\"");
  EXPECT_EQ(value(u128, bytes_of(1ULL) + bytes_of(~0ULL)),
            "\"0xffffffffffffffff0000000000000001\"");
}

TEST_F(MapRowsTest, TruthAndCharactersAndFractions) {
  const int boolean = add_int("bool", 1, BTF_INT_BOOL);
  EXPECT_EQ(value(boolean, std::string(1, '\0')), "false");
  EXPECT_EQ(value(boolean, "\x80"), "true");
  EXPECT_EQ(value(letter, "a"), "97");
  const int character = add_int("character", 1, BTF_INT_CHAR);
  EXPECT_EQ(value(character, "a"), "\"a\"");
  EXPECT_EQ(value(character, "\""), R"("\"")");
  EXPECT_EQ(value(character, "\n"), R"("\u000a")");
  EXPECT_EQ(value(character, "\xe4"), R"("\u00e4")");
  EXPECT_EQ(value(btf__add_float(t, "float", 4), bytes_of(-1.5F)), "-1.5");
  const int fraction = btf__add_float(t, "double", 8);
  EXPECT_EQ(value(fraction, bytes_of(0.1)), "0.1");
  EXPECT_EQ(value(fraction, bytes_of(std::numeric_limits<double>::infinity())), "\"inf\"");
  EXPECT_EQ(value(btf__add_float(t, "long double", 16), std::string(16, '\2')),
            "\"02 02 02 02 02 02 02 02 02 02 02 02 02 02 02 02\"");
}

TEST_F(MapRowsTest, PointersAreStrings) {
  EXPECT_EQ(value(btf__add_ptr(t, 0), bytes_of(0xffff888100000000ULL)), "\"0xffff888100000000\"");
  const int prototype = btf__add_func_proto(t, 0);
  EXPECT_EQ(value(btf__add_ptr(t, prototype), bytes_of(0ULL)), "\"0x0\"");
}

TEST_F(MapRowsTest, ModifiersChangeNothing) {
  const int type = btf__add_typedef(
      t, "counter",
      btf__add_const(t,
                     btf__add_volatile(
                         t, btf__add_restrict(
                                t, btf__add_type_tag(t, "user", btf__add_typedef(t, "u", u32))))));
  EXPECT_EQ(value(type, bytes_of(5)), "5");
}

TEST_F(MapRowsTest, ArraysOfCharAreTextWhereTheyCanBeShown) {
  const int text = add_array(letter, 6);
  EXPECT_EQ(value(text, std::string("a\"\\b\0\7", 6)), R"("a\"\\b")");
  EXPECT_EQ(value(text, std::string(6, '\0')), R"("")");
  EXPECT_EQ(value(text, std::string("\xc3\xa4\xe2\x82\xac\0", 6)), "\"\u00e4\u20ac\"");
  EXPECT_EQ(value(text, "abcdef"), "[97,98,99,100,101,102]") << "no NUL";
  EXPECT_EQ(value(text, std::string("ab\n\0\0\0", 6)), "[97,98,10,0,0,0]");
  EXPECT_EQ(value(text, std::string("\x7f\0\0\0\0\0", 6)), "[127,0,0,0,0,0]");
  EXPECT_EQ(value(add_array(add_int("u8", 1, 0), 2), std::string("a\0", 2)), "[97,0]");
  const int named = btf__add_typedef(t, "char_t", letter);
  EXPECT_EQ(value(add_array(named, 2), std::string("a\0", 2)), "[97,0]") << "as bpftool";
  EXPECT_EQ(value(add_array(btf__add_const(t, letter), 2), std::string("a\0", 2)), "\"a\"");
}

TEST_F(MapRowsTest, TextIsNeverInvalidUtf8) {
  const int text = add_array(letter, 5);
  for (const std::string bad :
       {"\x80", "\xc3", "\xc3(", "\xc0\x80", "\xc1\xbf", "\xc2\x9b", "\xe2\x82", "\xe0\x9f\xbf",
        "\xed\xa0\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff"}) {
    EXPECT_EQ(value(text, (bad + std::string(5, '\0')).substr(0, 5)).front(), '[')
        << testing::PrintToString(bad);
  }
  for (const std::string good : {"\xc2\xa0", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80",
                                 "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_EQ(value(text, (good + std::string(5, '\0')).substr(0, 5)), '"' + good + '"');
  }
}

TEST_F(MapRowsTest, ArraysNestAndMayBeEmpty) {
  const int row = add_array(add_int("u8", 1, 0), 2);
  EXPECT_EQ(value(add_array(row, 3), "\1\2\3\4\5\6"), "[[1,2],[3,4],[5,6]]");
  const int flexible = add_array(u32, 0);
  const int list = btf__add_struct(t, "list", 4);
  btf__add_field(t, "size", u32, 0, 0);
  btf__add_field(t, "entries", flexible, 32, 0);
  EXPECT_EQ(value(list, bytes_of(2)), R"({"size":2,"entries":[]})");
  EXPECT_EQ(value(add_array(btf__add_struct(t, "nothing", 0), 2), "*"), "[{},{}]");
}

TEST_F(MapRowsTest, UnionsAndMembersWithoutAName) {
  const int u8 = add_int("u8", 1, 0);
  const int bytes = add_array(u8, 4);
  const int address = btf__add_union(t, "", 4);
  btf__add_field(t, "number", u32, 0, 0);
  btf__add_field(t, "bytes", bytes, 0, 0);
  const int outer = btf__add_struct(t, "outer", 8);
  btf__add_field(t, "", address, 0, 0);
  btf__add_field(t, "last", u8, 32, 0);
  EXPECT_EQ(value(outer, std::string("\1\0\0\1\5\0\0\0", 8)),
            R"({"":{"number":16777217,"bytes":[1,0,0,1]},"last":5})");
}

TEST_F(MapRowsTest, BitfieldsOfBothKindsOfBtf) {
  const int u64 = add_int("u64", 8, 0);
  const int flags = btf__add_struct(t, "flags", 8);
  btf__add_field(t, "a", u32, 0, 3);
  btf__add_field(t, "b", u32, 3, 1);
  btf__add_field(t, "c", u32, 4, 13);
  btf__add_field(t, "d", u64, 17, 47);
  const std::uint64_t bits = 5 | 0 << 3 | 0x1abc << 4 | 0x7fff'1234'5678ULL << 17;
  EXPECT_EQ(value(flags, bytes_of(bits)),
            R"({"a":"0x5","b":"0x0","c":"0x1abc","d":"0x7fff12345678"})");

  const int three = add_int("three", 4, 0);
  reinterpret_cast<std::uint32_t*>(&edit(t, three) + 1)[0] = 3;  // bits
  const int old = btf__add_struct(t, "old", 4);
  btf__add_field(t, "low", three, 0, 0);
  btf__add_field(t, "high", three, 8, 0);
  btf_members(&edit(t, old))[1].offset = 3;
  EXPECT_EQ(value(old, bytes_of(0x2a)), R"({"low":"0x2","high":"0x5"})");
}

TEST_F(MapRowsTest, EnumerationsAreNamesWhereTheyHaveOne) {
  const int state = btf__add_enum(t, "state", 4);
  btf__add_enum_value(t, "UP", 1);
  btf__add_enum_value(t, "NONE", -1);
  btf__add_enum_value(t, "DOWN", 0);
  btf__add_enum_value(t, "OFF", 0);
  EXPECT_EQ(value(state, bytes_of(1)), "\"UP\"");
  EXPECT_EQ(value(state, bytes_of(0)), "\"DOWN\"") << "the first of two";
  EXPECT_EQ(value(state, bytes_of(-1)), "\"NONE\"");
  EXPECT_EQ(value(state, bytes_of(-5)), "-5");

  const int small = btf__add_enum(t, "small", 1);
  btf__add_enum_value(t, "ONE", 1);
  EXPECT_EQ(value(small, "\1"), "\"ONE\"");
  EXPECT_EQ(value(small, "\2"), "2");

  const int wide = btf__add_enum64(t, "wide", 8, false);
  btf__add_enum64_value(t, "MANY", 1ULL << 40);
  EXPECT_EQ(value(wide, bytes_of(1ULL << 40)), "\"MANY\"");
  EXPECT_EQ(value(wide, bytes_of(~0ULL)), "18446744073709551615");
  const int negative = btf__add_enum64(t, "negative", 8, true);
  btf__add_enum64_value(t, "MINUS", static_cast<__u64>(-2));
  EXPECT_EQ(value(negative, bytes_of(-2LL)), "\"MINUS\"");
  EXPECT_EQ(value(negative, bytes_of(-1LL)), "-1");
}

TEST_F(MapRowsTest, GlobalDataIsItsVariablesWithoutAKey) {
  const int count = btf__add_var(t, "count", BTF_VAR_GLOBAL_ALLOCATED, u32);
  const int name = btf__add_var(t, "name", BTF_VAR_STATIC, add_array(letter, 4));
  const int data = btf__add_datasec(t, ".data", 12);
  btf__add_datasec_var_info(t, count, 0, 4);
  btf__add_datasec_var_info(t, name, 8, 4);
  const MapShape shape = {
      .key_size = 4, .value_size = 12, .value_type = static_cast<std::uint32_t>(data)};
  const std::string values = bytes_of(3) + bytes_of(0) + std::string("abc\0", 4);
  EXPECT_EQ(rows(MapRows(shape, t), record(bytes_of(0), values)).text,
            "{\"value\":{\".data\":[{\"count\":3},{\"name\":\"abc\"}]}}\n");
  EXPECT_EQ(value(btf__add_datasec(t, ".bss", 1), "*"), R"({".bss":[]})");
}

TEST_F(MapRowsTest, WhatTheKernelHidesInValuesStaysHidden) {
  const int lock = btf__add_struct(t, "bpf_spin_lock", 4);
  btf__add_field(t, "val", u32, 0, 0);
  EXPECT_EQ(value(lock, bytes_of(1)), R"({"val":0})");
  const int task = btf__add_fwd(t, "task_struct", BTF_FWD_STRUCT);
  const int hidden = btf__add_ptr(t, btf__add_type_tag(t, "kptr_untrusted", task));
  EXPECT_EQ(value(hidden, bytes_of(0xffff888100000000ULL)), "\"0x0\"");
  const int shown = btf__add_ptr(t, btf__add_type_tag(t, "user", task));
  EXPECT_EQ(value(shown, bytes_of(16ULL)), "\"0x10\"");
}

TEST_F(MapRowsTest, NamesCannotBreakTheJson) {
  const int data = btf__add_struct(t, "data", 4);
  btf__add_field(t, "a", u32, 0, 0);
  const auto name = btf_members(&edit(t, data))[0].name_off;
  *const_cast<char*>(btf__str_by_offset(t, name)) = '\n';
  EXPECT_EQ(value(data, bytes_of(1)), R"({"?":1})");
}

// --- Types that make no sense: bytes, and no crash --------------------------------------------

TEST_F(MapRowsTest, TypesThatHaveNoValues) {
  expect_bytes(btf__add_fwd(t, "unknown", BTF_FWD_STRUCT), 4);
  const int prototype = btf__add_func_proto(t, 0);
  expect_bytes(prototype, 4);
  expect_bytes(btf__add_func(t, "function", BTF_FUNC_STATIC, prototype), 4);
  expect_bytes(btf__add_const(t, 0), 4);
  expect_bytes(1'000'000, 4);
  expect_bytes(add_array(btf__add_fwd(t, "unknown2", BTF_FWD_UNION), 1), 4);
}

TEST_F(MapRowsTest, TypesThatContainThemselves) {
  const int modifier = btf__add_const(t, u32);
  edit(t, modifier).type = static_cast<__u32>(modifier);
  expect_bytes(modifier, 4);

  const int self = btf__add_struct(t, "self", 4);
  btf__add_field(t, "self", self, 0, 0);
  expect_bytes(self, 4);

  const int list = btf__add_array(t, u32, u32, 1);
  const int pair = btf__add_union(t, "pair", 4);
  btf__add_field(t, "list", list, 0, 0);
  const_cast<struct btf_array*>(btf_array(&edit(t, list)))->type = static_cast<__u32>(pair);
  expect_bytes(pair, 4);
  expect_bytes(list, 4);
}

TEST_F(MapRowsTest, PartsOutsideOfTheWhole) {
  const int outside = btf__add_struct(t, "outside", 4);
  btf__add_field(t, "a", u32, 0, 0);
  btf__add_field(t, "b", u32, 8, 0);
  expect_bytes(outside, 4);
  const int far = btf__add_struct(t, "far", 4);
  btf__add_field(t, "a", u32, 0x00ff'fff8, 0);
  expect_bytes(far, 4);
  const int bits = btf__add_struct(t, "bits", 4);
  btf__add_field(t, "a", u32, 28, 5);
  expect_bytes(bits, 4);
  const int variable = btf__add_var(t, "variable", BTF_VAR_STATIC, u32);
  const int data = btf__add_datasec(t, ".data", 4);
  btf__add_datasec_var_info(t, variable, 1, 4);
  expect_bytes(data, 4);
  expect_bytes(u32, 3);
  expect_bytes(add_array(u32, 2), 7);
  expect_bytes(add_array(u32, 0x4000'0001), 4);
}

TEST_F(MapRowsTest, WhatWouldBeEndless) {
  const int nothing = btf__add_struct(t, "nothing", 0);
  expect_bytes(add_array(nothing, 0xffff'ffff), 4);

  // Each level says the same 16 times over.
  int many = u32;
  for (int level = 0; level < 20; ++level) {
    const int inner = many;
    many = btf__add_union(t, "", 4);
    for (int i = 0; i < 16; ++i) btf__add_field(t, "a", inner, 0, 0);
  }
  expect_bytes(many, 4);
}

TEST_F(MapRowsTest, LevelsAreCountedFromBelowToo) {
  // 100 arrays in one another; each of them is made before the one that contains it.
  int inner = u32;
  std::vector<int> arrays;
  for (int level = 0; level < 100; ++level) arrays.push_back(inner = add_array(inner, 1));
  EXPECT_EQ(value(arrays[9], bytes_of(3)), "[[[[[[[[[[3]]]]]]]]]]");
  expect_bytes(arrays.back(), 4);
  const int all = btf__add_union(t, "all", 4);
  for (const int array : arrays) btf__add_field(t, "a", array, 0, 0);
  expect_bytes(all, 4);
}

TEST_F(MapRowsTest, NumbersThatAreNone) {
  const int wide = add_int("wide", 4, 0);
  reinterpret_cast<std::uint32_t*>(&edit(t, wide) + 1)[0] = 33;  // bits in 4 bytes
  expect_bytes(wide, 4);
  const int none = add_int("none", 4, 0);
  reinterpret_cast<std::uint32_t*>(&edit(t, none) + 1)[0] = 0;
  expect_bytes(none, 4);
  const int odd = btf__add_enum(t, "odd", 4);
  edit(t, odd).size = 3;
  expect_bytes(odd, 3);
}

// --- Sockets ----------------------------------------------------------------------------------

map_socket socket_of(int family) {
  map_socket socket = {};
  socket.cookie = 77;
  socket.inode = 1234;
  socket.netns = 4026531840;
  socket.family = static_cast<__u16>(family);
  socket.type = SOCK_STREAM;
  socket.protocol = family == AF_UNIX ? 0 : 6;
  socket.state = 1;
  socket.local_port = 80;
  socket.peer_port = 5555;
  return socket;
}

TEST_F(MapRowsTest, ASocketAndItsValue) {
  map_socket four = socket_of(AF_INET);
  ::inet_pton(AF_INET, "127.0.0.1", four.local);
  ::inet_pton(AF_INET, "192.0.2.7", four.peer);
  const MapRows format({.key_size = 4, .value_size = 1}, nullptr);
  EXPECT_EQ(rows(format, record("", "\7", bytes_of(four))).text,
            "{\"socket\":{\"family\":\"inet\",\"type\":\"stream\",\"protocol\":\"tcp\","
            "\"state\":\"ESTAB\",\"netns\":4026531840,\"inode\":1234,\"cookie\":77,"
            "\"local\":\"127.0.0.1:80\",\"peer\":\"192.0.2.7:5555\"},\"value\":\"07\"}\n");
}

TEST_F(MapRowsTest, AKeyAndItsSocket) {
  map_socket six = socket_of(AF_INET6);
  ::inet_pton(AF_INET6, "2001:db8::1", six.local);
  six.state = 10;
  six.peer_port = 0;
  const MapRows format({.key_size = 1, .value_size = 8}, nullptr);
  EXPECT_THAT(
      rows(format, record("\1", "", bytes_of(six))).text,
      testing::AllOf(testing::StartsWith("{\"key\":\"01\",\"socket\":{\"family\":\"inet6\""),
                     HasSubstr("\"state\":\"LISTEN\""),
                     testing::EndsWith("\"local\":\"[2001:db8::1]:80\"}}\n")));
}

TEST_F(MapRowsTest, ASocketOfUnknownKindIsNumbers) {
  map_socket other = socket_of(99);
  other.type = 55;
  other.state = 66;
  const MapRows format({.key_size = 1, .value_size = 8}, nullptr);
  EXPECT_EQ(rows(format, record("\1", "", bytes_of(other))).text,
            "{\"key\":\"01\",\"socket\":{\"family\":99,\"type\":55,\"protocol\":6,\"state\":66,"
            "\"netns\":4026531840,\"inode\":1234,\"cookie\":77}}\n");
  EXPECT_THAT(rows(format, record("\1", "", bytes_of(socket_of(AF_UNIX)))).text,
              HasSubstr("\"family\":\"unix\",\"type\":\"stream\",\"protocol\":0,\"state\":"));
}

// --- Records that are none --------------------------------------------------------------------

TEST_F(MapRowsTest, ACutRecordIsAnErrorAfterTheLinesBefore) {
  const MapRows format({.key_size = 1, .value_size = 2}, nullptr);
  const std::string whole = record("\1", "ab");
  for (std::size_t size = 1; size < whole.size(); ++size) {
    const auto made = rows(format, whole + whole.substr(0, size));
    EXPECT_EQ(made.text, "{\"key\":\"01\",\"value\":\"61 62\"}\n");
    EXPECT_THAT(made.error, HasSubstr(size < sizeof(map_row) ? " bytes are no record" : "is cut"));
  }
}

TEST_F(MapRowsTest, ARecordOfAnotherMapIsAnError) {
  const MapRows format({.key_size = 4, .value_size = 2}, nullptr);
  const MapRows per_cpu({.key_size = 4, .value_size = 2, .per_cpu = true}, nullptr);
  const std::string key(4, '\0');
  EXPECT_EQ(rows(format, record("\1", "ab")).error,
            "read the elements of a map: a record of 19 bytes with 0 for a socket, 1 for a key and "
            "2 for a value is not of this map");
  for (const auto& bad :
       {record(key, "a"), record(key, ""), record(key, "abc"), record(key, "ab", "socket")}) {
    EXPECT_THAT(rows(format, bad).error, HasSubstr("is not of this map"));
  }
  EXPECT_THAT(rows(per_cpu, record(key, "ab")).error, HasSubstr("is not of this map"));
  EXPECT_EQ(rows(per_cpu, record(key, std::string(16, '\1'))).error, "");
}

TEST_F(MapRowsTest, SizesThatDoNotAddUpAreAnError) {
  const MapRows format({.key_size = 4, .value_size = 2}, nullptr);
  const std::string good = record(std::string(4, '\0'), "ab");
  for (std::size_t at = 0; at < sizeof(map_row); ++at) {
    for (const char flip : {'\1', '\x80'}) {
      std::string bad = good;
      bad[at] = static_cast<char>(bad[at] ^ flip);
      EXPECT_THAT(rows(format, bad).error, HasSubstr("is not of this map")) << at;
    }
  }
}

}  // namespace
}  // namespace bpfdump::loader
