// SPDX-License-Identifier: Apache-2.0
//
// Daemons side by side.
#include "tests/kernel/bpf_objects.h"
#include "tests/kernel/daemon.h"

namespace bpfdump::test {
namespace {

class IsolationTest : public MountTest {
 protected:
  void TearDown() override {
    other_.finish();
    MountTest::TearDown();
  }

  Daemon other_;
};

TEST_F(IsolationTest, TwoDaemonsDoNotDisturbEachOther) {
  ASSERT_TRUE(other_.start());
  const auto in_other = [&](const std::string& command) {
    const Outcome outcome = shell(command, other_.environment());
    EXPECT_EQ(outcome.status, 0) << command << "\n" << outcome.errors;
    return outcome.output;
  };
  sh("mkdir $M/task/x $M/bpf_map/only_here");
  in_other("cp $OBJECTS/counted.bpf.o $M/task/x");
  EXPECT_EQ(in_other("ls -A $M/bpf_map"), "");
  EXPECT_EQ(in_other("cat $M/task/x"), "session 41\n");
  EXPECT_NE(sh("cat $M/task/x").find("COMM"), std::string::npos);
  const BpfObjects objects = objects_of_pin(other_.pins() + "/task/x");

  sh("rm $M/task/x");
  EXPECT_EQ(in_other("cat $M/task/x"), "session 42\n");
  daemon_.stop();
  EXPECT_EQ(in_other("cat $M/task/x"), "session 43\n");
  ASSERT_TRUE(daemon_.start());
  EXPECT_EQ(sh("ls -A $M/task $M/bpf_map/only_here"),
            daemon_.path("bpf_map/only_here") + "\n\n" + daemon_.path("task") + ":\nfile\nvma\n");
  EXPECT_EQ(objects_of_pin(other_.pins() + "/task/x").links, objects.links);
}

TEST_F(IsolationTest, ASecondDaemonOnTheSamePinsIsRefused) {
  sh("mkdir $M/task/x");
  const Outcome second =
      shell("timeout 120 $BPFDUMPD -f --config /dev/null --state $ROOT/s --pins " + daemon_.pins() +
                " $M",
            other_.environment());
  EXPECT_EQ(second.status, 1);
  EXPECT_EQ(second.errors, "bpfdumpd: pins '" + daemon_.pins() +
                               "' are in use by another bpfdumpd; wait until it has ended, or "
                               "give this one --pins of its own\n");
  EXPECT_FALSE(other_.is_mounted());
  EXPECT_NE(sh("cat $M/task/x"), "");
}

TEST_F(IsolationTest, ASecondDaemonOnTheSameMountPointIsRefused) {
  const Outcome second = shell(
      "timeout 120 $BPFDUMPD -f --config /dev/null --state $ROOT/s --pins $PINS " + daemon_.mount(),
      other_.environment());
  EXPECT_EQ(second.status, 1);
  EXPECT_EQ(second.errors, "bpfdumpd: mount point '" + daemon_.mount() +
                               "' is busy; unmount what is there with 'umount " + daemon_.mount() +
                               "'\n");
  EXPECT_NE(sh("ls $M"), "");
}

}  // namespace
}  // namespace bpfdump::test
