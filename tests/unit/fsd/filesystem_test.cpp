// SPDX-License-Identifier: Apache-2.0
#include "fsd/filesystem.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>

#include "tests/unit/fsd/fake_kernel.h"

namespace bpfdump::fsd {
namespace {

using bpfdump::testing::FakeKernel;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr Owner kOwner = {12, 34};
const Filesystem::Caller kCaller = {kOwner, {}};

class FilesystemTest : public ::testing::Test {
 protected:
  Filesystem& fs() { return *kernel_.filesystem; }
  // The inode of a path from the root.
  Ino ino(const std::string& path) {
    Ino at = Tree::kRoot;
    for (const auto& name : std::filesystem::path(path)) {
      const auto found = fs().lookup(at, name);
      if (!found) return 0;
      at = found->st_ino;
    }
    return at;
  }
  std::string read(const std::string& path) {
    const auto opened = fs().open(ino(path), Filesystem::Caller{}, O_RDONLY);
    if (!opened) return opened.error().message;
    const auto bytes = fs().read(*fs().handle(opened->handle), 0, 1 << 20, {});
    return {(*bytes)->begin(), (*bytes)->end()};
  }
  std::vector<std::string> list(const std::string& path) {
    std::vector<std::string> names;
    EXPECT_TRUE(fs().list(ino(path), 0, [&](const Tree::Entry& entry) {
      if (!entry.is_dot) names.emplace_back(entry.name);
      return true;
    }));
    return names;
  }
  Filesystem::Opened create(const std::string& directory, const std::string& name) {
    auto opened = fs().create_file(ino(directory), name, kCaller, O_WRONLY | O_CREAT | O_TRUNC);
    EXPECT_TRUE(opened) << opened.error().message;
    return *opened;
  }
  base::Result<void> write(const Filesystem::Opened& file, std::string_view text,
                           std::uint64_t offset = 0) {
    return fs().write(*fs().handle(file.handle), offset, std::as_bytes(std::span(text)));
  }
  // What flush says, as "errno message".
  std::string flush(const Filesystem::Opened& file) {
    const auto flushed = fs().flush(*fs().handle(file.handle));
    return flushed ? "done" : fmt::format("{} {}", flushed.error().code, flushed.error().message);
  }

  FakeKernel kernel_{{"task", "task_file", "tcp", "of_tomorrow"}};
};

const std::string kText = fmt::format(
    "{} this is text, not a BPF object; compile with: clang -g -O2 -target bpf -c", ENOEXEC);

// --- The tree ------------------------------------------------------------------------------------

TEST_F(FilesystemTest, HasADirectoryForEachTargetAndItsOwn) {
  EXPECT_THAT(list(""), ElementsAre(".bpfdump", "of_tomorrow", "task", "task_file", "tcp"));
  EXPECT_THAT(list(".bpfdump"), ElementsAre("log", "targets", "dumpers", "version"));
  EXPECT_THAT(list(".bpfdump/log"), ElementsAre("of_tomorrow", "task", "task_file", "tcp"));
}

TEST_F(FilesystemTest, NestedNamesAreSymlinks) {
  EXPECT_THAT(list("task"), ElementsAre("file")) << "this kernel has no task_vma";
  EXPECT_EQ(*fs().readlink(ino("task/file")), "../task_file");
}

TEST_F(FilesystemTest, TargetsTellsWhatIsKnown) {
  EXPECT_EQ(read(".bpfdump/targets"),
            "TARGET       CONTEXT                PARAMETERS  NAMESPACE  BUILT-IN  NOTES\n"
            "of_tomorrow  bpf_iter__of_tomorrow  -           -          no        -\n"
            "task         bpf_iter__task         pid=,tid=   pid        yes       -\n"
            "task_file    bpf_iter__task_file    pid=,tid=   pid        yes       -\n"
            "tcp          bpf_iter__tcp          netns=      net        yes       -\n");
}

TEST_F(FilesystemTest, DumpersIsAHeaderAtFirst) {
  EXPECT_EQ(read(".bpfdump/dumpers"),
            "PATH  KIND  PROG  LINK  MODE  OWNER  OPENS  BYTES  LAST-ERROR\n");
}

TEST_F(FilesystemTest, VersionIsALine) {
  EXPECT_THAT(read(".bpfdump/version"),
              ::testing::MatchesRegex("bpfdumpd [0-9.]+ on Linux [^\n]+\n"));
}

TEST_F(FilesystemTest, ATextIsReadFromAnyOffset) {
  const auto opened = fs().open(ino(".bpfdump/version"), Filesystem::Caller{}, O_RDONLY);
  const auto handle = fs().handle(opened->handle);
  const auto part = fs().read(*handle, 3, 5, {});
  EXPECT_EQ(std::string((*part)->begin(), (*part)->end()), "dumpd");
  EXPECT_TRUE((*fs().read(*handle, 10'000, 5, {}))->empty());
}

TEST_F(FilesystemTest, WhatIsTheDaemonsIsNotTheUsers) {
  const Ino own = ino(".bpfdump");
  EXPECT_EQ(fs().open(ino(".bpfdump/targets"), Filesystem::Caller{}, O_WRONLY).error().code, EPERM);
  EXPECT_EQ(fs().open(ino(".bpfdump/targets"), Filesystem::Caller{}, O_RDWR).error().message,
            "'targets' belongs to bpfdumpd");
  EXPECT_EQ(fs().unlink(own, "targets").error().code, EPERM);
  EXPECT_EQ(fs().unlink(ino("task"), "file").error().message, "'file' belongs to bpfdumpd");
  EXPECT_EQ(fs().unlink(Tree::kRoot, "task").error().code, EPERM);
  for (const auto* path : {".bpfdump/targets", "task/file", "task", ".bpfdump"})
    EXPECT_EQ(fs().change(ino(path), {}, {}, false, nullptr).error().code, EPERM) << path;
  for (const Ino directory : {own, Ino{Tree::kRoot}, ino(".bpfdump/log/tcp")}) {
    EXPECT_EQ(fs().mkdir(directory, "d", kOwner).error().message,
              "dumpers are created in a target's directory only");
    EXPECT_EQ(fs().create_file(directory, "d", kCaller, O_WRONLY).error().code, EPERM);
  }
}

// --- mkdir and touch -----------------------------------------------------------------------------

TEST_F(FilesystemTest, MkdirWithoutABuiltinSaysToCopyAProgramAndLeavesNoName) {
  const auto made = fs().mkdir(ino("of_tomorrow"), "d", kOwner);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, EOPNOTSUPP);
  EXPECT_EQ(read(".bpfdump/log/of_tomorrow/d"),
            "of_tomorrow/d (built-in): failed: target 'of_tomorrow' has no built-in program; copy "
            "one in: "
            "cp PROGRAM.bpf.o of_tomorrow/d\n");
  EXPECT_EQ(fs().stat(ino(".bpfdump/log/of_tomorrow/d"))->st_mode, S_IFREG | 0400u);
  EXPECT_EQ(ino("of_tomorrow/d"), 0u);
}

TEST_F(FilesystemTest, TouchIsAsMkdir) {
  const auto file = create("of_tomorrow", "d");
  const auto handle = fs().handle(file.handle);
  ASSERT_TRUE(fs().change(file.attributes.st_ino, {}, {}, true, handle.get()));
  EXPECT_EQ(flush(file),
            fmt::format("{} target 'of_tomorrow' has no built-in program; copy one in: "
                        "cp PROGRAM.bpf.o of_tomorrow/d",
                        EOPNOTSUPP));
  EXPECT_EQ(ino("of_tomorrow/d"), 0u);
}

TEST_F(FilesystemTest, NamesHaveRules) {
  const Ino tcp = ino("tcp");
  const auto scope = fs().mkdir(tcp, "a=b", kOwner);
  EXPECT_EQ(scope.error().code, EINVAL);
  EXPECT_EQ(scope.error().message, "a dumper's name has no '=': 'a=b'");
  EXPECT_EQ(fs().create_file(tcp, "a=b", kCaller, O_WRONLY).error().code, EINVAL);
  EXPECT_EQ(fs().mkdir(tcp, std::string(256, 'x'), kOwner).error().code, ENAMETOOLONG);
  EXPECT_TRUE(fs().create_file(tcp, std::string(255, 'x'), kCaller, O_WRONLY));
  EXPECT_TRUE(fs().create_file(tcp, ".x.swp", kCaller, O_WRONLY));
}

// --- Writing -------------------------------------------------------------------------------------

TEST_F(FilesystemTest, JunkIsRefusedAtFlushAndItsNameIsGone) {
  const auto file = create("tcp", "d");
  ASSERT_TRUE(write(file, "junk"));
  EXPECT_EQ(flush(file), kText);
  EXPECT_EQ(ino("tcp/d"), 0u);
  EXPECT_EQ(read(".bpfdump/log/tcp/d"), "tcp/d (object): failed: " + kText.substr(2) + "\n");
  EXPECT_TRUE(fs().stat(file.attributes.st_ino)) << "it is still open";
  EXPECT_EQ(flush(file), kText) << "a second close hears it too";
}

TEST_F(FilesystemTest, ANewFileIsPendingUntilItIsReleased) {
  const auto file = create("tcp", "d");
  EXPECT_EQ(file.attributes.st_mode, S_IFREG | 0440u);
  EXPECT_EQ(file.attributes.st_uid, 12u);
  EXPECT_EQ(file.attributes.st_gid, 34u);
  EXPECT_TRUE(fs().is_pending(file.attributes.st_ino));
  EXPECT_EQ(ino("tcp/d"), file.attributes.st_ino);
  EXPECT_THAT(list("tcp"), ElementsAre());
  fs().release(file.handle);
  EXPECT_EQ(ino("tcp/d"), 0u);
  EXPECT_EQ(fs().handle(file.handle), nullptr);
}

TEST_F(FilesystemTest, APendingNameIsBusyForAllOthers) {
  const auto file = create("tcp", "d");
  for (const int flags : {O_RDONLY, O_RDWR, O_WRONLY | O_TRUNC}) {
    const auto opened = fs().open(file.attributes.st_ino, Filesystem::Caller{}, flags);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, EBUSY);
    EXPECT_EQ(opened.error().message, "'d' is being created");
  }
  EXPECT_EQ(fs().create_file(ino("tcp"), "d", kCaller, O_WRONLY).error().code, EEXIST);
  EXPECT_EQ(fs().mkdir(ino("tcp"), "d", kOwner).error().code, EEXIST);
  EXPECT_EQ(fs().read(*fs().handle(file.handle), 0, 10, {}).error().code, EBUSY);
}

TEST_F(FilesystemTest, AnEmptyFileIsRefused) {
  const auto file = create("tcp", "d");
  EXPECT_EQ(
      flush(file),
      fmt::format("{} nothing was written; copy a BPF object, or create it with mkdir", ENOEXEC));
}

TEST_F(FilesystemTest, AShellThatClosesACopyFirstMayStillWrite) {
  const auto file = create("tcp", "d");
  EXPECT_THAT(flush(file), StartsWith(fmt::format("{} ", ENOEXEC)));
  EXPECT_EQ(ino("tcp/d"), file.attributes.st_ino) << "the name waits for its bytes";
  ASSERT_TRUE(write(file, "junk"));
  EXPECT_EQ(flush(file), kText) << "it came to the loader";
}

TEST_F(FilesystemTest, AfterAFailureTheSameFileCanBeWrittenOn) {
  const auto file = create("tcp", "d");
  ASSERT_TRUE(write(file, "x"));
  ASSERT_EQ(flush(file), kText);
  ASSERT_TRUE(write(file, std::string_view("\0", 1), 1));
  EXPECT_THAT(flush(file), HasSubstr("these are unknown bytes")) << "all bytes were looked at";
}

TEST_F(FilesystemTest, ALogIsThatOfTheLastAttempt) {
  ASSERT_FALSE(fs().mkdir(ino("of_tomorrow"), "d", kOwner));
  const auto file = create("of_tomorrow", "d");
  ASSERT_TRUE(write(file, "junk"));
  ASSERT_EQ(flush(file), kText);
  EXPECT_THAT(read(".bpfdump/log/of_tomorrow/d"), StartsWith("of_tomorrow/d (object): failed: "));
  EXPECT_THAT(list(".bpfdump/log/of_tomorrow"), ElementsAre("d"));
}

TEST_F(FilesystemTest, ANameThatWasRemovedWhileWrittenStaysAway) {
  const auto file = create("tcp", "d");
  ASSERT_TRUE(fs().unlink(ino("tcp"), "d"));
  EXPECT_EQ(ino("tcp/d"), 0u);
  ASSERT_TRUE(write(file, "junk"));
  EXPECT_EQ(flush(file), kText);
  EXPECT_TRUE(fs().create_file(ino("tcp"), "d", kCaller, O_WRONLY)) << "the name is free";
  fs().release(file.handle);
  EXPECT_NE(ino("tcp/d"), 0u) << "it is another file's now";
}

TEST_F(FilesystemTest, ADumperIsCreatedByWriting) {
  EXPECT_EQ(fs().create_file(ino("tcp"), "d", kCaller, O_RDONLY).error().message,
            "create a dumper by writing its program, or by mkdir");
  EXPECT_EQ(ino("tcp/d"), 0u);
}

TEST_F(FilesystemTest, AReaderCanNotWrite) {
  const auto opened = fs().open(ino(".bpfdump/version"), Filesystem::Caller{}, O_RDONLY);
  EXPECT_EQ(write(*opened, "x").error().code, EBADF);
  EXPECT_EQ(flush(*opened), "done");
}

TEST_F(FilesystemTest, AttributesOfAPendingNameAreKept) {
  const auto file = create("tcp", "d");
  AttributeChanges changes;
  changes.mode = 0640;
  changes.uid = 5;
  ASSERT_TRUE(fs().change(file.attributes.st_ino, changes, {}, false, nullptr));
  EXPECT_EQ(fs().stat(file.attributes.st_ino)->st_mode, S_IFREG | 0640u);
  EXPECT_EQ(fs().stat(file.attributes.st_ino)->st_uid, 5u);
}

// --- Scopes --------------------------------------------------------------------------------------

TEST_F(FilesystemTest, AScopeIsThereWhenItIsLookedUp) {
  const Ino scope = ino("task/pid=1");
  ASSERT_NE(scope, 0u);
  EXPECT_EQ(fs().stat(scope)->st_mode, S_IFDIR | 0755u);
  EXPECT_EQ(ino("task/pid=1"), scope);
  EXPECT_NE(ino("task_file/pid=1"), scope);
  EXPECT_THAT(list("task"), ElementsAre("file"));
  EXPECT_THAT(list("task/pid=1"), ElementsAre());
  EXPECT_NE(ino("of_tomorrow/set.a=1"), 0u);
}

TEST_F(FilesystemTest, ANameThatIsNoScopeIsRefusedAndItsLogSaysWhy) {
  for (const auto& [name, why] :
       {std::pair{"pid=x",
                  "'pid=x': expected the number of a process, in the reader's pid "
                  "namespace"},
        {"uid=0", "target 'task' has no parameter 'uid'; it takes pid=, tid=, set.NAME="}}) {
    const auto found = fs().lookup(ino("task"), name);
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().code, EINVAL);
    EXPECT_EQ(found.error().message, why);
    EXPECT_EQ(read(fmt::format(".bpfdump/log/task/{}", name)),
              fmt::format("task/{}: {}\n", name, why));
    EXPECT_EQ(fs().stat(ino(fmt::format(".bpfdump/log/task/{}", name)))->st_mode, S_IFREG | 0400u);
  }
  EXPECT_THAT(list(".bpfdump/log/task"), ElementsAre("pid=x", "uid=0"));
}

TEST_F(FilesystemTest, ScopesAreInTargetsOnly) {
  for (const auto* place : {"", "task/pid=1", ".bpfdump", ".bpfdump/log", ".bpfdump/log/task",
                            ".bpfdump/version", "task/file"}) {
    for (const auto* name : {"pid=1", "pid=x"})
      EXPECT_EQ(fs().lookup(ino(place), name).error().code, ENOENT) << place;
  }
  EXPECT_THAT(list(".bpfdump/log/task"), ElementsAre());
  const std::string longest = "set.a=" + std::string(249, 'x');
  EXPECT_NE(ino("task/" + longest), 0u);
  EXPECT_EQ(fs().lookup(ino("task"), longest + "x").error().code, ENAMETOOLONG);
}

TEST_F(FilesystemTest, LogsOfScopesAreBoundedAndTheOldestGo) {
  const auto look_at = [&](std::size_t number) {
    EXPECT_FALSE(fs().lookup(ino("task"), fmt::format("pid=x{}", number)));
  };
  for (std::size_t at = 0; at < LogBook::kMostScopes; ++at) look_at(at);
  for (int again = 0; again < 3; ++again) look_at(7);
  EXPECT_EQ(list(".bpfdump/log/task").size(), LogBook::kMostScopes);
  EXPECT_NE(ino(".bpfdump/log/task/pid=x0"), 0u);
  look_at(LogBook::kMostScopes);
  EXPECT_FALSE(fs().lookup(ino("of_tomorrow"), "pid=1"));
  EXPECT_EQ(list(".bpfdump/log/task").size(), LogBook::kMostScopes - 1) << "all targets together";
  EXPECT_EQ(ino(".bpfdump/log/task/pid=x0"), 0u);
  EXPECT_EQ(ino(".bpfdump/log/task/pid=x1"), 0u);
  EXPECT_NE(ino(".bpfdump/log/task/pid=x2"), 0u);
  EXPECT_THAT(read(fmt::format(".bpfdump/log/task/pid=x{}", LogBook::kMostScopes)),
              HasSubstr("expected the number of a process"));
  EXPECT_THAT(read(".bpfdump/log/of_tomorrow/pid=1"),
              HasSubstr("target 'of_tomorrow' has no parameter 'pid'"));
}

TEST_F(FilesystemTest, LogsOfScopesDoNotDriveOutThoseOfDumpers) {
  ASSERT_FALSE(fs().mkdir(ino("of_tomorrow"), "d", kOwner));
  ASSERT_FALSE(fs().mkdir(ino("of_tomorrow/set.a=1"), "d", kOwner));
  for (std::size_t at = 0; at <= 2 * LogBook::kMostScopes; ++at)
    ASSERT_FALSE(fs().lookup(ino("of_tomorrow"), fmt::format("x=x{}", at)));
  EXPECT_NE(ino(".bpfdump/log/of_tomorrow/d"), 0u);
  EXPECT_NE(ino(".bpfdump/log/of_tomorrow/set.a=1/d"), 0u);
}

TEST_F(FilesystemTest, ADumpersLogIsInItsScopesDirectory) {
  const auto made = fs().mkdir(ino("of_tomorrow/set.a=1"), "d", kOwner);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, EOPNOTSUPP);
  const std::string says =
      "of_tomorrow/set.a=1/d (built-in): failed: target 'of_tomorrow' has no built-in program; "
      "copy one in: "
      "cp PROGRAM.bpf.o of_tomorrow/set.a=1/d\n";
  EXPECT_EQ(read(".bpfdump/log/of_tomorrow/set.a=1/d"), says);
  EXPECT_THAT(list(".bpfdump/log/of_tomorrow"), ElementsAre("set.a=1"));
  EXPECT_EQ(ino(".bpfdump/log/of_tomorrow/d"), 0u);

  const auto file = create("of_tomorrow/set.a=1", "d");
  ASSERT_TRUE(write(file, "junk"));
  EXPECT_EQ(flush(file), kText);
  EXPECT_EQ(read(".bpfdump/log/of_tomorrow/set.a=1/d"),
            "of_tomorrow/set.a=1/d (object): failed: " + kText.substr(2) + "\n");
  EXPECT_THAT(list("of_tomorrow"), ElementsAre()) << "nothing came of it";
}

TEST_F(FilesystemTest, ALogGoesWithItsDumpersName) {
  const Ino scope = ino("of_tomorrow/set.a=1");
  ASSERT_FALSE(fs().mkdir(scope, "d", kOwner));
  create("of_tomorrow/set.a=1", "d");
  ASSERT_TRUE(fs().unlink(scope, "d"));
  EXPECT_EQ(ino(".bpfdump/log/of_tomorrow/set.a=1/d"), 0u);
  EXPECT_THAT(list(".bpfdump/log/of_tomorrow"), ElementsAre());
}

TEST_F(FilesystemTest, NamesInAScopeHaveTheSameRules) {
  const Ino scope = ino("of_tomorrow/set.a=1");
  EXPECT_EQ(fs().mkdir(scope, "a=b", kOwner).error().message, "a dumper's name has no '=': 'a=b'");
  const auto file = create("of_tomorrow/set.a=1", "d");
  EXPECT_EQ(ino("of_tomorrow/set.a=1/d"), file.attributes.st_ino);
  EXPECT_EQ(ino("of_tomorrow/d"), 0u);
  EXPECT_EQ(file.attributes.st_mode, S_IFREG | 0440u);
  EXPECT_EQ(fs().mkdir(scope, "d", kOwner).error().code, EEXIST);
  EXPECT_THAT(list("of_tomorrow"), ElementsAre()) << "it is pending";
  EXPECT_EQ(fs().unlink(ino("of_tomorrow"), "set.a=1").error().code, EISDIR);
}

TEST_F(FilesystemTest, AScopeHasItsTargetsSettings) {
  FakeKernel kernel({"of_tomorrow"}, "target.of_tomorrow = {mode = '0604', group = '77'}");
  const Ino of_tomorrow = kernel.filesystem->lookup(Tree::kRoot, "of_tomorrow")->st_ino;
  const Ino scope = kernel.filesystem->lookup(of_tomorrow, "set.a=1")->st_ino;
  const auto file = kernel.filesystem->create_file(scope, "d", kCaller, O_WRONLY);
  EXPECT_EQ(file->attributes.st_mode, S_IFREG | 0604u);
  EXPECT_EQ(file->attributes.st_gid, 77u);
}

TEST_F(FilesystemTest, AnEmptyScopeCanBeRemoved) {
  const Ino scope = ino("task/pid=1");
  ASSERT_TRUE(fs().rmdir(ino("task"), "pid=1"));
  EXPECT_NE(ino("task/pid=1"), scope);
  create("task/pid=1", "d");
  const auto full = fs().rmdir(ino("task"), "pid=1");
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code, ENOTEMPTY);
}

TEST_F(FilesystemTest, NothingElseIsRemovedByRmdir) {
  create("of_tomorrow", "d");
  for (const auto& [place, name] : {std::pair{"", "task"},
                                    {"", ".bpfdump"},
                                    {"task", "file"},
                                    {".bpfdump", "log"},
                                    {".bpfdump/log", "of_tomorrow"},
                                    {"of_tomorrow", "d"}}) {
    const auto removed = fs().rmdir(ino(place), name);
    ASSERT_FALSE(removed) << name;
    EXPECT_EQ(removed.error().code, EPERM);
    EXPECT_EQ(removed.error().message, fmt::format("'{}' belongs to bpfdumpd", name));
  }
  EXPECT_EQ(fs().rmdir(ino("task"), "none").error().code, ENOENT);
}

TEST_F(FilesystemTest, ScopesAreCountedForTheUserWhoLooksThemUp) {
  const Ino task = ino("task");
  constexpr uid_t kUser = 1000;
  for (std::size_t at = 1; at <= Tree::kMostIdleOfUser; ++at)
    ASSERT_TRUE(fs().lookup(task, fmt::format("pid={}", at), kUser));
  EXPECT_EQ(fs().lookup(task, "tid=1", kUser).error().code, ENFILE);
  EXPECT_TRUE(fs().lookup(task, "tid=1", kUser + 1));
}

// --- What the configuration says -----------------------------------------------------------------

TEST_F(FilesystemTest, ASourceHasALimit) {
  FakeKernel kernel({"tcp"}, "limits.source_bytes = 4");
  const Ino tcp = kernel.filesystem->lookup(Tree::kRoot, "tcp")->st_ino;
  const auto file = kernel.filesystem->create_file(tcp, "d", kCaller, O_WRONLY);
  const auto handle = kernel.filesystem->handle(file->handle);
  const std::string five = "12345";
  EXPECT_EQ(kernel.filesystem->write(*handle, 0, std::as_bytes(std::span(five))).error().code,
            EFBIG);
  EXPECT_EQ(
      kernel.filesystem->change(file->attributes.st_ino, {}, 5, false, handle.get()).error().code,
      EFBIG);
}

TEST_F(FilesystemTest, ATargetCanBeHidden) {
  FakeKernel kernel({"task", "task_file"}, "target.task_file.enabled = false");
  EXPECT_EQ(kernel.filesystem->lookup(Tree::kRoot, "task_file").error().code, ENOENT);
  const Ino task = kernel.filesystem->lookup(Tree::kRoot, "task")->st_ino;
  EXPECT_EQ(kernel.filesystem->lookup(task, "file").error().code, ENOENT);
}

TEST_F(FilesystemTest, ATargetsModeAndGroupAreItsDumpers) {
  FakeKernel kernel({"tcp"}, "target.tcp = {mode = '0604', group = '77'}");
  const Ino tcp = kernel.filesystem->lookup(Tree::kRoot, "tcp")->st_ino;
  const auto file = kernel.filesystem->create_file(tcp, "d", kCaller, O_WRONLY);
  EXPECT_EQ(file->attributes.st_mode, S_IFREG | 0604u);
  EXPECT_EQ(file->attributes.st_uid, 12u);
  EXPECT_EQ(file->attributes.st_gid, 77u);
}

TEST_F(FilesystemTest, AGroupCanBeNamed) {
  FakeKernel kernel({"tcp"}, "target.tcp.group = 'root'");
  const Ino tcp = kernel.filesystem->lookup(Tree::kRoot, "tcp")->st_ino;
  EXPECT_EQ(kernel.filesystem->create_file(tcp, "d", kCaller, O_WRONLY)->attributes.st_gid, 0u);
}

TEST_F(FilesystemTest, AnUnknownGroupIsAnError) {
  const FakeKernel kernel({"tcp"}, "target.tcp.group = 'nobody-has-this'");
  EXPECT_EQ(kernel.filesystem, nullptr);
  EXPECT_EQ(kernel.refusal, "[target.tcp]: there is no group 'nobody-has-this'");
}

TEST_F(FilesystemTest, ATargetThatThisKernelLacksIsIgnored) {
  const FakeKernel kernel({"tcp"}, "target.dmabuf.mode = '0400'");
  ASSERT_NE(kernel.filesystem, nullptr);
  EXPECT_EQ(kernel.filesystem->lookup(Tree::kRoot, "dmabuf").error().code, ENOENT);
}

TEST_F(FilesystemTest, WhoMayNotLoadProgramsCanNotWriteOne) {
  const Filesystem::Caller nobody = {kOwner, base::fail(EPERM, "no capability")};
  const auto file = fs().create_file(ino("tcp"), "d", nobody, O_WRONLY);
  ASSERT_TRUE(file);
  const auto handle = fs().handle(file->handle);
  const std::string object = "an object";
  EXPECT_EQ(fs().write(*handle, 0, std::as_bytes(std::span(object))).error().code, EPERM);
  EXPECT_EQ(fs().flush(*handle).error().code, EPERM);
  EXPECT_EQ(read(".bpfdump/log/tcp/d"), "tcp/d (object): failed: no capability\n");
  fs().release(file->handle);
}

}  // namespace
}  // namespace bpfdump::fsd
