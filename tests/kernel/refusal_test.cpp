// SPDX-License-Identifier: Apache-2.0
//
// Starts that do not come to a mount: what was asked for and answered, and clear refusals.
#include <sys/mount.h>

#include <algorithm>
#include <fstream>

#include "tests/kernel/daemon.h"

namespace bpfdump::test {
namespace {

class RefusalTest : public DaemonTest {
 protected:
  void SetUp() override {
    DaemonTest::SetUp();
    configure("");
  }

  void configure(const std::string& text) const {
    std::ofstream(daemon_.root() + "/config.toml") << text;
  }

  // One line that says it, and nothing is mounted.
  void expect_refusal(const std::string& command, const std::string& words) const {
    const Outcome outcome = try_sh(command);
    EXPECT_EQ(outcome.status, 1) << command;
    EXPECT_EQ(outcome.output, "");
    EXPECT_TRUE(outcome.errors.starts_with("bpfdumpd: ")) << outcome.errors;
    EXPECT_NE(outcome.errors.find(words), std::string::npos) << outcome.errors;
    EXPECT_EQ(std::count(outcome.errors.begin(), outcome.errors.end(), '\n'), 1) << outcome.errors;
    EXPECT_FALSE(daemon_.is_mounted());
  }
};

TEST_F(RefusalTest, HelpAndVersionAreNone) {
  EXPECT_NE(sh("$BPFDUMPD --help").find("mkdir or cp creates a dumper"), std::string::npos);
  EXPECT_TRUE(sh("$BPFDUMPD --version").starts_with("bpfdumpd "));
}

TEST_F(RefusalTest, UnknownArguments) {
  expect_refusal("$BPFDUMPD --frobnicate", "see 'bpfdumpd --help'");
  expect_refusal("$START -o frobnicate", "mount option 'frobnicate' is not supported");
}

TEST_F(RefusalTest, CheckConfigSaysWithoutStarting) {
  configure("[limits]\nreaders = 3\n");
  const std::string file = daemon_.root() + "/config.toml";
  EXPECT_EQ(sh("$START --check-config"), "'" + file + "' is valid\n");
  configure("[target.tcpp]\n");
  EXPECT_EQ(sh("$START --check-config"),
            "[target.tcpp]: this kernel has no such target, it will be ignored\n'" + file +
                "' is valid\n");
  configure("[target.tcp]\ngroup = \"no such group\"\n");
  expect_refusal("$START --check-config", "[target.tcp]: there is no group 'no such group'");
  expect_refusal("$START --check-config --pins $M/pins", "lies below the mount point");
  configure("[limits]\nreaders = \"three\"\n");
  expect_refusal("$START --check-config", file + ":2:11: limits.readers: expected a number");
}

TEST_F(RefusalTest, AConfigurationThatIsNotUnderstood) {
  configure("[limits]\nreeders = 3\n");
  expect_refusal("$START", "/config.toml:2:1: unknown key 'limits.reeders'");
  expect_refusal("$BPFDUMPD -f --config $ROOT/none $M", "No such file or directory");
}

TEST_F(RefusalTest, AMountPointThatIsMissing) {
  sh("rmdir $M");
  expect_refusal("$START", "No such file or directory; make it with 'mkdir -p ");
}

TEST_F(RefusalTest, AMountPointThatIsNoDirectory) {
  sh("rmdir $M && touch $M");
  expect_refusal("$START", "Not a directory; choose a directory");
}

TEST_F(RefusalTest, AMountPointWhereSomethingIsMounted) {
  sh("mount -t tmpfs none $M");
  const Outcome outcome = try_sh("$START");
  EXPECT_EQ(outcome.status, 1);
  EXPECT_NE(outcome.errors.find("is busy; unmount what is there with 'umount "), std::string::npos)
      << outcome.errors;
  sh("umount $M");
}

TEST_F(RefusalTest, ADeadMountInTheWay) {
  ASSERT_TRUE(daemon_.start());
  daemon_.kill();
  ASSERT_TRUE(daemon_.is_mounted());
  const Outcome outcome = try_sh("$START");
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(outcome.errors, "bpfdumpd: a dead mount is in the way; clear it with 'umount -l " +
                                daemon_.mount() + "'\n");
  sh("umount -l $M");
}

TEST_F(RefusalTest, PathsBelowTheMountPoint) {
  expect_refusal("$BPFDUMPD -f --config $ROOT/config.toml --pins $M/pins $M",
                 "lies below the mount point");
  expect_refusal("$BPFDUMPD -f --config $ROOT/config.toml --pins $PINS --state $M/state $M",
                 "lies below the mount point");
  sh("ln -s $M $ROOT/alias");
  expect_refusal(
      "$BPFDUMPD -f --config $ROOT/config.toml --pins $PINS --state $ROOT/alias/state $M",
      "lies below the mount point");
}

TEST_F(RefusalTest, PinsOutsideABpffs) {
  expect_refusal("$BPFDUMPD -f --config $ROOT/config.toml --pins $ROOT/pins $M",
                 "are not in a bpffs; put them below '/sys/fs/bpf'");
}

TEST_F(RefusalTest, AUserWhoIsNotRoot) {
  BPFDUMP_REQUIRE(missing_program("setpriv"));
  expect_refusal("setpriv --bounding-set=-sys_admin --inh-caps=-sys_admin $START",
                 "bpfdumpd needs root");
}

TEST_F(RefusalTest, AMachineWithoutFuse) {
  BPFDUMP_REQUIRE(missing_program("unshare"));
  expect_refusal("unshare -m sh -c 'mount -t tmpfs none /dev && $START'",
                 "open '/dev/fuse': No such file or directory; load it with 'modprobe fuse'");
}

TEST_F(RefusalTest, AKernelWithoutBtf) {
  BPFDUMP_REQUIRE(missing_program("unshare"));
  expect_refusal("unshare -m sh -c 'mount -t tmpfs none /sys/kernel/btf && $START'",
                 "/sys/kernel/btf/vmlinux");
}

}  // namespace
}  // namespace bpfdump::test
