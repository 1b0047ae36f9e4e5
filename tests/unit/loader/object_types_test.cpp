// SPDX-License-Identifier: Apache-2.0
#include "loader/object_types.h"

#include <bpf/btf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "loader/object_file.h"
#include "targets/known.h"

namespace bpfdump::loader {
namespace {

using ::testing::MatchesRegex;

std::string real_object() {
  std::ifstream stream(BPFDUMP_BUILD_DIR "/targets/task.bpf.o", std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

// A real object with its first type of a kind changed; `edit` gets its number too.
std::string with_type(int kind, const std::function<void(btf_type&, std::uint32_t)>& edit) {
  std::string object = real_object();
  const auto section = sections_named(std::as_bytes(std::span(object)), ".BTF").at(0);
  const std::unique_ptr<btf, void (*)(btf*)> types(
      btf__new(section.data(), static_cast<std::uint32_t>(section.size())), btf__free);
  std::uint32_t size = 0;
  const auto* raw = static_cast<const char*>(btf__raw_data(types.get(), &size));
  for (std::uint32_t id = 1; id < btf__type_cnt(types.get()); ++id) {
    const btf_type* type = btf__type_by_id(types.get(), id);
    if (btf_kind(type) != kind) continue;
    const auto offset = reinterpret_cast<const char*>(section.data()) - object.data() +
                        (reinterpret_cast<const char*>(type) - raw);
    edit(*reinterpret_cast<btf_type*>(object.data() + offset), id);
    return object;
  }
  throw std::runtime_error("the object has no such type");
}

std::string refusal(const std::string& object) {
  const auto checked = check_object_types(std::as_bytes(std::span(object)));
  EXPECT_TRUE(checked || checked.error().code == EINVAL);
  return checked ? "accepted" : checked.error().message;
}

const std::string kMissing = "the object is malformed: type [0-9]+ refers to what is not there";

TEST(ObjectTypesTest, AcceptsEveryBuiltinProgram) {
  for (const targets::Known& known : targets::known_targets()) {
    if (known.builtin.empty()) continue;
    EXPECT_EQ(sections_named(known.builtin, ".BTF").size(), 1) << known.name;
    EXPECT_TRUE(check_object_types(known.builtin)) << known.name;
  }
}

TEST(ObjectTypesTest, ATypeThatIsNotThereIsMalformed) {
  for (const int kind :
       std::vector<int>{BTF_KIND_PTR, BTF_KIND_VAR, BTF_KIND_FUNC, BTF_KIND_FUNC_PROTO}) {
    const auto bad = with_type(kind, [](btf_type& type, std::uint32_t) { type.type = 100'000; });
    EXPECT_THAT(refusal(bad), MatchesRegex(kMissing)) << kind;
  }
}

TEST(ObjectTypesTest, AnEntryOfATypeThatIsNotThereIsMalformed) {
  // The number of a type is the second word of a member, and the first of the others.
  for (const int kind : std::vector<int>{BTF_KIND_STRUCT, BTF_KIND_ARRAY, BTF_KIND_DATASEC}) {
    const auto bad = with_type(kind, [&](btf_type& type, std::uint32_t) {
      auto* words = reinterpret_cast<std::uint32_t*>(&type + 1);
      words[kind == BTF_KIND_STRUCT ? 1 : 0] = 100'000;
    });
    EXPECT_THAT(refusal(bad), MatchesRegex(kMissing)) << kind;
  }
}

TEST(ObjectTypesTest, ANameThatIsNotThereIsMalformed) {
  const auto bad =
      with_type(BTF_KIND_STRUCT, [](btf_type& type, std::uint32_t) { type.name_off = 1 << 20; });
  EXPECT_THAT(refusal(bad), MatchesRegex(kMissing));
}

TEST(ObjectTypesTest, AFunctionIsOfAPrototype) {
  const auto bad =
      with_type(BTF_KIND_FUNC, [](btf_type& type, std::uint32_t id) { type.type = id; });
  EXPECT_THAT(refusal(bad), MatchesRegex(kMissing));
}

TEST(ObjectTypesTest, ATypedefOfItselfLeadsNowhere) {
  const auto bad =
      with_type(BTF_KIND_TYPEDEF, [](btf_type& type, std::uint32_t id) { type.type = id; });
  EXPECT_THAT(refusal(bad), MatchesRegex("the object is malformed: type [0-9]+ leads nowhere"));
}

TEST(ObjectTypesTest, TypesThatAreNoneAreMalformed) {
  std::string object = real_object();
  const auto section = sections_named(std::as_bytes(std::span(object)), ".BTF").at(0);
  object[static_cast<std::size_t>(reinterpret_cast<const char*>(section.data()) - object.data())] ^=
      1;
  EXPECT_EQ(refusal(object), "the object is malformed: its types (.BTF) can't be read");
}

TEST(ObjectTypesTest, AnObjectWithoutTypesHasNoneThatAreWrong) {
  std::string object = real_object();
  for (std::size_t at; (at = object.find(std::string(".BTF\0", 5))) != std::string::npos;)
    object[at] = '_';
  EXPECT_TRUE(sections_named(std::as_bytes(std::span(object)), ".BTF").empty());
  EXPECT_EQ(refusal(object), "accepted");
}

}  // namespace
}  // namespace bpfdump::loader
