// SPDX-License-Identifier: Apache-2.0
#include "config/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>

#include "tests/unit/temporary_directory.h"

namespace bpfdump::config {
namespace {

using ::testing::EndsWith;
using ::testing::StartsWith;

// What parse() says against a text, as "errno message".
std::string refusal(std::string_view text) {
  const auto config = parse(text, "bpfdumpd.toml");
  return config ? "accepted" : fmt::format("{} {}", config.error().code, config.error().message);
}

std::string invalid(std::string_view message) {
  return fmt::format("{} bpfdumpd.toml:{}", EINVAL, message);
}

TEST(ConfigTest, AnEmptyTextIsTheDefaults) {
  const auto config = parse("", "bpfdumpd.toml");
  ASSERT_TRUE(config);
  EXPECT_EQ(*config, Config{});
}

TEST(ConfigTest, ReadsEveryKey) {
  const auto config = parse(R"(
[mount]
point = "/mnt/here"
[paths]
pins = "/sys/fs/bpf/mine"
state = "/var/lib/mine"
[limits]
source_bytes = 1000
dumpers = 20
readers = 3
readers_per_uid = 2
open_files = 50
open_files_per_uid = 40
[read]
stall_timeout = "2min"
ahead_bytes = 65536
[log]
level = "debug"
sink = "/var/log/bpfdump.log"
[target.tcp]
enabled = false
mode = "0640"
group = "adm"
namespace = "daemon"
)",
                            "bpfdumpd.toml");
  ASSERT_TRUE(config) << config.error().message;
  Config expected;
  expected.mount.point = "/mnt/here";
  expected.paths = {"/sys/fs/bpf/mine", "/var/lib/mine"};
  expected.limits = {1000, 20, 3, 2, 50, 40};
  expected.read.stall_timeout = std::chrono::minutes(2);
  expected.read.ahead_bytes = 65536;
  expected.log = {LogLevel::debug, "/var/log/bpfdump.log"};
  expected.targets["tcp"] = {
      .enabled = false, .mode = 0640, .group = "adm", .in_callers_namespace = false};
  EXPECT_EQ(*config, expected);
}

TEST(ConfigTest, ReadsEveryUnitOfTime) {
  const auto timeout = [](std::string_view value) {
    return parse(fmt::format("read.stall_timeout = '{}'", value), "f")->read.stall_timeout.count();
  };
  EXPECT_EQ(timeout("500ms"), 500);
  EXPECT_EQ(timeout("3s"), 3'000);
  EXPECT_EQ(timeout("2min"), 120'000);
}

TEST(ConfigTest, ReadsEveryLevelAndSink) {
  const auto log = [](std::string_view level, std::string_view sink) {
    return parse(fmt::format("log = {{level = '{}', sink = '{}'}}", level, sink), "f")->log;
  };
  EXPECT_EQ(log("error", "journal"), (Log{LogLevel::error, "journal"}));
  EXPECT_EQ(log("warn", "stderr"), (Log{LogLevel::warn, "stderr"}));
  EXPECT_EQ(log("info", "/l"), (Log{LogLevel::info, "/l"}));
}

TEST(ConfigTest, ReadsBothNamespaces) {
  const auto in_callers = [](std::string_view value) {
    return parse(fmt::format("target.tcp.namespace = '{}'", value), "f")
        ->targets.at("tcp")
        .in_callers_namespace;
  };
  EXPECT_TRUE(in_callers("caller"));
  EXPECT_FALSE(in_callers("daemon"));
  EXPECT_TRUE(parse("target.tcp.mode = '0400'", "f")->targets.at("tcp").in_callers_namespace);
}

TEST(ConfigTest, AnUnknownKeyIsNamedWithThoseThatAreKnown) {
  EXPECT_EQ(refusal("[limits]\n  sources = 1\n"),
            invalid("2:3: unknown key 'limits.sources'; expected one of: source_bytes, dumpers, "
                    "readers, readers_per_uid, open_files, open_files_per_uid"));
  EXPECT_EQ(refusal("[mounts]\n"),
            invalid("1:2: unknown key 'mounts'; expected one of: mount, paths, limits, read, log, "
                    "target"));
  EXPECT_EQ(refusal("[target.tcp]\nowner = 'x'\n"),
            invalid("2:1: unknown key 'target.tcp.owner'; expected one of: enabled, mode, group, "
                    "namespace"));
}

TEST(ConfigTest, AWrongTypeIsShownWithWhatWasExpected) {
  EXPECT_EQ(refusal("[mount]\npoint = 7\n"),
            invalid("2:9: mount.point: expected an absolute path, not 7"));
  EXPECT_EQ(refusal("target.tcp.enabled = 'yes'"),
            invalid("1:22: target.tcp.enabled: expected true or false, not 'yes'"));
  EXPECT_EQ(refusal("limits.readers = '5'"),
            invalid("1:18: limits.readers: expected a number from 1 to 1000, not '5'"));
  EXPECT_EQ(refusal("limits.readers = 5.0"),
            invalid("1:18: limits.readers: expected a number from 1 to 1000, not 5.0"));
  EXPECT_EQ(refusal("log.level = ['info']"),
            invalid("1:13: log.level: expected \"error\", \"warn\", \"info\" or \"debug\", "
                    "not an array"));
  EXPECT_EQ(refusal("mount = '/mnt'"), invalid("1:9: mount: expected a table, not '/mnt'"));
  EXPECT_EQ(refusal("target.tcp = true"), invalid("1:14: target.tcp: expected a table, not true"));
}

TEST(ConfigTest, AllMistakesAreShownInTheOrderOfTheFile) {
  const auto config = parse("[zzz]\n[limits]\nreaders = 0\n[log]\nlevel = 1\nlevle = 2\n", "f");
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().message,
            "f:1:2: unknown key 'zzz'; expected one of: mount, paths, limits, read, log, target\n"
            "f:3:11: limits.readers: expected a number from 1 to 1000, not 0\n"
            "f:5:9: log.level: expected \"error\", \"warn\", \"info\" or \"debug\", not 1\n"
            "f:6:1: unknown key 'log.levle'; expected one of: level, sink");
}

TEST(ConfigTest, AnImpossibleValueIsShownWithWhatIsPossible) {
  EXPECT_EQ(refusal("paths.pins = 'bpf'"),
            invalid("1:14: paths.pins: expected an absolute path, not 'bpf'"));
  EXPECT_EQ(refusal("paths.state = ''"),
            invalid("1:15: paths.state: expected an absolute path, not ''"));
  EXPECT_EQ(
      refusal("log.sink = 'here'"),
      invalid(
          "1:12: log.sink: expected \"journal\", \"syslog\", \"stderr\" or an absolute file name, "
          "not 'here'"));
  EXPECT_EQ(refusal("target.tcp.group = ''"),
            invalid("1:20: target.tcp.group: expected the name or number of a group, not ''"));
  for (const auto* name : {"", "Caller", "host", "all"}) {
    EXPECT_EQ(refusal(fmt::format("target.tcp.namespace = '{}'", name)),
              invalid(fmt::format("1:24: target.tcp.namespace: expected \"caller\" or \"daemon\", "
                                  "not '{}'",
                                  name)));
  }
  for (const auto* mode : {"rw", "0888", "01000", "", "-1"}) {
    EXPECT_EQ(refusal(fmt::format("target.tcp.mode = '{}'", mode)),
              invalid(fmt::format("1:19: target.tcp.mode: expected permissions in octal, such as "
                                  "\"0440\", not '{}'",
                                  mode)));
  }
  for (const auto* time : {"0s", "5", "5h", "-1s", "", "1.5s", "99999999999999999999s"}) {
    EXPECT_EQ(refusal(fmt::format("read.stall_timeout = '{}'", time)),
              invalid(fmt::format("1:22: read.stall_timeout: expected a time such as \"500ms\", "
                                  "\"30s\" or \"2min\", not '{}'",
                                  time)));
  }
}

TEST(ConfigTest, NumbersHaveTheirBounds) {
  const struct {
    const char* key;
    std::int64_t most;
  } numbers[] = {{"source_bytes", 256LL << 20},
                 {"dumpers", 1'000'000},
                 {"readers", 1'000},
                 {"readers_per_uid", 1'000}};
  for (const auto& [key, most] : numbers) {
    const auto with = [key = key](std::int64_t value) {
      return refusal(fmt::format("limits.{} = {}", key, value));
    };
    EXPECT_EQ(with(1), "accepted");
    EXPECT_EQ(with(most), "accepted");
    EXPECT_THAT(with(0), EndsWith(fmt::format("expected a number from 1 to {}, not 0", most)));
    EXPECT_THAT(with(-1), EndsWith(", not -1"));
    EXPECT_THAT(with(most + 1), EndsWith(fmt::format(", not {}", most + 1)));
  }
}

TEST(ConfigTest, ASyntaxErrorIsShownWhereItIs) {
  EXPECT_THAT(refusal("[mount]\npoint = /mnt\n"), StartsWith(invalid("2:9: ")));
  EXPECT_THAT(refusal("[mount"), StartsWith(invalid("1:")));
  EXPECT_THAT(refusal("[log]\nlevel = 'info'\nlevel = 'warn'\n"), StartsWith(invalid("3:")));
}

TEST(ConfigTest, LoadsAFile) {
  const bpfdump::testing::TemporaryDirectory directory;
  const auto config = load(directory.write("c.toml", "mount.point = '/m'\n"));
  ASSERT_TRUE(config);
  EXPECT_EQ(config->mount.point, "/m");
}

TEST(ConfigTest, AnEmptyFileIsTheDefaults) {
  const bpfdump::testing::TemporaryDirectory directory;
  const auto config = load(directory.write("c.toml", ""));
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(*config, Config{});
}

TEST(ConfigTest, AMissingFileIsENOENT) {
  const auto config = load("/nonexistent/bpfdumpd.toml");
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().code, ENOENT);
  EXPECT_EQ(config.error().message,
            "read configuration '/nonexistent/bpfdumpd.toml': No such file or directory");
}

TEST(ConfigTest, ADirectoryIsNoConfiguration) {
  const auto config = load("/");
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().message, "read configuration '/': Is a directory");
}

TEST(ConfigTest, AnErrorInAFileNamesTheFile) {
  const bpfdump::testing::TemporaryDirectory directory;
  const std::string file = directory.write("c.toml", "a = 1\n");
  EXPECT_THAT(load(file).error().message, StartsWith(file + ":1:1: unknown key 'a'; "));
}

}  // namespace
}  // namespace bpfdump::config
