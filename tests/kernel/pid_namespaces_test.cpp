// SPDX-License-Identifier: Apache-2.0
//
// Dumps from where the reader stands: pid namespaces, and the helper that enters them.
#include <fcntl.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "tests/kernel/daemon.h"

namespace bpfdump::test {
namespace {

using base::UniqueFd;
using Names = std::vector<std::string>;

// The last column of a dump of tasks, sorted.
Names commands_in(const std::string& text) {
  Names names;
  for (const auto& line : lines_of(text)) {
    const std::string name = line.substr(line.rfind(' ') + 1);
    if (name != "COMM") names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

bool has(const Names& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

class PidNamespacesTest : public DaemonTest {
 protected:
  void SetUp() override {
    DaemonTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    BPFDUMP_REQUIRE(missing_program("unshare"));
  }
  void start(const std::string& config = "") {
    ASSERT_TRUE(daemon_.start(config));
    sh("mkdir $M/task/x $M/task_file/x");
  }
  // A shell command whose shell is the first process of a pid namespace.
  [[nodiscard]] Outcome try_inside(const std::string& command) const {
    return try_sh("unshare -pf --kill-child sh -c '" + command + "; exit $?'");
  }
  std::string inside(const std::string& command) const {
    const Outcome outcome = try_inside(command);
    EXPECT_EQ(outcome.status, 0) << command << "\n" << outcome.errors;
    return outcome.output;
  }
  // The helper, a child of the daemon; 0: there is none.
  [[nodiscard]] pid_t helper() const {
    const std::string daemon = std::to_string(daemon_.pid());
    std::istringstream children(sh("cat /proc/" + daemon + "/task/*/children"));
    for (pid_t child = 0; children >> child;) {
      if (read_file("/proc/" + std::to_string(child) + "/comm") == "bpfdumpd-pidns\n") return child;
    }
    return 0;
  }
};

TEST_F(PidNamespacesTest, AReaderSeesTheTasksOfItsOwn) {
  start();
  for (int turn = 0; turn < 100; ++turn)
    ASSERT_EQ(commands_in(inside("cat $M/task/x")), (Names{"cat", "sh"})) << turn;
  const Names ours = commands_in(sh("cat $M/task/x"));
  EXPECT_TRUE(has(ours, "bpfdumpd"));
  EXPECT_TRUE(has(ours, "bpfdumpd-pidns"));
}

TEST_F(PidNamespacesTest, ManyReadsInOneShowNothingOfTheDaemon) {
  start();
  const std::string all = inside("for i in $(seq 200); do cat $M/task/x; done");
  Names expected(200, "cat");
  expected.insert(expected.end(), 200, "sh");
  EXPECT_EQ(commands_in(all), expected);
}

TEST_F(PidNamespacesTest, FilesAreThoseOfItsTasks) {
  start();
  auto lines = lines_of(inside("cat $M/task_file/x"));
  ASSERT_FALSE(lines.empty());
  lines.erase(lines.begin());
  std::set<std::string> processes;
  for (const auto& line : lines) {
    std::istringstream fields(line);
    std::string process;
    fields >> process;
    processes.insert(process);
  }
  EXPECT_EQ(processes.size(), 2u) << "sh and cat";
}

TEST_F(PidNamespacesTest, NestedOnesAreSeenFromAboveOnly) {
  start();
  EXPECT_EQ(commands_in(inside("unshare -pf --kill-child sh -c \"cat $M/task/x; true\"")),
            (Names{"cat", "sh"}));
  EXPECT_EQ(commands_in(inside("unshare -pf --kill-child sleep 1000 & "
                               "until cat $M/task/x | grep -q sleep; do :; done; cat $M/task/x; "
                               "kill $!")),
            (Names{"cat", "sh", "sleep", "unshare"}));
}

TEST_F(PidNamespacesTest, ALookAfreshIsWhereTheFileWasOpened) {
  start();
  std::array<int, 2> ends = {-1, -1};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const UniqueFd answer(ends[0]);
  const UniqueFd answers(ends[1]);
  const std::string file = daemon_.path("task/x");
  // In another namespace, and with our descriptors.
  const auto child = static_cast<pid_t>(
      ::syscall(SYS_clone, CLONE_NEWPID | CLONE_FILES | SIGCHLD, nullptr, nullptr, nullptr, 0));
  if (child == 0) {
    const int opened = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
    if (::write(answers.get(), &opened, sizeof(opened)) != sizeof(opened)) ::_exit(1);
    while (true) ::pause();
  }
  ASSERT_GT(child, 0) << std::strerror(errno);
  int opened = -1;
  ASSERT_EQ(::read(answer.get(), &opened, sizeof(opened)), static_cast<ssize_t>(sizeof(opened)));
  const UniqueFd dump(opened);
  for (int look = 0; look < 3; ++look) {
    std::array<char, 65536> text = {};
    const ssize_t size = ::pread(dump.get(), text.data(), text.size(), 0);
    ASSERT_GT(size, 0) << std::strerror(errno);
    EXPECT_EQ(commands_in({text.data(), static_cast<std::size_t>(size)}).size(), 1u);
  }
  ::kill(child, SIGKILL);
  EXPECT_EQ(::waitpid(child, nullptr, 0), child);
  char byte = 0;
  EXPECT_EQ(::pread(dump.get(), &byte, 1, 0), -1) << "the namespace has ended";
  EXPECT_FALSE(commands_in(sh("cat $M/task/x")).empty());
}

TEST_F(PidNamespacesTest, TheConfigurationCanSayTheDaemons) {
  start("[target.task]\nnamespace = \"daemon\"\n");
  EXPECT_TRUE(has(commands_in(inside("cat $M/task/x")), "bpfdumpd"));
}

// --- The helper ----------------------------------------------------------------------------------

TEST_F(PidNamespacesTest, AHelperThatWasKilledIsFollowedByAnother) {
  start();
  const pid_t first = helper();
  ASSERT_NE(first, 0);
  ASSERT_EQ(::kill(first, SIGKILL), 0);
  // It has ended once its number is a zombie's.
  ASSERT_TRUE(eventually([&] {
    return read_file("/proc/" + std::to_string(first) + "/stat").find(") Z ") != std::string::npos;
  }));
  EXPECT_EQ(commands_in(inside("cat $M/task/x")), (Names{"cat", "sh"}));
  EXPECT_NE(helper(), first);
  EXPECT_NE(helper(), 0);
}

TEST_F(PidNamespacesTest, AHelperThatWasStoppedCostsOneReaderAnError) {
  start();
  ASSERT_EQ(::kill(helper(), SIGSTOP), 0);
  const Outcome stuck = try_inside("cat $M/task/x");
  EXPECT_NE(stuck.status, 0);
  EXPECT_NE(stuck.errors.find("Connection timed out"), std::string::npos) << stuck.errors;
  EXPECT_EQ(commands_in(inside("cat $M/task/x")), (Names{"cat", "sh"}));
  EXPECT_NE(sh("cat $M/.bpfdump/dumpers")
                .find("create an iterator in the reader's pid namespace: the helper did not "
                      "answer"),
            std::string::npos);
}

TEST_F(PidNamespacesTest, ReadersThatAreKilledHurtNobody) {
  start();
  sh("for i in $(seq 50); do unshare -pf --kill-child cat $M/task/x >/dev/null & "
     "kill -9 $!; done; wait; true");
  EXPECT_EQ(commands_in(inside("cat $M/task/x")), (Names{"cat", "sh"}));
  EXPECT_TRUE(eventually([&] {
    const auto files = daemon_.open_files();
    return std::count(files.begin(), files.end(), "anon_inode:bpf_iter") == 0;
  }));
}

TEST_F(PidNamespacesTest, TheHelperEndsWithTheDaemon) {
  start();
  const std::string process = "/proc/" + std::to_string(helper());
  daemon_.kill();
  EXPECT_TRUE(eventually([&] { return ::access(process.c_str(), F_OK) != 0; }));
}

}  // namespace
}  // namespace bpfdump::test
