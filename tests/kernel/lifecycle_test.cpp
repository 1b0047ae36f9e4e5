// SPDX-License-Identifier: Apache-2.0
//
// Start, stop, sudden end and start again: what stays and what goes.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>

#include "tests/kernel/bpf_objects.h"
#include "tests/kernel/daemon.h"

namespace bpfdump::test {
namespace {

class LifecycleTest : public MountTest {
 protected:
  void restart_suddenly() {
    daemon_.kill();
    sh("umount -l $M");
    ASSERT_TRUE(daemon_.start());
  }
};

// Names that bpffs does not take as they are, and others that are easily lost.
const std::vector<std::string>& odd_names() {
  static const std::vector<std::string> names = {
      "plain",
      ".hidden",
      "a.b.c",
      "100%",
      "%2e",
      "~name",
      "tilde~",
      " leading and trailing ",
      "\303\274n\303\257c\303\266de",
      "not\377utf8",
      "new\nline",
      "tab\tand\x01",
      "-rf",
      "'\"$`\\",
      std::string(255, '.'),
      std::string(254, '.') + "x",
      std::string(255, 'n'),
      std::string(250, 'n'),
  };
  return names;
}

TEST_F(LifecycleTest, SigtermAndSigintEndItAndKeepThePins) {
  sh("mkdir $M/task/x");
  daemon_.stop();
  EXPECT_EQ(daemon_.pinned(), std::set<std::string>{"task/x"});
  ASSERT_TRUE(daemon_.start());
  ASSERT_EQ(::kill(daemon_.pid(), SIGINT), 0);
  daemon_.wait_for_end();
  EXPECT_EQ(daemon_.pinned(), std::set<std::string>{"task/x"});
}

TEST_F(LifecycleTest, ADumperSurvivesARestartWithItsAttributes) {
  sh("cp $OBJECTS/counted.bpf.o $M/task/x && cat $M/task/x && chmod 0604 $M/task/x && "
     "chown 12345:54321 $M/task/x && touch -d @1000000000.25 $M/task/x");
  const BpfObjects objects = objects_of_pin(daemon_.pins() + "/task/x");
  const std::string format = "stat -c '%F %a %u %g %.3Y %s' $M/task/x";
  const std::string before = sh(format);
  EXPECT_NE(before.find("604 12345 54321 1000000000.250"), std::string::npos) << before;

  daemon_.stop();
  ASSERT_TRUE(daemon_.start());
  EXPECT_EQ(sh(format), before);
  EXPECT_EQ(sh("cat $M/task/x"), "session 42\n");  // the same program with the same data
  EXPECT_EQ(objects_of_pin(daemon_.pins() + "/task/x").links, objects.links);

  restart_suddenly();
  EXPECT_EQ(sh(format), before);
  EXPECT_EQ(sh("cat $M/task/x"), "session 43\n");
  sh("rm $M/task/x");
  EXPECT_TRUE(objects.are_gone());
}

TEST_F(LifecycleTest, OddNamesSurviveARestart) {
  std::set<std::string> expected = {"file", "vma"};
  for (const auto& name : odd_names()) {
    ASSERT_EQ(::mkdir(path("task/" + name).c_str(), 0777), 0) << name << std::strerror(errno);
    expected.insert(name);
  }
  const auto listed = [&] {
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(path("task")))
      names.insert(entry.path().filename());
    return names;
  };
  EXPECT_EQ(listed(), expected);
  EXPECT_EQ(daemon_.pinned().size(), odd_names().size());

  daemon_.stop();
  ASSERT_TRUE(daemon_.start());
  EXPECT_EQ(listed(), expected);
  restart_suddenly();
  EXPECT_EQ(listed(), expected);
  for (const auto& name : odd_names()) {
    EXPECT_NE(read_file(path("task/" + name)), "") << name;
    EXPECT_EQ(::unlink(path("task/" + name).c_str()), 0) << name << std::strerror(errno);
  }
  EXPECT_EQ(sh("find $PINS ! -type d"), "");
}

TEST_F(LifecycleTest, NamesOf256BytesAreTooLong) {
  EXPECT_EQ(::mkdir(path("task/" + std::string(256, 'n')).c_str(), 0777), -1);
  EXPECT_EQ(errno, ENAMETOOLONG);
}

TEST_F(LifecycleTest, WhatWasRemovedOrReplacedStaysSoAfterARestart) {
  sh("mkdir $M/task/x $M/task/y && rm $M/task/x && cp $OBJECTS/counted.bpf.o $M/task/y");
  restart_suddenly();
  EXPECT_EQ(sh("ls -A $M/task"), "file\nvma\ny\n");
  EXPECT_EQ(sh("cat $M/task/y"), "session 41\n");
}

TEST_F(LifecycleTest, APendingNameDoesNotSurvive) {
  const base::UniqueFd writer(::open(path("task/x").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
  ASSERT_EQ(::write(writer.get(), "text", 4), 4);
  restart_suddenly();
  EXPECT_EQ(sh("ls -A $M/task"), "file\nvma\n");
  sh("mkdir $M/task/x");
}

TEST_F(LifecycleTest, StrangePinsAreLeftAloneAndSaidInTheLog) {
  daemon_.stop();
  sh("mkdir $PINS/task $PINS/nonsense && ln -s a.b $PINS/stray && "
     "bpftool map create $PINS/task/map type array key 4 value 4 entries 1 name t_stray && "
     "bpftool map create $PINS/task/odd type perf_event_array key 4 value 4 entries 1 name t_odd");
  ASSERT_TRUE(daemon_.start());
  EXPECT_EQ(sh("ls -A $M/task"), "file\nvma\n");
  EXPECT_NE(daemon_.log().find("/task/map"), std::string::npos) << daemon_.log();
  EXPECT_NE(daemon_.log().find("/stray"), std::string::npos) << daemon_.log();
  EXPECT_NE(daemon_.log().find("/task/odd"), std::string::npos) << daemon_.log();
  EXPECT_EQ(daemon_.pinned(), (std::set<std::string>{"task/map", "task/odd"}));
}

TEST_F(LifecycleTest, APinInTheDirectoryOfAnotherTargetIsNoDumperOfThat) {
  sh("mkdir $M/task/x $M/bpf_map/y");
  daemon_.stop();
  sh("mv $PINS/task/x $PINS/bpf_map/x");
  ASSERT_TRUE(daemon_.start());
  EXPECT_EQ(sh("ls $M/bpf_map"), "y\n");
  EXPECT_NE(daemon_.log().find("/bpf_map/x' is not for target 'bpf_map'"), std::string::npos)
      << daemon_.log();
  EXPECT_EQ(daemon_.pinned(), (std::set<std::string>{"bpf_map/x", "bpf_map/y"}));
}

TEST_F(LifecycleTest, AnUmountEndsItCleanly) {
  sh("mkdir $M/task/x && umount $M");
  daemon_.wait_for_end();
  EXPECT_EQ(daemon_.pinned(), std::set<std::string>{"task/x"});
}

TEST_F(LifecycleTest, SighupReloadsWhatCanChange) {
  const auto says = [&](const std::string& words) {
    return eventually([&] { return daemon_.log().find(words) != std::string::npos; });
  };
  sh("printf '[log]\\nlevel = \"debug\"\\n' > $ROOT/config.toml && kill -HUP " +
     std::to_string(daemon_.pid()));
  EXPECT_TRUE(says("reloaded: log.level\n"));
  sh("printf '[limits]\\nreaders = 3\\n' > $ROOT/config.toml && kill -HUP " +
     std::to_string(daemon_.pid()));
  EXPECT_TRUE(says("other changes take effect at the next start"));
  sh("echo nonsense > $ROOT/config.toml && kill -HUP " + std::to_string(daemon_.pid()));
  EXPECT_TRUE(says("the old configuration stays"));
  EXPECT_NE(sh("ls $M"), "");
}

class BackgroundTest : public DaemonTest {
 protected:
  void SetUp() override {
    DaemonTest::SetUp();
    sh("printf '[log]\\nsink = \"%s/log\"\\n' $ROOT > $ROOT/config.toml");
  }
};

TEST_F(BackgroundTest, StartingReturnsWhenTheMountAnswers) {
  BPFDUMP_REQUIRE(missing_program("flock"));
  const std::string start =
      "$BPFDUMPD --config $ROOT/config.toml --pins $PINS --state $ROOT/state $M";
  EXPECT_EQ(sh(start + " && mkdir $M/task/x && head -c 10 $M/task/x"), "      TGID");
  EXPECT_TRUE(daemon_.is_mounted());
  sh("umount $M");
  // Its lock on the pins goes with the daemon.
  EXPECT_TRUE(eventually([&] { return try_sh("flock -n $PINS true").status == 0; }));
  EXPECT_FALSE(daemon_.is_mounted());
}

TEST_F(BackgroundTest, StartingSaysWhatKeepsItFromMounting) {
  const Outcome outcome = try_sh("$BPFDUMPD --config $ROOT/config.toml --pins $PINS $ROOT/none");
  EXPECT_EQ(outcome.status, 1);
  EXPECT_NE(outcome.errors.find("No such file or directory"), std::string::npos);
}

TEST_F(BackgroundTest, MountStartsIt) {
  // mount(8) looks for its helpers in /sbin only; this is what it would run.
  sh("$BPFDUMPD bpfdump $M -o rw,nosuid,noauto,x-systemd.automount --config $ROOT/config.toml "
     "--pins $PINS --state $ROOT/state");
  EXPECT_NE(sh("ls $M"), "");
  sh("umount $M");
  EXPECT_TRUE(eventually([&] { return try_sh("flock -n $PINS true").status == 0; }));
}

}  // namespace
}  // namespace bpfdump::test
