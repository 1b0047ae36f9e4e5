// SPDX-License-Identifier: Apache-2.0
#include "fsd/arguments.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <vector>

#include "fsd/version.h"

namespace bpfdump::fsd {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

base::Result<std::variant<Arguments, PrintAndExit>> parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "bpfdumpd");
  return parse_arguments(static_cast<int>(arguments.size()), arguments.data());
}

Arguments understood(const std::vector<const char*>& arguments) {
  const auto parsed = parse(arguments);
  EXPECT_TRUE(parsed) << parsed.error().message;
  return parsed ? std::get<Arguments>(*parsed) : Arguments{};
}

std::string printed(const std::vector<const char*>& arguments) {
  return std::get<PrintAndExit>(*parse(arguments)).text;
}

std::string refusal(const std::vector<const char*>& arguments) {
  const auto parsed = parse(arguments);
  EXPECT_TRUE(parsed || parsed.error().code == EINVAL);
  return parsed ? "accepted" : parsed.error().message;
}

TEST(ArgumentsTest, NothingIsLeftToTheConfiguration) {
  const Arguments arguments = understood({});
  EXPECT_FALSE(arguments.foreground);
  EXPECT_FALSE(arguments.check_config);
  EXPECT_FALSE(arguments.config || arguments.pins || arguments.state || arguments.mount_point);
}

TEST(ArgumentsTest, EveryOptionIsTaken) {
  const Arguments arguments =
      understood({"-f", "--check-config", "--config", "/c", "--pins=/p", "--state", "/s", "/mnt"});
  EXPECT_TRUE(arguments.foreground);
  EXPECT_TRUE(arguments.check_config);
  EXPECT_EQ(arguments.config, "/c");
  EXPECT_EQ(arguments.pins, "/p");
  EXPECT_EQ(arguments.state, "/s");
  EXPECT_EQ(arguments.mount_point, "/mnt");
}

TEST(ArgumentsTest, TheLastOfTwoPositionalsIsTheMountPoint) {
  EXPECT_EQ(understood({"/mnt"}).mount_point, "/mnt");
  EXPECT_EQ(understood({"bpfdump", "/mnt"}).mount_point, "/mnt");
}

TEST(ArgumentsTest, ThreePositionalsAreTooMany) {
  EXPECT_EQ(refusal({"bpfdump", "/mnt", "/more"}),
            "3 mount points are too many; see 'bpfdumpd --help'");
}

TEST(ArgumentsTest, TakesWhatMountPassesToAHelper) {
  const Arguments arguments = understood(
      {"bpfdump", "/mnt", "-o", "rw,nofail,_netdev,x-systemd.automount,allow_other,nosuid"});
  EXPECT_EQ(arguments.mount_point, "/mnt");
  EXPECT_EQ(understood({"-o", "rw", "bpfdump", "/mnt"}).mount_point, "/mnt");
  EXPECT_EQ(understood({"-orw,dev", "-o", "suid", "/mnt"}).mount_point, "/mnt");
  EXPECT_EQ(understood({"/mnt", "-o", "rw,,"}).mount_point, "/mnt");
}

TEST(ArgumentsTest, AnUnknownMountOptionIsNamed) {
  EXPECT_EQ(refusal({"/mnt", "-o", "rw,max_read=5,nodev"}),
            "mount option 'max_read=5' is not supported");
  EXPECT_EQ(refusal({"/mnt", "-o", "rw", "-o", "ro"}), "mount option 'ro' is not supported");
}

TEST(ArgumentsTest, AnUnknownOptionIsNamed) {
  EXPECT_THAT(refusal({"--frobnicate"}),
              AllOf(HasSubstr("--frobnicate"), HasSubstr("; see 'bpfdumpd --help'")));
}

TEST(ArgumentsTest, AnOptionWithoutItsValueIsNamed) {
  EXPECT_THAT(refusal({"--pins"}),
              AllOf(HasSubstr("--pins"), HasSubstr("; see 'bpfdumpd --help'")));
}

TEST(ArgumentsTest, VersionIsOneLine) {
  EXPECT_EQ(printed({"--version"}), "bpfdumpd " + std::string(kVersion) + "\n");
}

TEST(ArgumentsTest, HelpShowsHowAndNamesEveryOption) {
  const std::string help = printed({"--help"});
  EXPECT_THAT(help, StartsWith("The kernel's BPF iterators as files: "));
  for (const auto* option : {"-h,--help", "--version", "-f,--foreground", "--config FILE",
                             "--check-config", "--pins DIR", "--state DIR", "-o OPTIONS",
                             "MOUNTPOINT", "umount /mnt/bpfdump", "See bpfdumpd(8)."})
    EXPECT_THAT(help, HasSubstr(option));
  EXPECT_EQ(printed({"-h"}), help);
}

}  // namespace
}  // namespace bpfdump::fsd
