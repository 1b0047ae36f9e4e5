// SPDX-License-Identifier: Apache-2.0
#include "targets/scope.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <string>

namespace bpfdump::targets {
namespace {

using ::testing::ElementsAre;
using ::testing::FieldsAre;
using Form = ObjectName::Form;

// A target of the running kernel as this program knows it, or an unknown one.
const Target& target(const std::string& name) {
  static std::map<std::string, Target> targets;
  auto& known = targets[name];
  known.name = name;
  for (const auto& one : known_targets()) {
    if (one.name == name) known.known = one;
  }
  return known;
}

Scope parse(const std::string& target_name, std::string_view name) {
  const auto scope = Scope::parse(target(target_name), name);
  EXPECT_TRUE(scope) << scope.error().message;
  return scope.value_or(Scope{});
}

// Why a name is none of the target's scopes.
std::string refusal(const std::string& target_name, std::string_view name) {
  const auto scope = Scope::parse(target(target_name), name);
  if (scope) return "accepted";
  EXPECT_EQ(scope.error().code, EINVAL);
  return scope.error().message;
}

constexpr auto kMapForm =
    "the id or name of a BPF map, or its path in bpffs as systemd-escape --path gives it";
constexpr auto kCgroupForm =
    "the id of a cgroup, or its path below the cgroup2 root as systemd-escape --path gives it";

// --- The form of a name --------------------------------------------------------------------------

TEST(ScopeTest, ANameWithAnEqualsSignIsMeantForAScope) {
  EXPECT_TRUE(Scope::is_scope("pid=1"));
  EXPECT_TRUE(Scope::is_scope("="));
  EXPECT_FALSE(Scope::is_scope("pid"));
  EXPECT_FALSE(Scope::is_scope(""));
}

TEST(ScopeTest, KeepsItsName) { EXPECT_EQ(parse("task", "pid=7").name, "pid=7"); }

TEST(ScopeTest, WhatIsNoListOfSettingsIsToldTheFormAndTheKeys) {
  for (const auto* name :
       {"", "pid", "=", "=1", "pid=1,", "pid=1,,tid=2", ",pid=1", "pid=1,tid", ",", "pid=1,=2"}) {
    EXPECT_EQ(refusal("task", name),
              fmt::format("'{}': expected key=value[,key=value...]; target 'task' takes pid=, "
                          "tid=, set.NAME=",
                          name));
  }
}

TEST(ScopeTest, AnUnknownKeyIsToldThoseThatAreKnown) {
  EXPECT_EQ(refusal("task", "uid=0"),
            "target 'task' has no parameter 'uid'; it takes pid=, tid=, set.NAME=");
  EXPECT_EQ(refusal("cgroup", "pid=1"),
            "target 'cgroup' has no parameter 'pid'; it takes cgroup=, order=, set.NAME=");
  EXPECT_EQ(refusal("tcp", "set=1"),
            "target 'tcp' has no parameter 'set'; it takes netns=, set.NAME=");
  EXPECT_EQ(refusal("task", "PID=1"),
            "target 'task' has no parameter 'PID'; it takes pid=, tid=, set.NAME=");
}

TEST(ScopeTest, ATargetWithoutParametersTakesVariablesOnly) {
  EXPECT_EQ(refusal("of_tomorrow", "pid=1"),
            "target 'of_tomorrow' has no parameter 'pid'; it takes set.NAME=");
  EXPECT_THAT(parse("of_tomorrow", "set.least=8").variables, ElementsAre(FieldsAre("least", "8")));
  EXPECT_EQ(refusal("bpf_map", "map=1"),
            "target 'bpf_map' has no parameter 'map'; it takes set.NAME=");
}

TEST(ScopeTest, AKeyIsGivenOnce) {
  EXPECT_EQ(refusal("task", "pid=1,pid=1"), "'pid=1,pid=1': 'pid' is given twice");
  EXPECT_EQ(refusal("task", "set.a=1,pid=1,set.a=2"),
            "'set.a=1,pid=1,set.a=2': 'set.a' is given twice");
}

TEST(ScopeTest, SettingsMayComeInAnyOrder) {
  const Scope scope = parse("cgroup", "set.b=2,order=up,set.a=1,cgroup=9");
  EXPECT_EQ(scope.order, CgroupOrder::up);
  EXPECT_EQ(scope.cgroup->id, 9u);
  EXPECT_THAT(scope.variables, ElementsAre(FieldsAre("b", "2"), FieldsAre("a", "1")));
}

// --- Processes and threads -----------------------------------------------------------------------

TEST(ScopeTest, AProcessOrAThreadIsANumber) {
  EXPECT_EQ(parse("task", "pid=1").pid, 1u);
  EXPECT_EQ(parse("task_vma", "pid=2147483647").pid, 2147483647u);
  EXPECT_EQ(parse("task", "pid=1").tid, std::nullopt);
  EXPECT_EQ(parse("task_file", "tid=4194304").tid, 4194304u);
  EXPECT_EQ(parse("task_file", "tid=4194304").pid, std::nullopt);
}

TEST(ScopeTest, WhatIsNoProcessNumberIsRefused) {
  for (const auto* value :
       {"", "0", "01", "007", "-1", "+1", " 1", "1 ", "1x", "0x1", "self", "2147483648",
        "4294967297", "18446744073709551617", "99999999999999999999999999", "\\x31", "1=1"}) {
    EXPECT_EQ(
        refusal("task", fmt::format("pid={}", value)),
        fmt::format("'pid={}': expected the number of a process, in the reader's pid namespace",
                    value));
    EXPECT_EQ(
        refusal("task", fmt::format("tid={}", value)),
        fmt::format("'tid={}': expected the number of a thread, in the reader's pid namespace",
                    value));
  }
}

TEST(ScopeTest, AProcessAndAThreadAreNotGivenTogether) {
  EXPECT_EQ(refusal("task", "pid=1,tid=1"),
            "'pid=1,tid=1': a process or a thread can be given, not both");
  EXPECT_EQ(refusal("task", "tid=2,set.a=1,pid=1"),
            "'tid=2,set.a=1,pid=1': a process or a thread can be given, not both");
}

// --- Maps ----------------------------------------------------------------------------------------

TEST(ScopeTest, AMapIsGivenByItsId) {
  const Scope scope = parse("bpf_map_elem", "map=4294967295");
  EXPECT_EQ(scope.map->form, Form::id);
  EXPECT_EQ(scope.map->id, 4294967295u);
}

TEST(ScopeTest, AMapIsGivenByItsName) {
  for (const auto& [value, name] : {std::pair{"flows", "flows"},
                                    {"a.b_c", "a.b_c"},
                                    {"fl\\x6fws", "flows"},
                                    {"a\\x2Cb", "a,b"},
                                    {"a=b", "a=b"},
                                    {"0", "0"},
                                    {"007", "007"},
                                    {"7x", "7x"},
                                    {"4294967296", "4294967296"}}) {
    const Scope scope = parse("sockmap", fmt::format("map={}", value));
    EXPECT_EQ(scope.map->form, Form::name) << value;
    EXPECT_EQ(scope.map->text, name);
  }
}

TEST(ScopeTest, AMapIsGivenByItsPath) {
  for (const auto& [value, path] : {std::pair{"sys-fs-bpf-flows", "/sys/fs/bpf/flows"},
                                    {"sys-fs-bpf-my\\x2dmap", "/sys/fs/bpf/my-map"},
                                    {"a-\\xc3\\xbc", "/a/\303\274"},
                                    {"a-.b", "/a/.b"},
                                    {"a-...", "/a/..."},
                                    {"1-2", "/1/2"}}) {
    const Scope scope = parse("bpf_map_elem", fmt::format("map={}", value));
    EXPECT_EQ(scope.map->form, Form::path) << value;
    EXPECT_EQ(scope.map->text, path);
  }
}

TEST(ScopeTest, WhatCanBeNoMapIsRefused) {
  for (const auto* value : {"",      "-",        "a-",           "-a",       "a--b",  "a-..-b",
                            "..-a",  "a-..",     "a-\\x2e\\x2e", "a-\\x2fb", "\\",    "\\x",
                            "\\x4",  "\\x4g",    "\\xg4",        "\\41",     "\\X41", "a\\x00",
                            "\\x00", "a-\\x00b", "a-b\\x2",      "\\x-1",    "\\x+1"}) {
    EXPECT_EQ(refusal("bpf_map_elem", fmt::format("map={}", value)),
              fmt::format("'map={}': expected {}", value, kMapForm));
  }
}

TEST(ScopeTest, ATargetOfAMapMustBeToldWhich) {
  for (const auto* name : {"bpf_map_elem", "bpf_sk_storage_map", "sockmap"}) {
    for (const Scope& scope : {Scope{}, parse(name, "set.a=1")}) {
      const auto complete = scope.check_complete(target(name));
      ASSERT_FALSE(complete);
      EXPECT_EQ(complete.error().code, EINVAL);
      EXPECT_EQ(complete.error().message,
                fmt::format("target '{0}' must be told map=, which is {1}; create it as "
                            "{0}/map=.../NAME",
                            name, kMapForm));
    }
    EXPECT_TRUE(parse(name, "map=1").check_complete(target(name)));
  }
}

TEST(ScopeTest, AllOthersNeedNotBeToldAnything) {
  for (const auto* name : {"task", "cgroup", "tcp", "bpf_map", "of_tomorrow"})
    EXPECT_TRUE(Scope{}.check_complete(target(name))) << name;
}

// --- Control groups ------------------------------------------------------------------------------

TEST(ScopeTest, ACgroupIsGivenByItsId) {
  const Scope scope = parse("cgroup", "cgroup=18446744073709551615");
  EXPECT_EQ(scope.cgroup->form, Form::id);
  EXPECT_EQ(scope.cgroup->id, 18446744073709551615u);
}

TEST(ScopeTest, ACgroupIsGivenByItsPathBelowTheRoot) {
  for (const auto& [value, path] :
       {std::pair{"system.slice", "system.slice"},
        {"system.slice-ssh.service", "system.slice/ssh.service"},
        {"system.slice-system\\x2dgetty.slice", "system.slice/system-getty.slice"},
        {"-", ""},
        {"0", "0"},
        {"18446744073709551616", "18446744073709551616"}}) {
    const Scope scope = parse("cgroup", fmt::format("cgroup={}", value));
    EXPECT_EQ(scope.cgroup->form, Form::path) << value;
    EXPECT_EQ(scope.cgroup->text, path);
  }
}

TEST(ScopeTest, WhatCanBeNoCgroupIsRefused) {
  for (const auto* value :
       {"", "--", "-a", "a-", "..", "a-..", "a--b", "..-..-proc", "\\x2e\\x2e", "\\x00", "a\\x"}) {
    EXPECT_EQ(refusal("cgroup", fmt::format("cgroup={}", value)),
              fmt::format("'cgroup={}': expected {}", value, kCgroupForm));
  }
}

TEST(ScopeTest, CgroupsComeInOneOfFourOrders) {
  EXPECT_EQ(Scope{}.order, CgroupOrder::pre);
  for (const auto& [value, order] : {std::pair{"pre", CgroupOrder::pre},
                                     {"post", CgroupOrder::post},
                                     {"up", CgroupOrder::up},
                                     {"self", CgroupOrder::self}})
    EXPECT_EQ(parse("cgroup", fmt::format("order={}", value)).order, order) << value;
  for (const auto* value : {"", "Pre", "down", "1", "pre "}) {
    EXPECT_EQ(refusal("cgroup", fmt::format("order={}", value)),
              fmt::format("'order={}': expected pre, post, up or self", value));
  }
}

// --- Networks ------------------------------------------------------------------------------------

TEST(ScopeTest, ANetworkIsAName) {
  for (const auto& [value, name] : {std::pair{"blue", "blue"},
                                    {"1234", "1234"},
                                    {"all", "all"},
                                    {"my-net", "my-net"},
                                    {"my\\x2dnet", "my-net"},
                                    {"a\\x2cb", "a,b"},
                                    {"a=b", "a=b"},
                                    {"...", "..."}})
    EXPECT_EQ(parse("tcp", fmt::format("netns={}", value)).netns, name) << value;
}

TEST(ScopeTest, WhatCanBeNoNetworksNameIsRefused) {
  for (const auto* value :
       {"", ".", "..", "\\x2e\\x2e", "a/b", "/", "a\\x2fb", "..\\x2f..\\x2fetc", "\\x00", "\\x"}) {
    EXPECT_EQ(refusal("netlink", fmt::format("netns={}", value)),
              fmt::format("'netns={}': expected a name of ip-netns(8), the number of a process, "
                          "or all",
                          value));
  }
}

// --- Variables -----------------------------------------------------------------------------------

TEST(ScopeTest, AVariablesValueIsAnyText) {
  EXPECT_THAT(parse("task", "set.a=,set.b_2=b=c,set.c=\\x2c\\x2f\\x5c,set.d=-1").variables,
              ElementsAre(FieldsAre("a", ""), FieldsAre("b_2", "b=c"), FieldsAre("c", ",/\\"),
                          FieldsAre("d", "-1")));
}

TEST(ScopeTest, AVariableHasANameAndItsEscapesAreWhole) {
  for (const auto* setting : {"set.=1", "set.=", "set.a=\\x", "set.a=\\x00", "set.a=b\\"}) {
    EXPECT_EQ(refusal("task", setting),
              fmt::format("'{}': expected set.NAME=VALUE, with bytes as \\xNN", setting));
  }
}

}  // namespace
}  // namespace bpfdump::targets
