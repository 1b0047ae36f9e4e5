// SPDX-License-Identifier: Apache-2.0
//
// The reading contract: every record exactly once, whole and in order, or an error. The other side
// of the comparisons is the kernel itself: the pinned iterator, read directly.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <map>
#include <random>
#include <sstream>
#include <thread>
#include <vector>

#include "tests/kernel/bpf_objects.h"
#include "tests/kernel/daemon.h"

namespace bpfdump::test {
namespace {

using base::UniqueFd;

/// Reads up to `size` bytes in steps of `step`.
std::string read_some(int fd, std::size_t size, std::size_t step) {
  std::string text;
  std::string buffer(step, '\0');
  while (text.size() < size) {
    const ssize_t got = ::read(fd, buffer.data(), std::min(step, size - text.size()));
    EXPECT_GE(got, 0) << std::strerror(errno);
    if (got <= 0) break;
    text.append(buffer, 0, static_cast<std::size_t>(got));
  }
  return text;
}

class ReadingTest : public MountTest {
 protected:
  // Creates a dumper from a test program and returns the kernel's own answer.
  std::string create(const std::string& object, const std::string& inside) const {
    EXPECT_EQ(errno_of_writing(path(inside), read_file(object_file(object))), 0);
    return pin_text(inside);
  }

  std::string pin_text(const std::string& inside) const {
    return read_file(daemon_.pins() + "/" + inside);
  }

  UniqueFd open(const std::string& inside) const {
    UniqueFd file(::open(path(inside).c_str(), O_RDONLY | O_CLOEXEC));
    EXPECT_TRUE(file.valid()) << inside << ": " << std::strerror(errno);
    return file;
  }

  // A child that opens a dumper, reads and ends with the errno of it, or 0 at the end.
  Child reader_of(const std::string& inside, uid_t uid = 0) const {
    const std::string file = path(inside);
    return Child([=] {
      if (::setresuid(uid, uid, uid) != 0) return 255;
      // SIGALRM interrupts, without SA_RESTART.
      struct sigaction action = {};
      action.sa_handler = [](int) {};
      ::sigaction(SIGALRM, &action, nullptr);
      const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
      if (fd < 0) return 254;
      char buffer[4096];
      ssize_t got = 0;
      do {
        got = ::read(fd, buffer, sizeof(buffer));
      } while (got > 0);
      return got < 0 ? errno : 0;
    });
  }
};

TEST_F(ReadingTest, EveryToolSeesTheSameBytes) {
  const std::string content = create("numbers", "ksym/few");
  const auto lines = lines_of(content);
  ASSERT_EQ(lines.size(), 100u);
  EXPECT_EQ(sh("cat $M/ksym/few"), content);
  EXPECT_EQ(sh("cat < $M/ksym/few"), content);
  EXPECT_EQ(sh("head -1 $M/ksym/few"), lines.front() + "\n");
  EXPECT_EQ(sh("tail -1 $M/ksym/few"), lines.back() + "\n");
  EXPECT_EQ(sh("tail -n +99 $M/ksym/few"), lines[98] + "\n" + lines[99] + "\n");
  EXPECT_EQ(sh("wc -l < $M/ksym/few"), "100\n");
  EXPECT_EQ(sh("wc -c < $M/ksym/few"), std::to_string(content.size()) + "\n");
  EXPECT_EQ(sh("grep -c fox $M/ksym/few"), "100\n");
  EXPECT_EQ(sh("sed -n 7p $M/ksym/few"), lines[6] + "\n");
  EXPECT_EQ(sh("sort -n $M/ksym/few"), content);
  EXPECT_EQ(sh("awk 'END { print NR }' $M/ksym/few"), "100\n");
  EXPECT_EQ(sh("dd if=$M/ksym/few bs=1 status=none"), content);
  EXPECT_EQ(sh("dd if=$M/ksym/few bs=7 skip=3 status=none"), content.substr(21));
  EXPECT_EQ(sh("cp $M/ksym/few $ROOT/out && cat $ROOT/out"), content);
  EXPECT_EQ(sh("diff $M/ksym/few $PINS/ksym/few"), "");
  EXPECT_EQ(sh("cmp $M/ksym/few $ROOT/out"), "");
  EXPECT_EQ(sh("md5sum < $M/ksym/few"), sh("md5sum < $ROOT/out"));
  EXPECT_EQ(sh("while read -r number rest; do echo \"$number $rest\"; done < $M/ksym/few"),
            content);
}

TEST_F(ReadingTest, LessSeesTheSameBytes) {
  BPFDUMP_REQUIRE(missing_program("less"));
  const std::string content = create("numbers", "ksym/few");
  EXPECT_EQ(sh("less $M/ksym/few | cat"), content);
}

TEST_F(ReadingTest, ALargeDumpIsWhatThePinGives) {
  const std::string content = create("numbers", "ksym/many");
  ASSERT_GT(content.size(), 2u << 20);
  EXPECT_TRUE(read_file(path("ksym/many")) == content);
  EXPECT_EQ(sh("cmp $M/ksym/many $PINS/ksym/many"), "");
  for (const std::size_t step : {1000, 4096, 32768, 131072, 1 << 20, 4 << 20})
    EXPECT_TRUE(read_some(open("ksym/many").get(), content.size() + 1, step) == content) << step;
}

TEST_F(ReadingTest, PastTheEndThereIsNothing) {
  const std::string content = create("numbers", "ksym/few");
  const UniqueFd file = open("ksym/few");
  char byte = 0;
  EXPECT_EQ(::pread(file.get(), &byte, 1, std::ssize(content)), 0);
  EXPECT_EQ(::pread(file.get(), &byte, 1, 1 << 30), 0);
  EXPECT_EQ(::pread(file.get(), &byte, 1, std::ssize(content) - 1), 1);
  EXPECT_EQ(byte, '\n');
}

TEST_F(ReadingTest, AnyOffsetCanBeReadInAnyOrder) {
  const std::string content = create("numbers", "ksym/many");
  const UniqueFd file = open("ksym/many");
  std::string text(100, '\0');
  for (const off_t offset : {2'000'000, 1'000, 1'999'999, 0, 131'072, 131'000, 0}) {
    ASSERT_EQ(::pread(file.get(), text.data(), text.size(), offset), std::ssize(text));
    EXPECT_EQ(text, content.substr(static_cast<std::size_t>(offset), text.size())) << offset;
  }
}

TEST_F(ReadingTest, RewindingLooksAfresh) {
  create("numbers", "ksym/sessions");
  const UniqueFd file = open("ksym/sessions");
  const auto session = [](const std::string& text) { return text.substr(0, text.find(' ')); };
  const std::string first = session(read_some(file.get(), 100, 100));
  ASSERT_EQ(::lseek(file.get(), 0, SEEK_SET), 0);
  const std::string second = session(read_some(file.get(), 1 << 20, 4096));
  ASSERT_EQ(::lseek(file.get(), 0, SEEK_SET), 0);
  const std::string third = session(read_some(file.get(), 100, 100));
  EXPECT_EQ((std::set<std::string>{first, second, third}.size()), 3u);
}

// One session's lines, all of them, in order; returns its id.
std::uint64_t check_session(const std::string& text) {
  std::istringstream numbers(text);
  std::set<std::uint64_t> sessions;
  std::uint64_t session = 0, number = 0, expected = 0;
  while (numbers >> session >> number) {
    sessions.insert(session);
    if (number != expected) break;
    ++expected;
  }
  EXPECT_EQ(expected, 20'000u);
  EXPECT_EQ(sessions.size(), 1u);
  return session;
}

TEST_F(ReadingTest, TwoReadersInTurnDoNotMix) {
  create("numbers", "ksym/sessions");
  const UniqueFd a = open("ksym/sessions");
  const UniqueFd b = open("ksym/sessions");
  std::string from_a, from_b, part_a, part_b;
  do {
    part_a = read_some(a.get(), 5000, 5000);
    part_b = read_some(b.get(), 3000, 3000);
    from_a += part_a;
    from_b += part_b;
  } while (!part_a.empty() || !part_b.empty());
  EXPECT_NE(check_session(from_a), check_session(from_b));
}

TEST_F(ReadingTest, ManyReadersAtOnceDoNotMix) {
  create("numbers", "ksym/sessions");
  sh("for i in 1 2 3 4 5 6; do cat $M/ksym/sessions > $ROOT/$i & done; wait");
  std::set<std::uint64_t> sessions;
  for (int i = 1; i <= 6; ++i)
    sessions.insert(check_session(read_file(daemon_.root() + "/" + std::to_string(i))));
  EXPECT_EQ(sessions.size(), 6u);
}

TEST_F(ReadingTest, LookingNeverRunsAnIterator) {
  create("counted", "task/x");
  const std::string pin = daemon_.pins() + "/task/x";
  const auto before = value_in_map(pin, "t_calls");
  sh("ls -l $M/task && ls -laR $M && ls --color=always -F $M/task");
  sh("find $M -ls && find $M -type f -size +0 && du -a $M");
  sh("stat $M/task/x && test -r $M/task/x && echo $M/*/* && readlink -f $M/task/x");
  sh("exec 3< $M/task/x");
  EXPECT_EQ(value_in_map(pin, "t_calls"), before);
  sh("head -c 1 $M/task/x");
  EXPECT_GT(value_in_map(pin, "t_calls"), before);
}

TEST_F(ReadingTest, AMillionSilentObjectsAreAnEmptyFile) {
  ASSERT_EQ(errno_of_writing(path("task_file/x"), read_file(object_file("silent"))), 0);
  rlimit limit = {};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  const rlim_t most = std::min<rlim_t>(limit.rlim_max, 1'010'000);
  std::vector<Child> holders;
  for (rlim_t files = 0; files < 1'010'000; files += most - 10) {
    int ready[2] = {};
    ASSERT_EQ(::pipe2(ready, O_CLOEXEC), 0);
    holders.emplace_back([&] {
      const rlimit raised = {most, most};
      ::setrlimit(RLIMIT_NOFILE, &raised);
      while (::dup(STDERR_FILENO) >= 0) {
      }
      return ::write(ready[1], "", 1) == 1 ? ::pause() : 1;
    });
    ::close(ready[1]);
    char byte = 0;
    ASSERT_EQ(::read(ready[0], &byte, 1), 1);
    ::close(ready[0]);
  }

  const Outcome direct = try_sh("cat $PINS/task_file/x");
  EXPECT_EQ(direct.status, 1) << "the kernel copes with this alone: nothing is tested";
  EXPECT_NE(direct.errors.find("Resource temporarily unavailable"), std::string::npos);

  const Outcome ours = try_sh("cat $M/task_file/x");
  EXPECT_EQ(ours.status, 0);
  EXPECT_EQ(ours.output + ours.errors, "");
}

TEST_F(ReadingTest, ARecordThatIsTooLargeIsAnErrorAfterAllBeforeIt) {
  ASSERT_EQ(errno_of_writing(path("task/x"), read_file(object_file("too_large"))), 0);
  const std::string before = "record 0\nrecord 1\nrecord 2\n";
  const Outcome cat = try_sh("cat $M/task/x");
  EXPECT_EQ(cat.status, 1);
  EXPECT_EQ(cat.output, before);
  EXPECT_NE(cat.errors.find("Argument list too long"), std::string::npos) << cat.errors;

  const UniqueFd file = open("task/x");
  EXPECT_EQ(read_some(file.get(), before.size(), 10), before);
  char byte = 0;
  for (int attempt = 0; attempt < 3; ++attempt) {
    EXPECT_EQ(::read(file.get(), &byte, 1), -1);
    EXPECT_EQ(errno, E2BIG);
  }
  EXPECT_NE(sh("cat $M/.bpfdump/dumpers").find("the program printed more than the kernel's 32 KiB"),
            std::string::npos);
}

// The text of the program in borders.bpf.c, for its first `records` records.
std::string borders_text(std::size_t records) {
  static const std::vector<std::size_t> sizes = {
      1, 32767, 2, 32766, 1, 16384, 16384, 100, 32767, 32767, 4096, 28672, 28671, 3, 32765, 7};
  std::string text;
  for (std::size_t number = 0; number < records; ++number) {
    text.append(sizes[number % sizes.size()] - 1, static_cast<char>('A' + number % 26));
    text += '\n';
  }
  return text;
}

TEST_F(ReadingTest, RecordsAroundTheBordersAreWholeAndInOrder) {
  create("borders", "ksym/borders");
  const std::string expected = borders_text(300);
  EXPECT_TRUE(read_file(path("ksym/borders")) == expected);
  for (const std::size_t step : {1000, 32767, 32768, 32769, 131071, 131072, 131073, 1 << 20})
    EXPECT_TRUE(read_some(open("ksym/borders").get(), expected.size() + 1, step) == expected)
        << step;
}

TEST_F(ReadingTest, ARecordThatIsTooLargeCanBeTheFirstOneInTheMiddleOrTheLast) {
  for (const auto& [name, before] : std::map<std::string, std::size_t>{
           {"large_first", 0}, {"large_middle", 10}, {"large_last", 19}}) {
    ASSERT_EQ(errno_of_writing(path("ksym/" + name), read_file(object_file("borders"))), 0);
    const std::string expected = borders_text(before);
    const UniqueFd file = open("ksym/" + name);
    EXPECT_TRUE(read_some(file.get(), expected.size(), 100'000) == expected) << name;
    char byte = 0;
    EXPECT_EQ(::read(file.get(), &byte, 1), -1) << name;
    EXPECT_EQ(errno, E2BIG) << name;
    EXPECT_NE(daemon_.log().find("ksym/" + name +
                                 ": read the iterator: the program printed more than the kernel's "
                                 "32 KiB for one object"),
              std::string::npos);
  }
}

// Several threads on one open file, reading where they like, as much as they like: whatever a read
// gives is what stands there. Other offsets than the next one mean new sessions.
class RandomPreadsTest : public ReadingTest, public ::testing::WithParamInterface<unsigned> {};

TEST_P(RandomPreadsTest, GiveTheBytesAtTheirOffsets) {
  create("borders", "ksym/borders");
  const std::string expected = borders_text(300);
  const UniqueFd file = open("ksym/borders");
  std::vector<std::jthread> threads;
  for (unsigned thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&, thread] {
      std::mt19937 random(GetParam() * 4 + thread);
      const auto below = [&](std::size_t limit) { return random() % limit; };
      std::vector<char> buffer(1 << 20);
      std::size_t offset = 0;
      for (int turn = 0; turn < 60; ++turn) {
        if (below(5) == 0) offset = below(expected.size() + 10);
        if (below(10) == 0) offset = 0;
        const std::size_t size = 1 + below(below(2) == 0 ? 100 : buffer.size());
        const ssize_t got = ::pread(file.get(), buffer.data(), size, static_cast<off_t>(offset));
        ASSERT_GE(got, 0) << std::strerror(errno);
        const auto length = static_cast<std::size_t>(got);
        ASSERT_EQ(length == 0, offset >= expected.size()) << offset;
        ASSERT_TRUE(length == 0 || expected.compare(offset, length, buffer.data(), length) == 0)
            << offset << " " << size;
        offset += length;
      }
    });
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomPreadsTest, ::testing::Range(1u, 6u));

TEST_F(ReadingTest, SixtyFourReadersGetAllOfTheirRecords) {
  const std::string expected = create("numbers", "ksym/many");
  std::vector<std::string> texts(64);
  {
    std::vector<std::jthread> readers;
    for (auto& text : texts)
      readers.emplace_back([&] { text = read_some(open("ksym/many").get(), 64 << 20, 131072); });
  }
  for (const auto& text : texts) EXPECT_TRUE(text == expected) << text.size();
}

TEST_F(ReadingTest, ACgroupDumpThatCanNotGoOnIsAnError) {
  const std::string hierarchy = sh("awk '$3 == \"cgroup2\" {print $2; exit}' /proc/mounts");
  BPFDUMP_REQUIRE(hierarchy.empty() ? "no cgroup2 hierarchy is mounted" : "");
  const std::string parent =
      fmt::format("{}/bpfdump-test-{}", hierarchy.substr(0, hierarchy.size() - 1), ::getpid());
  ASSERT_EQ(::mkdir(parent.c_str(), 0755), 0) << parent << ": " << std::strerror(errno);
  for (int i = 0; i < 40; ++i) EXPECT_EQ(::mkdir(fmt::format("{}/{}", parent, i).c_str(), 0755), 0);
  ASSERT_EQ(errno_of_writing(path("cgroup/x"), read_file(object_file("cgroups"))), 0);

  const Outcome cat = try_sh("cat $M/cgroup/x");
  EXPECT_EQ(cat.status, 1);
  EXPECT_GT(cat.output.size(), 30'000u);
  EXPECT_EQ(cat.output.size() % 1000, 0u) << "a record was cut";
  EXPECT_NE(cat.errors.find("Operation not supported"), std::string::npos) << cat.errors;

  for (int i = 0; i < 40; ++i) ::rmdir(fmt::format("{}/{}", parent, i).c_str());
  EXPECT_EQ(::rmdir(parent.c_str()), 0);
}

class StallTest : public ReadingTest {
 protected:
  void start(const std::string& config) {
    ASSERT_TRUE(daemon_.start(config));
    ASSERT_EQ(errno_of_writing(path("task/stall"), read_file(object_file("stall"))), 0);
    ASSERT_EQ(errno_of_writing(path("ksym/few"), read_file(object_file("numbers"))), 0);
    sh("chmod 0444 $M/task/stall $M/ksym/few");
  }

  void SetUp() override { DaemonTest::SetUp(); }

  static constexpr const char* kPatient = "[read]\nstall_timeout = \"1000min\"\n";
};

TEST_F(StallTest, EndsWithEagainWhenItsTimeIsOver) {
  start("[read]\nstall_timeout = \"200ms\"\n");
  EXPECT_EQ(reader_of("task/stall").wait(), EAGAIN);
  const Outcome cat = try_sh("cat $M/task/stall");
  EXPECT_EQ(cat.status, 1);
  EXPECT_EQ(cat.output, "");
  EXPECT_NE(cat.errors.find("Resource temporarily unavailable"), std::string::npos);
}

TEST_F(StallTest, LetsAReaderGoThatIsKilledOrInterrupted) {
  start(kPatient);
  Child killed = reader_of("task/stall");
  Child interrupted = reader_of("task/stall");
  ASSERT_TRUE(killed.sleeps_in_read());
  ASSERT_TRUE(interrupted.sleeps_in_read());
  killed.signal(SIGKILL);
  EXPECT_EQ(killed.wait(), 128 + SIGKILL);
  interrupted.signal(SIGALRM);
  EXPECT_EQ(interrupted.wait(), EINTR);
}

TEST_F(StallTest, AReaderNeedNotWaitForAProgramThatTheKernelDoesNotStop) {
  start("");
  ASSERT_EQ(errno_of_writing(path("task/busy"), read_file(object_file("busy"))), 0);
  const auto running = [&](const std::string& number) {
    return sh("grep 'requests_running{kind=\"read\"}' $M/.bpfdump/metrics") ==
           "bpfdump_requests_running{kind=\"read\"} " + number + "\n";
  };
  Child reader = reader_of("task/busy");
  // A reader that sleeps may still wait for the daemon to see its request.
  ASSERT_TRUE(eventually([&] { return running("1"); }));
  reader.signal(SIGKILL);
  EXPECT_EQ(reader.wait(), 128 + SIGKILL);
  EXPECT_TRUE(running("1")) << "it was too quick";
  EXPECT_TRUE(eventually([&] { return running("0"); }));
}

TEST_F(StallTest, HoldsUpNobodyElse) {
  start(std::string(kPatient) + "[limits]\nreaders = 2\nreaders_per_uid = 1\n");
  std::vector<Child> stalled;
  for (int i = 0; i < 40; ++i) stalled.push_back(reader_of("task/stall"));
  for (const auto& one : stalled) ASSERT_TRUE(one.sleeps_in_read());

  EXPECT_NE(sh("ls -lR $M"), "");
  EXPECT_EQ(reader_of("ksym/few", 12345).wait(), 0);
  EXPECT_EQ(sh("mkdir $M/bpf_map/x && ls $M/bpf_map && rm $M/bpf_map/x"), "x\n");

  // Those that run and those that wait for their turn leave alike.
  for (auto& one : stalled) one.signal(&one - stalled.data() < 20 ? SIGKILL : SIGALRM);
  for (auto& one : stalled)
    EXPECT_EQ(one.wait(), &one - stalled.data() < 20 ? 128 + SIGKILL : EINTR);
  EXPECT_EQ(reader_of("ksym/few").wait(), 0);
}

TEST_F(StallTest, OfTwoUsersWhoFillAllSlotsHoldsUpNoThird) {
  start(std::string(kPatient) + "[limits]\nreaders = 4\nreaders_per_uid = 2\n");
  std::vector<Child> stalled;
  for (int i = 0; i < 20; ++i) stalled.push_back(reader_of("task/stall", 1001 + i % 2));
  for (const auto& one : stalled) ASSERT_TRUE(one.sleeps_in_read());
  EXPECT_NE(sh("cat $M/.bpfdump/metrics"), "");
  EXPECT_EQ(reader_of("ksym/few", 12345).wait(), 0);
  EXPECT_EQ(reader_of("ksym/few", 1001).wait(), 0) << "one of the two is served too";
}

// Answers that come while the work begins: a request must not be touched after its answer.
TEST_F(StallTest, InterruptsAtAnyMomentLeaveTheDaemonWell) {
  start("");
  const auto hammer = [&](const std::string& inside) {
    return Child([file = path(inside)] {
      struct sigaction action = {};
      action.sa_handler = [](int) {};
      ::sigaction(SIGALRM, &action, nullptr);
      const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
      char buffer[512];
      // An emulated machine takes minutes for so many; half of one has moments enough.
      const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
      for (int turn = 0; turn < 3000; ++turn) {
        if (turn > 300 && std::chrono::steady_clock::now() > end) return 0;
        const itimerval soon = {{0, 0}, {0, 1 + turn % 60}};
        ::setitimer(ITIMER_REAL, &soon, nullptr);
        if (::pread(fd, buffer, sizeof(buffer), 0) < 0 && errno != EINTR) return errno;
      }
      return 0;
    });
  };
  std::vector<Child> readers;
  for (int i = 0; i < 12; ++i)
    readers.push_back(hammer(i % 2 == 0 ? ".bpfdump/version" : "ksym/few"));
  for (auto& one : readers) EXPECT_EQ(one.wait(), 0);
  EXPECT_NE(sh("ls $M"), "");
}

TEST_F(StallTest, DoesNotKeepTheDaemonFromEnding) {
  start(std::string(kPatient) + "[limits]\nreaders = 2\n");
  std::vector<Child> stalled;
  for (int i = 0; i < 10; ++i) stalled.push_back(reader_of("task/stall"));
  for (const auto& one : stalled) ASSERT_TRUE(one.sleeps_in_read());
  daemon_.stop();
  for (auto& one : stalled) {
    const int code = one.wait();
    EXPECT_TRUE(code == EINTR || code == ENOTCONN || code == ECONNABORTED) << code;
  }
}

}  // namespace
}  // namespace bpfdump::test
