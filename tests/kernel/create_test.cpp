// SPDX-License-Identifier: Apache-2.0
//
// mkdir, cp, >, touch, rm and mv's smaller siblings: how dumpers come, change and go.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>

#include "tests/kernel/bpf_objects.h"
#include "tests/kernel/daemon.h"

namespace bpfdump::test {
namespace {

namespace fs = std::filesystem;
using base::UniqueFd;

class CreateTest : public MountTest {
 protected:
  struct stat stat_of(const std::string& inside) const {
    struct stat status = {};
    EXPECT_EQ(::stat(path(inside).c_str(), &status), 0) << inside << ": " << std::strerror(errno);
    return status;
  }

  bool is_there(const std::string& inside) const {
    struct stat status = {};
    return ::lstat(path(inside).c_str(), &status) == 0;
  }

  int copy(const std::string& object, const std::string& inside) const {
    return errno_of_writing(path(inside), read_file(object_file(object)));
  }

  std::string log_of(const std::string& inside) const {
    return read_file(path(".bpfdump/log/" + inside));
  }

  // What was tried failed without a trace but its log.
  void expect_nothing_but_a_log(const std::string& inside, const std::string& words) const {
    EXPECT_FALSE(is_there(inside));
    EXPECT_FALSE(sh("ls -A $M/" + fs::path(inside).parent_path().string())
                     .ends_with(fs::path(inside).filename().string() + "\n"));
    EXPECT_FALSE(daemon_.pinned().contains(inside));
    EXPECT_TRUE(eventually([&] { return daemon_.open_bpf_files() == 0; }));
    EXPECT_NE(log_of(inside).find(words), std::string::npos) << log_of(inside);
    EXPECT_EQ(stat_of(".bpfdump/log/" + inside).st_mode, S_IFREG | 0400u);
    sh("mkdir $M/task/alive && cat $M/task/alive && rm $M/task/alive");
  }

  void expect_refused(const std::string& bytes, int code, const std::string& words) const {
    EXPECT_EQ(errno_of_writing(path("task/x"), bytes), code);
    expect_nothing_but_a_log("task/x", words);
  }
};

TEST_F(CreateTest, MkdirCreatesARegularFileThatOnlyItsOwnerCanRead) {
  ASSERT_EQ(::mkdir(path("task/x").c_str(), 0777), 0) << std::strerror(errno);
  EXPECT_EQ(stat_of("task/x").st_mode, S_IFREG | 0440u);
  EXPECT_EQ(stat_of("task/x").st_size, 0);
  EXPECT_EQ(sh("ls -A $M/task"), "file\nvma\nx\n");
  EXPECT_TRUE(daemon_.pinned().contains("task/x"));
  EXPECT_NE(read_file(path("task/x")), "");
}

TEST_F(CreateTest, MkdirOfANameThatIsTakenIsEexist) {
  sh("mkdir $M/task/x");
  EXPECT_EQ(::mkdir(path("task/x").c_str(), 0777), -1);
  EXPECT_EQ(errno, EEXIST);
}

TEST_F(CreateTest, DumpersHaveNoEqualsSignInTheirNames) {
  EXPECT_EQ(::mkdir(path("task/a=b").c_str(), 0777), -1);
  EXPECT_EQ(errno, EINVAL);
}

TEST_F(CreateTest, TargetsAreNeitherMadeNorRemoved) {
  EXPECT_EQ(try_sh("mkdir $M/target").status, 1);
  EXPECT_EQ(try_sh("rmdir $M/task").status, 1);
  EXPECT_EQ(try_sh("cp $OBJECTS/counted.bpf.o $M/x").status, 1);
  EXPECT_EQ(try_sh("mkdir $M/.bpfdump/x").status, 1);
  EXPECT_EQ(try_sh("rm -f $M/.bpfdump/version").status, 1);
  EXPECT_TRUE(is_there("task"));
  EXPECT_TRUE(is_there(".bpfdump/version"));
}

TEST_F(CreateTest, OtherKindsOfFilesAreNone) {
  sh("mkdir $M/task/x $M/bpf_map/y");
  for (const char* const command :
       {"ln -s x $M/task/z", "ln $M/task/x $M/task/z", "mkfifo $M/task/z", "mknod $M/task/z c 1 3",
        "mv $M/task/x $M/bpf_map/", "rmdir $M/task/x", "mkdir $M/task/x/z",
        "truncate -s 1 $M/task/x"})
    EXPECT_EQ(try_sh(command).status, 1) << command;
  EXPECT_EQ(sh("ls -A $M/task $M/bpf_map"),
            path("bpf_map") + ":\ny\n\n" + path("task") + ":\nfile\nvma\nx\n");
}

TEST_F(CreateTest, TouchCreatesAsMkdirDoes) {
  sh("touch $M/bpf_map/x && mkdir $M/bpf_map/y");
  EXPECT_TRUE(eventually([&] { return daemon_.pinned().size() == 2; }));
  EXPECT_EQ(sh("head -1 $M/bpf_map/x"), sh("head -1 $M/bpf_map/y"));
}

TEST_F(CreateTest, TouchOfADumperKeepsItsProgram) {
  ASSERT_EQ(copy("counted", "task/x"), 0);
  sh("touch -d @1000000000 $M/task/x && touch -a $M/task/x");
  EXPECT_EQ(stat_of("task/x").st_mtime, 1'000'000'000);
  EXPECT_EQ(sh("cat $M/task/x"), "session 41\n");
}

TEST_F(CreateTest, CpOfAnObjectCreatesADumper) {
  sh("cp $OBJECTS/tcp_only.bpf.o $M/tcp/x");
  EXPECT_EQ(sh("cat $M/tcp/x"), "tcp\n");
  EXPECT_NE(log_of("tcp/x").find("tcp/x (object): loaded"), std::string::npos);
}

TEST_F(CreateTest, AShellCanWriteAnObjectInPieces) {
  sh("cat $OBJECTS/tcp_only.bpf.o > $M/tcp/x");
  EXPECT_EQ(sh("cat $M/tcp/x"), "tcp\n");
  sh("(head -c 1000 $OBJECTS/tcp_only.bpf.o; tail -c +1001 $OBJECTS/tcp_only.bpf.o) | "
     "dd of=$M/tcp/y obs=100 status=none");
  EXPECT_EQ(sh("cat $M/tcp/y"), "tcp\n");
  sh("install -m 0444 $OBJECTS/tcp_only.bpf.o $M/tcp/z");
  EXPECT_EQ(sh("cat $M/tcp/z"), "tcp\n");
  EXPECT_EQ(stat_of("tcp/z").st_mode, S_IFREG | 0444u);
}

TEST_F(CreateTest, OnlyTheTargetsProgramOfAnObjectIsLoaded) {
  ASSERT_EQ(copy("mixed", "task/x"), 0) << log_of("task/x");
  EXPECT_EQ(sh("cat $M/task/x"), "task\n");
}

TEST_F(CreateTest, TheDumpersNameChoosesBetweenProgramsThatFit) {
  ASSERT_EQ(copy("two", "task/second"), 0);
  EXPECT_EQ(sh("cat $M/task/second"), "second\n");
  EXPECT_EQ(copy("two", "task/third"), EINVAL);
  EXPECT_NE(log_of("task/third").find("2 programs for target 'task' in the object (first, second)"),
            std::string::npos)
      << log_of("task/third");
}

TEST_F(CreateTest, MapsAndGlobalDataComeWithAProgram) {
  ASSERT_EQ(copy("counted", "task/x"), 0);
  EXPECT_EQ(sh("cat $M/task/x"), "session 41\n");
  EXPECT_EQ(sh("cat $M/task/x"), "session 42\n");
  EXPECT_GT(value_in_map(daemon_.pins() + "/task/x", "t_calls"), 2u);
}

TEST_F(CreateTest, AnEmptyFileIsNoProgram) {
  EXPECT_EQ(errno_of_writing(path("task/x"), ""), ENOEXEC);
  // A shell closes once before it writes, so the name goes with the last close, not the first.
  EXPECT_TRUE(eventually([&] { return !is_there("task/x"); }));
  expect_nothing_but_a_log("task/x", "nothing was written");
}

TEST_F(CreateTest, RandomBytesAreNoProgram) {
  std::string bytes(1 << 20, '\0');
  std::ifstream("/dev/urandom").read(bytes.data(), std::ssize(bytes));
  expect_refused(bytes, ENOEXEC, "not a BPF object");
}

TEST_F(CreateTest, TextIsNoProgram) {
  expect_refused("Dear kernel,\nplease iterate.\n", ENOEXEC, "this is text, not a BPF object");
}

TEST_F(CreateTest, AnElfFileOfTheHostIsNoProgram) {
  expect_refused(read_file("/bin/true"), ENOEXEC, "this is an ELF file for machine");
}

TEST_F(CreateTest, ATruncatedObjectIsRejected) {
  const std::string object = read_file(object_file("counted"));
  for (const std::size_t size : {object.size() - 1, object.size() / 2, std::size_t{70}})
    expect_refused(object.substr(0, size), EINVAL, "the object is cut short");
}

TEST_F(CreateTest, AnObjectForAnotherTargetIsRejected) {
  expect_refused(read_file(object_file("tcp_only")), EINVAL,
                 "no program for target 'task' in the object; it needs SEC(\"iter/task\"), and has "
                 "iter/tcp");
}

TEST_F(CreateTest, AnObjectWithoutAnIteratorIsRejected) {
  expect_refused(read_file(object_file("no_iterator")), EINVAL,
                 "it needs SEC(\"iter/task\"), and has socket");
}

TEST_F(CreateTest, AProgramThatTheVerifierRejectsIsRejectedInItsWords) {
  expect_refused(read_file(object_file("rejected")), EINVAL, "verifier: ");
  EXPECT_NE(log_of("task/x").find("load program 't_rejected'"), std::string::npos);
  EXPECT_TRUE(objects_named("t_rejected").are_gone());
}

TEST_F(CreateTest, CpReportsARefusal) {
  const Outcome text = try_sh("cp /etc/passwd $M/task/x");
  EXPECT_EQ(text.status, 1);
  EXPECT_NE(text.errors.find("Exec format error"), std::string::npos) << text.errors;
  const Outcome object = try_sh("cp $OBJECTS/tcp_only.bpf.o $M/task/x");
  EXPECT_EQ(object.status, 1);
  EXPECT_NE(object.errors.find("Invalid argument"), std::string::npos) << object.errors;
  EXPECT_FALSE(is_there("task/x"));
  EXPECT_EQ(try_sh("cp /dev/null $M/task/x").status, 1);
}

TEST_F(CreateTest, TheLogIsThatOfTheLastAttempt) {
  EXPECT_EQ(errno_of_writing(path("task/x"), "text"), ENOEXEC);
  EXPECT_NE(log_of("task/x").find("this is text"), std::string::npos);
  EXPECT_EQ(copy("tcp_only", "task/x"), EINVAL);
  EXPECT_NE(log_of("task/x").find("no program for target 'task'"), std::string::npos)
      << log_of("task/x");
  EXPECT_EQ(copy("counted", "task/x"), 0);
  EXPECT_NE(log_of("task/x").find("loaded"), std::string::npos) << log_of("task/x");
}

TEST_F(CreateTest, TheLogOfARemovedDumperIsNotThatOfTheNext) {
  sh("mkdir $M/task/x && grep -q loaded $M/.bpfdump/log/task/x && rm $M/task/x");
  EXPECT_NE(try_sh("cat $M/.bpfdump/log/task/x").status, 0);
  sh("ls -l $M/.bpfdump/log/task");
  EXPECT_EQ(errno_of_writing(path("task/x"), "text"), ENOEXEC);
  EXPECT_NE(log_of("task/x").find("this is text"), std::string::npos) << log_of("task/x");
}

TEST_F(CreateTest, ANameThatFailedCanBeUsedAtOnce) {
  EXPECT_EQ(errno_of_writing(path("task/x"), "text"), ENOEXEC);
  EXPECT_EQ(copy("counted", "task/x"), 0);
  EXPECT_EQ(sh("cat $M/task/x"), "session 41\n");
  sh("rm $M/task/x && mkdir $M/task/x && grep -q COMM $M/task/x");
}

class SmallSourceTest : public CreateTest {
 protected:
  void SetUp() override {
    DaemonTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    ASSERT_TRUE(daemon_.start("[limits]\nsource_bytes = 1000\ndumpers = 2\n"));
  }
};

TEST_F(SmallSourceTest, ASourceBeyondTheLimitIsEfbig) {
  UniqueFd file(::open(path("task/x").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
  ASSERT_TRUE(file.valid()) << std::strerror(errno);
  const std::string bytes(1001, 'x');
  EXPECT_EQ(::write(file.get(), bytes.data(), bytes.size()), -1);
  EXPECT_EQ(errno, EFBIG);
  file.reset();
  EXPECT_TRUE(eventually([&] { return !is_there("task/x"); }));
}

TEST_F(SmallSourceTest, DumpersBeyondTheLimitAreEnospc) {
  sh("mkdir $M/task/1 $M/bpf_map/2");
  EXPECT_EQ(::mkdir(path("task/3").c_str(), 0777), -1);
  EXPECT_EQ(errno, ENOSPC);
  sh("rm $M/task/1 && mkdir $M/task/3");
}

TEST_F(CreateTest, RmForgetsLinkProgramAndMaps) {
  ASSERT_EQ(copy("counted", "task/x"), 0);
  const BpfObjects objects = objects_of_pin(daemon_.pins() + "/task/x");
  ASSERT_GE(objects.maps.size(), 2u);
  const std::string id = std::to_string(*objects.links.begin());
  EXPECT_NE(sh("bpftool link show id " + id).find("iter"), std::string::npos);

  sh("rm $M/task/x");
  EXPECT_FALSE(is_there("task/x"));
  EXPECT_FALSE(daemon_.pinned().contains("task/x"));
  EXPECT_TRUE(objects.are_gone());
  EXPECT_NE(try_sh("bpftool link show id " + id).status, 0);
}

TEST_F(CreateTest, AnOpenReaderFinishesAfterRm) {
  ASSERT_EQ(copy("numbers", "ksym/few"), 0);
  const std::string content = read_file(path("ksym/few"));
  const UniqueFd reader(::open(path("ksym/few").c_str(), O_RDONLY | O_CLOEXEC));
  ASSERT_TRUE(reader.valid());
  sh("rm $M/ksym/few");
  std::string rest(content.size() + 1, '\0');
  EXPECT_EQ(::read(reader.get(), rest.data(), rest.size()), std::ssize(content));
  EXPECT_EQ(rest.substr(0, content.size()), content);
}

TEST_F(CreateTest, TwoHundredLivesLeaveNothingBehind) {
  sh("mkdir $M/task/warm && cat $M/task/warm && rm $M/task/warm");
  const auto files = daemon_.open_files();
  BpfObjects objects;
  for (int life = 0; life < 200; ++life) {
    const std::string name = life % 2 == 0 ? "task/x" : "bpf_map/x";
    if (life % 2 == 0)
      ASSERT_EQ(copy("counted", name), 0);
    else
      ASSERT_EQ(::mkdir(path(name).c_str(), 0777), 0);
    objects.add(objects_of_pin(daemon_.pins() + "/" + name));
    ASSERT_NE(read_file(path(name)), "");
    ASSERT_EQ(::unlink(path(name).c_str()), 0);
  }
  EXPECT_EQ(objects.links.size(), 200u);
  EXPECT_TRUE(objects.are_gone());
  EXPECT_EQ(daemon_.pinned().size(), 0u);
  EXPECT_TRUE(eventually([&] { return daemon_.open_files() == files; }))
      << daemon_.open_files().size() << " files after " << files.size();
}

TEST_F(CreateTest, FailedCreationsLeaveNoFilesOpen) {
  const std::string rejected = read_file(object_file("rejected"));
  EXPECT_EQ(errno_of_writing(path("task/x"), rejected), EINVAL);
  const auto files = daemon_.open_files();
  for (int i = 0; i < 50; ++i) ASSERT_EQ(errno_of_writing(path("task/x"), rejected), EINVAL);
  EXPECT_TRUE(eventually([&] { return daemon_.open_files() == files; }));
  EXPECT_TRUE(objects_named("t_rejected").are_gone());
}

// --- Replacement -----------------------------------------------------------------------------

TEST_F(CreateTest, CpOverADumperReplacesItsProgram) {
  ASSERT_EQ(copy("numbers", "ksym/few"), 0);
  const BpfObjects old = objects_of_pin(daemon_.pins() + "/ksym/few");
  sh("chmod 0400 $M/ksym/few && cp $OBJECTS/replacement.bpf.o $M/ksym/few");
  EXPECT_EQ(sh("cat $M/ksym/few"), "replaced\n");
  EXPECT_EQ(sh("cat $PINS/ksym/few"), "replaced\n");
  EXPECT_EQ(stat_of("ksym/few").st_mode, S_IFREG | 0400u);
  EXPECT_EQ(objects_of_pin(daemon_.pins() + "/ksym/few").links, old.links);
  EXPECT_TRUE((BpfObjects{{}, old.programs, old.maps}.are_gone()));
}

TEST_F(CreateTest, OpenReadersKeepTheReplacedProgram) {
  ASSERT_EQ(copy("numbers", "ksym/many"), 0);
  const std::string content = read_file(path("ksym/many"));
  std::ifstream reader(path("ksym/many"), std::ios::binary);
  std::string begin(1000, '\0');
  reader.read(begin.data(), std::ssize(begin));
  ASSERT_EQ(copy("replacement", "ksym/many"), 0);
  const std::string rest{std::istreambuf_iterator<char>(reader), std::istreambuf_iterator<char>()};
  EXPECT_TRUE(begin + rest == content);
  EXPECT_EQ(read_file(path("ksym/many")), "replaced\n");
}

TEST_F(CreateTest, AFailedReplacementLeavesTheOldProgram) {
  ASSERT_EQ(copy("replacement", "ksym/x"), 0);
  EXPECT_EQ(errno_of_writing(path("ksym/x"), "text"), ENOEXEC);
  EXPECT_EQ(copy("rejected", "ksym/x"), EINVAL);
  EXPECT_EQ(copy("tcp_only", "ksym/x"), EINVAL);
  EXPECT_EQ(errno_of_writing(path("ksym/x"), ""), ENOEXEC);
  EXPECT_EQ(sh("cat $M/ksym/x"), "replaced\n");
  EXPECT_TRUE(daemon_.pinned().contains("ksym/x"));
}

TEST_F(CreateTest, AReplacementThatFailsHalfWayLeavesTheOldProgram) {
  ASSERT_EQ(copy("replacement", "ksym/x"), 0);
  sh("(cat $OBJECTS/numbers.bpf.o; head -c 5000000 /dev/zero) > $ROOT/large");
  const Outcome cp = try_sh("cp $ROOT/large $M/ksym/x");
  EXPECT_EQ(cp.status, 1);
  EXPECT_NE(cp.errors.find("File too large"), std::string::npos) << cp.errors;
  EXPECT_EQ(sh("cat $M/ksym/x"), "replaced\n");
  EXPECT_EQ(sh("cat $M/.bpfdump/log/ksym/x"),
            "ksym/x (object): failed: write more than 4194304 bytes; limits.source_bytes allows no "
            "more\n");
}

TEST_F(CreateTest, WhoLacksTheCapabilitiesCanNotReplaceAProgramThatIsTheirs) {
  BPFDUMP_REQUIRE(missing_program("setpriv"));
  ASSERT_EQ(copy("replacement", "ksym/few"), 0);
  sh("chown 12345 $M/ksym/few && chmod 0640 $M/ksym/few");
  const std::string as = "setpriv --reuid=12345 --regid=12345 --clear-groups ";
  // The object may be where others can't read it: root opens that.
  const std::string cp = "sh -c 'cat > $M/ksym/few' < $OBJECTS/numbers.bpf.o";
  EXPECT_NE(try_sh(as + cp).errors.find("Operation not permitted"), std::string::npos);
  EXPECT_EQ(sh("cat $M/ksym/few"), "replaced\n");
  EXPECT_EQ(
      sh("cat $M/.bpfdump/log/ksym/few"),
      "ksym/few (object): failed: load a program for a user without CAP_BPF; do it as root\n");

  // Root of another user namespace has all capabilities, over there.
  sh("chown root $M/ksym/few");
  const Outcome there = try_sh("unshare --user --map-root-user " + cp);
  EXPECT_NE(there.errors.find("Operation not permitted"), std::string::npos) << there.errors;
  EXPECT_EQ(sh("cat $M/ksym/few"), "replaced\n");

  sh("chown 12345 $M/ksym/few");
  const std::string with = "--inh-caps=+bpf,+perfmon --ambient-caps=+bpf,+perfmon ";
  sh(as + with + cp);
  EXPECT_EQ(sh("head -c 5 $M/ksym/few"), "0 The");
}

TEST_F(CreateTest, ADumperIsReplacedAsAWholeOrNotAtAll) {
  ASSERT_EQ(copy("replacement", "ksym/x"), 0);
  EXPECT_EQ(try_sh("cat $OBJECTS/numbers.bpf.o >> $M/ksym/x").status, 1);
  EXPECT_EQ(sh("cat $M/ksym/x"), "replaced\n");
}

// --- Pending names ---------------------------------------------------------------------------

// While a writer is open nothing is forked: a child's copy of the descriptor would be closed, and
// every close commits what was written so far.
class PendingTest : public CreateTest {
 protected:
  // A writer that has not closed yet.
  UniqueFd begin(const std::string& inside) const {
    UniqueFd file(::open(path(inside).c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
    EXPECT_TRUE(file.valid()) << std::strerror(errno);
    const std::string object = read_file(object_file("counted"));
    EXPECT_EQ(::write(file.get(), object.data(), object.size()), std::ssize(object));
    return file;
  }

  std::set<std::string> listed(const std::string& inside) const {
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(path(inside)))
      names.insert(entry.path().filename());
    return names;
  }

  static int close(UniqueFd file) { return ::close(file.release()) == 0 ? 0 : errno; }
};

TEST_F(PendingTest, IsNotListedAndCannotBeReadYet) {
  UniqueFd writer = begin("task/x");
  EXPECT_EQ(listed("task"), (std::set<std::string>{"file", "vma"}));
  EXPECT_EQ(stat_of("task/x").st_mode, S_IFREG | 0440u);
  EXPECT_EQ(::open(path("task/x").c_str(), O_RDONLY | O_CLOEXEC), -1);
  EXPECT_EQ(errno, EBUSY);
  EXPECT_EQ(::mkdir(path("task/x").c_str(), 0777), -1);
  EXPECT_EQ(errno, EEXIST);
  EXPECT_EQ(daemon_.pinned().size(), 0u);

  EXPECT_EQ(close(std::move(writer)), 0);
  EXPECT_EQ(listed("task"), (std::set<std::string>{"file", "vma", "x"}));
  EXPECT_EQ(sh("cat $M/task/x"), "session 41\n");
}

TEST_F(PendingTest, CanBeRemoved) {
  UniqueFd writer = begin("task/x");
  EXPECT_EQ(::unlink(path("task/x").c_str()), 0) << std::strerror(errno);
  EXPECT_FALSE(is_there("task/x"));
  EXPECT_NE(close(std::move(writer)), 0);
  EXPECT_FALSE(is_there("task/x"));
  EXPECT_EQ(daemon_.pinned().size(), 0u);
  sh("mkdir $M/task/x");
}

TEST_F(PendingTest, KeepsWhatIsSetBeforeItIsClosed) {
  UniqueFd writer = begin("task/x");
  const timespec times[] = {{1'000'000'001, 0}, {1'000'000'002, 500}};
  ASSERT_EQ(::fchmod(writer.get(), 0604), 0) << std::strerror(errno);
  ASSERT_EQ(::fchown(writer.get(), 12345, 54321), 0) << std::strerror(errno);
  ASSERT_EQ(::futimens(writer.get(), times), 0) << std::strerror(errno);
  ASSERT_EQ(close(std::move(writer)), 0);
  const struct stat status = stat_of("task/x");
  EXPECT_EQ(status.st_mode, S_IFREG | 0604u);
  EXPECT_EQ(status.st_uid, 12345u);
  EXPECT_EQ(status.st_gid, 54321u);
  EXPECT_EQ(status.st_mtim.tv_sec, 1'000'000'002);
  EXPECT_EQ(status.st_mtim.tv_nsec, 500);
}

TEST_F(PendingTest, IsForgottenWithAWriterThatDies) {
  Child writer([&] {
    const int file = ::open(path("task/x").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    const std::string object = read_file(object_file("counted"));
    const ssize_t half = std::ssize(object) / 2;
    return ::write(file, object.data(), static_cast<std::size_t>(half)) == half ? ::pause() : 1;
  });
  EXPECT_TRUE(eventually([&] { return is_there("task/x"); }));
  writer.signal(SIGKILL);
  EXPECT_EQ(writer.wait(), 128 + SIGKILL);
  EXPECT_TRUE(eventually([&] { return !is_there("task/x"); }));
  EXPECT_EQ(daemon_.pinned().size(), 0u);
}

}  // namespace
}  // namespace bpfdump::test
