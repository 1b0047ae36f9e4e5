// SPDX-License-Identifier: Apache-2.0
#include "targets/catalog.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/unit/fake_types.h"

namespace bpfdump::targets {
namespace {

using bpfdump::testing::FakeTypes;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> names(const FakeTypes& types) {
  std::vector<std::string> names;
  const Catalog catalog = Catalog::discover(types.get());
  for (const Target& target : catalog.targets()) names.push_back(target.name);
  return names;
}

TEST(CatalogTest, AKernelWithoutIteratorsHasNoTargets) {
  EXPECT_THAT(names(FakeTypes().add_struct("task_struct").add_function("schedule")), IsEmpty());
}

TEST(CatalogTest, ATargetIsAStructAndAFunction) {
  EXPECT_THAT(names(FakeTypes().add_target("task")), ElementsAre("task"));
  EXPECT_THAT(names(FakeTypes().add_struct("bpf_iter__task")), IsEmpty());
  EXPECT_THAT(names(FakeTypes().add_function("bpf_iter_task")), IsEmpty());
  EXPECT_THAT(names(FakeTypes().add_struct("bpf_iter__task").add_function("bpf_iter_tcp")),
              IsEmpty());
}

TEST(CatalogTest, AFunctionMayComeBeforeItsStruct) {
  EXPECT_THAT(names(FakeTypes().add_function("bpf_iter_task").add_struct("bpf_iter__task")),
              ElementsAre("task"));
}

TEST(CatalogTest, TheVerifiersTwinIsNoTarget) {
  FakeTypes types;
  types.add_target("task").add_target("task__safe_trusted");
  EXPECT_THAT(names(types), ElementsAre("task"));
}

TEST(CatalogTest, AStructWithoutANameOfItsOwnIsNoTarget) {
  EXPECT_THAT(names(FakeTypes().add_target("")), IsEmpty());
}

TEST(CatalogTest, IsSortedByName) {
  FakeTypes types;
  types.add_target("udp").add_target("bpf_map").add_target("task_file").add_target("task");
  EXPECT_THAT(names(types), ElementsAre("bpf_map", "task", "task_file", "udp"));
}

TEST(CatalogTest, FindsByNameOnly) {
  const Catalog catalog = Catalog::discover(FakeTypes().add_target("task").add_target("udp").get());
  ASSERT_NE(catalog.find("udp"), nullptr);
  EXPECT_EQ(catalog.find("udp")->context_type, "bpf_iter__udp");
  EXPECT_EQ(catalog.find("tcp"), nullptr);
  EXPECT_EQ(catalog.find("tas"), nullptr);
  EXPECT_EQ(catalog.find("zzz"), nullptr);
  EXPECT_EQ(catalog.find(""), nullptr);
}

TEST(CatalogTest, ATargetBringsWhatIsKnownAboutIt) {
  const Catalog catalog = Catalog::discover(FakeTypes().add_target("task_file").get());
  const Known& known = catalog.find("task_file")->known;
  EXPECT_EQ(known.namespace_kind, NamespaceKind::pid);
  EXPECT_EQ(known.nested_in, "task");
  EXPECT_EQ(known.nested_name, "file");
  EXPECT_FALSE(known.builtin.empty());
  ASSERT_EQ(known.parameters.size(), 2);
  EXPECT_EQ(known.parameters[0].key, "pid");
}

TEST(CatalogTest, AnUnknownTargetIsKeptWithNothingKnown) {
  const Catalog catalog = Catalog::discover(FakeTypes().add_target("of_tomorrow").get());
  const Target* target = catalog.find("of_tomorrow");
  ASSERT_NE(target, nullptr);
  EXPECT_EQ(target->context_type, "bpf_iter__of_tomorrow");
  EXPECT_EQ(target->known.name, "");
  EXPECT_EQ(target->known.namespace_kind, NamespaceKind::none);
  EXPECT_THAT(target->known.parameters, IsEmpty());
  EXPECT_TRUE(target->known.builtin.empty());
}

TEST(KnownTest, TheTableIsSortedAndHasNoNameTwice) {
  const auto& table = known_targets();
  EXPECT_TRUE(std::is_sorted(table.begin(), table.end(), [](const Known& a, const Known& b) {
    return a.name <= b.name;
  })) << "two rows are in the wrong order or equal";
}

TEST(KnownTest, EveryNestedNameIsInAKnownTarget) {
  for (const Known& known : known_targets()) {
    EXPECT_EQ(known.nested_in.empty(), known.nested_name.empty()) << known.name;
    const auto is_parent = [&](const Known& other) { return other.name == known.nested_in; };
    EXPECT_TRUE(known.nested_in.empty() || std::ranges::any_of(known_targets(), is_parent))
        << known.name;
  }
}

}  // namespace
}  // namespace bpfdump::targets
