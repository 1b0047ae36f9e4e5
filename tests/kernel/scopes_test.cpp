// SPDX-License-Identifier: Apache-2.0
//
// Targets with parameters: what is narrowed, what is refused, and what stays.
#include "tests/kernel/scopes.h"

#include <fcntl.h>
#include <sys/syscall.h>

#include <csignal>
#include <filesystem>
#include <latch>
#include <thread>
#include <vector>

#include "tests/kernel/bpf_objects.h"

namespace bpfdump::test {
namespace {

namespace fs = std::filesystem;

/// Threads of this process that do nothing.
class IdleThreads {
 public:
  explicit IdleThreads(int count) {
    std::latch begun(count);
    for (int at = 0; at < count; ++at) {
      threads_.emplace_back([&, at] {
        if (at == 0) first_ = static_cast<pid_t>(::syscall(SYS_gettid));
        begun.count_down();
        end_.wait();
      });
    }
    begun.wait();
  }
  ~IdleThreads() {
    end_.count_down();
    for (auto& thread : threads_) thread.join();
  }
  IdleThreads(const IdleThreads&) = delete;
  IdleThreads& operator=(const IdleThreads&) = delete;

  [[nodiscard]] pid_t first() const { return first_; }

 private:
  pid_t first_ = 0;
  std::latch end_{1};
  std::vector<std::thread> threads_;
};

std::set<std::string> own_threads() {
  std::set<std::string> threads;
  for (const auto& entry : fs::directory_iterator("/proc/self/task"))
    threads.insert(entry.path().filename());
  return threads;
}

// --- Processes and threads -----------------------------------------------------------------------

TEST_F(ScopesTest, AProcessIsAllOfItsThreads) {
  const IdleThreads threads(3);
  sh("mkdir $M/task/pid=" + self_ + "/x");
  EXPECT_EQ(column("task/pid=" + self_ + "/x", 0), std::set<std::string>{self_});
  EXPECT_EQ(column("task/pid=" + self_ + "/x", 1), own_threads());
  EXPECT_GE(own_threads().size(), 4u);
}

TEST_F(ScopesTest, AThreadIsItself) {
  const IdleThreads threads(3);
  const std::string thread = std::to_string(threads.first());
  sh("mkdir $M/task/tid=" + thread + "/x");
  EXPECT_EQ(column("task/tid=" + thread + "/x", 0), std::set<std::string>{self_});
  EXPECT_EQ(column("task/tid=" + thread + "/x", 1), std::set<std::string>{thread});
}

TEST_F(ScopesTest, AProgramOfOnesOwnIsCalledForNoOtherTask) {
  const IdleThreads threads(3);
  const std::string scope = "task/pid=" + self_;
  ASSERT_EQ(copy("counted", scope + "/x"), 0);
  EXPECT_EQ(read_file(path(scope + "/x")), "session 41\n");
  // And once when all is over.
  EXPECT_EQ(value_in_map(daemon_.pins() + "/" + scope + "/x", "t_calls"), own_threads().size() + 1);
}

TEST_F(ScopesTest, FilesOfOneProcessAreItsOwn) {
  sh("mkdir $M/task_file/pid=" + self_ + "/x");
  EXPECT_EQ(column("task_file/pid=" + self_ + "/x", 0), std::set<std::string>{self_});
  EXPECT_NE(read_file(path("task_file/pid=" + self_ + "/x")).find("/dev/null"), std::string::npos);
}

TEST_F(ScopesTest, AProcessThatIsNotThereIsAnEmptyDump) {
  for (const std::string scope : {"task/pid=2147483647", "task/tid=2147483647"}) {
    sh("mkdir $M/" + scope + "/x");
    EXPECT_EQ(read_file(path(scope + "/x")), "");
  }
  Child child([] { return ::pause(); });
  const std::string scope = "task/pid=" + std::to_string(child.pid());
  sh("mkdir $M/" + scope + "/x");
  EXPECT_EQ(column(scope + "/x", 0), std::set<std::string>{std::to_string(child.pid())});
  child.signal(SIGKILL);
  ASSERT_EQ(child.wait(), 128 + SIGKILL);
  EXPECT_EQ(read_file(path(scope + "/x")), "");
}

// --- Names ---------------------------------------------------------------------------------------

TEST_F(ScopesTest, ANameThatIsNoneIsEINVALWithItsReason) {
  EXPECT_EQ(look_up("task/pid=x"), EINVAL);
  EXPECT_EQ(log_of("task/pid=x"),
            "task/pid=x: 'pid=x': expected the number of a process, in the reader's pid "
            "namespace\n");
  EXPECT_EQ(::mkdir(path("task/uid=0").c_str(), 0777), -1);
  EXPECT_EQ(errno, EINVAL);
  EXPECT_EQ(log_of("task/uid=0"),
            "task/uid=0: target 'task' has no parameter 'uid'; it takes pid=, tid=, set.NAME=\n");
  EXPECT_EQ(look_up("pid=1"), ENOENT);
  EXPECT_EQ(look_up("task/pid=1/tid=1"), ENOENT);
  EXPECT_EQ(look_up("task/pid=1"), 0);
}

TEST_F(ScopesTest, AScopeIsListedWhileItHasDumpers) {
  EXPECT_EQ(sh("stat -c '%F %a' $M/task/pid=1 && ls -A $M/task"), "directory 755\nfile\nvma\n");
  EXPECT_NE(try_sh("mkdir $M/task/pid=1").errors.find("File exists"), std::string::npos);
  sh("mkdir $M/task/pid=1/x $M/task/pid=1/y");
  EXPECT_EQ(sh("ls -A $M/task $M/task/pid=1"),
            path("task") + ":\nfile\npid=1\nvma\n\n" + path("task/pid=1") + ":\nx\ny\n");
  EXPECT_EQ(log_of("task/pid=1/x"), "task/pid=1/x (built-in): loaded\n");
  EXPECT_NE(sh("cat $M/.bpfdump/dumpers").find("task/pid=1/x "), std::string::npos);
  EXPECT_EQ(daemon_.pinned(), (std::set<std::string>{"task/pid=1/x", "task/pid=1/y"}));

  EXPECT_EQ(::rmdir(path("task/pid=1").c_str()), -1);
  EXPECT_EQ(errno, ENOTEMPTY);
  sh("rm $M/task/pid=1/x");
  EXPECT_EQ(sh("ls -A $M/task"), "file\npid=1\nvma\n");
  sh("rm $M/task/pid=1/y");
  EXPECT_EQ(sh("ls -A $M/task"), "file\nvma\n");
  EXPECT_FALSE(fs::exists(daemon_.pins() + "/task/pid=1"));
  EXPECT_EQ(sh("find $M/.bpfdump/log/task -mindepth 1"), "");
  sh("rmdir $M/task/pid=1 && mkdir $M/task/pid=1/x && cat $M/task/pid=1/x");
}

TEST_F(ScopesTest, DumpersOfOneNameInSeveralScopesAreSeveral) {
  sh("mkdir $M/task/x $M/task/pid=1/x $M/task/pid=" + self_ + "/x && rm $M/task/pid=1/x");
  EXPECT_EQ(look_up("task/pid=1/x"), ENOENT);
  EXPECT_EQ(column("task/pid=" + self_ + "/x", 0), std::set<std::string>{self_});
  EXPECT_GT(column("task/x", 0).size(), 1u);
}

TEST_F(ScopesTest, NothingMovesInOrOutOfAScope) {
  sh("mkdir $M/task/pid=1/x $M/task/y");
  for (const char* const command :
       {"mv -n $M/task/pid=1/x $M/task/pid=1/y", "mkdir $M/task/pid=1/a=b",
        "mv -T $M/task/pid=1 $M/task/pid=2", "ln $M/task/y $M/task/pid=1/y",
        "ln -s x $M/task/pid=1/y", "rmdir $M/task", "rmdir $M/task/file"})
    EXPECT_EQ(try_sh(command).status, 1) << command;
  EXPECT_EQ(sh("cd $M/task && find . | sort"), ".\n./file\n./pid=1\n./pid=1/x\n./vma\n./y\n");
}

TEST_F(ScopesTest, AProgramIsReplacedInItsScope) {
  const IdleThreads threads(2);
  const std::string scope = "task/pid=" + self_;
  sh("mkdir $M/" + scope + "/x");
  ASSERT_EQ(copy("counted", scope + "/x"), 0);
  EXPECT_EQ(read_file(path(scope + "/x")), "session 41\n");
  EXPECT_EQ(errno_of_writing(path(scope + "/x"), "junk"), ENOEXEC);
  EXPECT_EQ(log_of(scope + "/x").find(scope + "/x (object): failed: "), 0u);
  EXPECT_EQ(read_file(path(scope + "/x")), "session 42\n");
}

TEST_F(ScopesTest, FindEnds) {
  sh("mkdir $M/task/pid=1/x && stat $M/task/pid=2");
  const std::string all = sh("timeout 60 find $M");
  EXPECT_NE(all.find("/task/pid=1/x\n"), std::string::npos);
  EXPECT_EQ(all.find("/task/pid=2"), std::string::npos);
}

TEST_F(ScopesTest, AUserWhoLooksUpEndlesslyManyHurtsNobodyElse) {
  Child user([&] {
    if (::setresgid(12345, 12345, 12345) != 0 || ::setresuid(12345, 12345, 12345) != 0) return 1;
    for (int at = 1; at <= 100'000; ++at) {
      const int code = look_up("task/pid=" + std::to_string(at));
      if (code == ENFILE) return 0;
      if (code != 0) return 1;
    }
    return 1;
  });
  EXPECT_EQ(user.wait(), 0) << "it must be refused some day, and by nothing else";
  EXPECT_EQ(look_up("task/pid=" + self_), 0);
  EXPECT_EQ(sh("setpriv --reuid=54321 --regid=54321 --clear-groups stat -c %F $M/task/tid=1"),
            "directory\n");
  EXPECT_EQ(sh("ls -A $M/task"), "file\nvma\n");
}

TEST_F(ScopesTest, AScopeInUseIsNotTakenAway) {
  const base::UniqueFd directory(
      ::open(path("task/pid=" + self_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  ASSERT_TRUE(directory.valid());
  for (int at = 1; at <= 3'000; ++at)
    ASSERT_EQ(look_up("task_vma/pid=" + std::to_string(at)), 0) << at;
  ASSERT_EQ(::mkdirat(directory.get(), "x", 0777), 0) << std::strerror(errno);
  EXPECT_EQ(column("task/pid=" + self_ + "/x", 0), std::set<std::string>{self_});
}

// --- What lasts ----------------------------------------------------------------------------------

TEST_F(ScopesTest, DumpersSurviveARestartWithTheirScopes) {
  const IdleThreads threads(2);
  const std::string thread = std::to_string(threads.first());
  // As long as a name may be, and longer as a name in bpffs.
  const std::string text(255 - std::string("set.text=.").size(), 't');
  const std::string longest = "task/set.text=." + text;
  sh("mkdir $M/task/pid=" + self_ + "/x $M/task_file/tid=" + thread + "/y");
  ASSERT_EQ(copy("variables", longest + "/z"), 0);
  const auto check = [&] {
    EXPECT_EQ(column("task/pid=" + self_ + "/x", 1), own_threads());
    EXPECT_EQ(column("task_file/tid=" + thread + "/y", 1), std::set<std::string>{thread});
    EXPECT_EQ(read_file(path(longest + "/z")), "1 2 3 4 -1 -2 -3 -4 0 1 3 ." + text + " 5 7 8\n");
    EXPECT_EQ(sh("ls -A $M/task | wc -l"), "4\n");
  };
  check();
  daemon_.stop();
  ASSERT_TRUE(daemon_.start());
  check();
  restart_suddenly();
  check();
  sh("rm $M/task/pid=" + self_ + "/x $M/task_file/tid=" + thread + "/y '" + path(longest) + "/z'");
  EXPECT_EQ(sh("ls -A $PINS/task $PINS/task_file; ls -A $M/task"),
            daemon_.pins() + "/task:\n\n" + daemon_.pins() + "/task_file:\nfile\nvma\n");
}

TEST_F(ScopesTest, APinInADirectoryThatIsNoScopeIsLeftAloneAndSaidInTheLog) {
  sh("mkdir $M/task/pid=1/x");
  daemon_.stop();
  sh("mkdir $PINS/task/uid=0 && mv $PINS/task/pid=1/x $PINS/task/uid=0/x");
  ASSERT_TRUE(daemon_.start());
  EXPECT_EQ(sh("ls -A $M/task"), "file\nvma\n");
  EXPECT_NE(daemon_.log().find("task/uid=0/x: target 'task' has no parameter 'uid'"),
            std::string::npos)
      << daemon_.log();
  EXPECT_EQ(daemon_.pinned(), std::set<std::string>{"task/uid=0/x"});
}

}  // namespace
}  // namespace bpfdump::test
