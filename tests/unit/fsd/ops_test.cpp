// SPDX-License-Identifier: Apache-2.0
#include "fsd/ops.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>

#include "tests/unit/fsd/fake_fuse.h"
#include "tests/unit/fsd/fake_kernel.h"

namespace bpfdump::fsd {
namespace {

using bpfdump::testing::bytes_of;
using bpfdump::testing::FakeFuse;
using bpfdump::testing::FakeKernel;
using bpfdump::testing::Reply;
using ::testing::ElementsAre;
using ::testing::StartsWith;

constexpr std::uint64_t kRoot = FUSE_ROOT_ID;

class OpsTest : public ::testing::Test {
 protected:
  struct File {
    std::uint64_t node;
    std::uint64_t handle;
  };
  File create(const std::string& name) {
    const Reply created = fuse_.create(tomorrow_, name, O_WRONLY | O_CREAT | O_TRUNC);
    return {created.as<fuse_entry_out>().nodeid,
            created.as<fuse_open_out>(sizeof(fuse_entry_out)).fh};
  }
  std::string read(const std::vector<std::string>& path) {
    const std::uint64_t node = fuse_.walk(path);
    const auto opened = fuse_.open(node, O_RDONLY).as<fuse_open_out>();
    const Reply text = fuse_.read(node, opened.fh, 0, 65536);
    EXPECT_EQ(fuse_.release(node, opened.fh).error, 0);
    return text.body;
  }

  int ready_ = 0;
  FakeKernel kernel_{{"task", "task_file", "tomorrow"}, "limits.source_bytes = 100"};
  Ops ops_{*kernel_.filesystem,
           {.reads = {2, 2}, .commits = {2, 2}},
           [](pid_t) { return base::Result<void>(); },
           [this] { ++ready_; }};
  FakeFuse fuse_{ops_};
  const std::uint64_t tomorrow_ = fuse_.walk({"tomorrow"});
};

TEST_F(OpsTest, InitAgreesOnLargeTransfers) {
  EXPECT_EQ(ready_, 1);
  EXPECT_EQ(fuse_.init.major, 7u);
  EXPECT_EQ(fuse_.init.max_write, 1u << 20);
  EXPECT_EQ(fuse_.init.max_pages, 256u);
  EXPECT_TRUE(fuse_.init.flags & FUSE_ATOMIC_O_TRUNC);
}

TEST_F(OpsTest, ThreadsAreEnoughForAllSlotsAndMore) {
  EXPECT_GT(Ops::threads({.reads = {16, 8}, .commits = {4, 2}}), 16u + 4u);
}

// --- Names and attributes ------------------------------------------------------------------------

TEST_F(OpsTest, LookupGivesADirectoryThatMayBeKept) {
  const auto entry = fuse_.lookup(kRoot, "task").as<fuse_entry_out>();
  EXPECT_GT(entry.nodeid, kRoot);
  EXPECT_EQ(entry.attr.ino, entry.nodeid);
  EXPECT_EQ(entry.attr.mode, S_IFDIR | 0755u);
  EXPECT_EQ(entry.entry_valid, 1u);
  EXPECT_EQ(entry.attr_valid, 1u);
}

TEST_F(OpsTest, LookupOfNothingIsENOENT) {
  EXPECT_EQ(fuse_.lookup(kRoot, "none").error, ENOENT);
  EXPECT_EQ(fuse_.lookup(999, "none").error, ENOENT);
}

TEST_F(OpsTest, GetattrOfTheRootCountsItsDirectories) {
  const auto attributes = fuse_.getattr(kRoot).as<fuse_attr_out>();
  EXPECT_EQ(attributes.attr.ino, kRoot);
  EXPECT_EQ(attributes.attr.mode, S_IFDIR | 0755u);
  EXPECT_EQ(attributes.attr.nlink, 6u) << "., .., .bpfdump and three targets";
  EXPECT_EQ(fuse_.getattr(999).error, ENOENT);
}

TEST_F(OpsTest, ReadlinkGivesANestedNamesTarget) {
  EXPECT_EQ(fuse_.call(FUSE_READLINK, fuse_.walk({"task", "file"})).body, "../task_file");
  EXPECT_EQ(fuse_.call(FUSE_READLINK, tomorrow_).error, EINVAL);
}

TEST_F(OpsTest, StatfsAllowsLongNames) {
  EXPECT_EQ(fuse_.call(FUSE_STATFS, kRoot).as<fuse_statfs_out>().st.namelen, 255u);
}

TEST_F(OpsTest, SetattrSetsWhatItIsTold) {
  const File file = create("d");
  fuse_setattr_in in = {};
  in.valid = FATTR_MODE | FATTR_UID | FATTR_MTIME;
  in.mode = S_IFREG | 0600;
  in.uid = 77;
  in.gid = 88;
  in.mtime = 5;
  const auto out = fuse_.call(FUSE_SETATTR, file.node, bytes_of(in)).as<fuse_attr_out>();
  EXPECT_EQ(out.attr.mode, S_IFREG | 0600u);
  EXPECT_EQ(out.attr.uid, 77u);
  EXPECT_EQ(out.attr.gid, FakeFuse::kGid) << "it was not to be set";
  EXPECT_EQ(out.attr.mtime, 5u);
  EXPECT_EQ(fuse_.call(FUSE_SETATTR, tomorrow_, bytes_of(in)).error, EPERM);
}

TEST_F(OpsTest, AForgottenNamelessInodeIsGone) {
  const File file = create("d");
  ASSERT_EQ(fuse_.call(FUSE_UNLINK, tomorrow_, std::string("d") + '\0').error, 0);
  EXPECT_EQ(fuse_.getattr(file.node).as<fuse_attr_out>().attr.nlink, 0u);
  ASSERT_EQ(fuse_.release(file.node, file.handle).error, 0);
  fuse_.forget(file.node, 1);
  EXPECT_EQ(fuse_.getattr(file.node).error, ENOENT);
}

TEST_F(OpsTest, ManyAreForgottenAtOnce) {
  const File one = create("one");
  const File two = create("two");
  for (const File& file : {one, two}) fuse_.release(file.node, file.handle);
  fuse_batch_forget_in in = {};
  in.count = 2;
  fuse_.send(FUSE_BATCH_FORGET, 0,
             bytes_of(in) + bytes_of(fuse_forget_one{one.node, 1}) +
                 bytes_of(fuse_forget_one{two.node, 1}));
  EXPECT_EQ(fuse_.getattr(one.node).error, ENOENT);
  EXPECT_EQ(fuse_.getattr(two.node).error, ENOENT);
}

// --- Listings ------------------------------------------------------------------------------------

struct Listed {
  std::vector<std::string> names;
  std::vector<std::uint64_t> nodes;
  std::uint64_t next = 0;
};

Listed parse_dirents(const std::string& body) {
  Listed listed;
  for (std::size_t at = 0; at < body.size();) {
    fuse_dirent entry;
    std::memcpy(&entry, body.data() + at, FUSE_NAME_OFFSET);
    listed.names.push_back(body.substr(at + FUSE_NAME_OFFSET, entry.namelen));
    listed.nodes.push_back(entry.ino);
    listed.next = entry.off;
    at += FUSE_DIRENT_ALIGN(FUSE_NAME_OFFSET + entry.namelen);
  }
  return listed;
}

Listed parse_direntplus(const std::string& body) {
  Listed listed;
  for (std::size_t at = 0; at < body.size();) {
    fuse_direntplus entry;
    std::memcpy(&entry, body.data() + at, FUSE_NAME_OFFSET_DIRENTPLUS);
    listed.names.push_back(body.substr(at + FUSE_NAME_OFFSET_DIRENTPLUS, entry.dirent.namelen));
    listed.nodes.push_back(entry.entry_out.nodeid);
    at += FUSE_DIRENT_ALIGN(FUSE_NAME_OFFSET_DIRENTPLUS + entry.dirent.namelen);
  }
  return listed;
}

TEST_F(OpsTest, ReaddirListsTheTree) {
  const Reply reply = fuse_.read(kRoot, 0, 0, 4096, FUSE_READDIR);
  const Listed listed = parse_dirents(reply.body);
  EXPECT_THAT(listed.names, ElementsAre(".", "..", ".bpfdump", "task", "task_file", "tomorrow"));
  EXPECT_EQ(listed.nodes.back(), tomorrow_);
  EXPECT_EQ(fuse_.read(kRoot, 0, listed.next, 4096, FUSE_READDIR).body, "");
  EXPECT_EQ(fuse_.read(999, 0, 0, 4096, FUSE_READDIR).error, ENOENT);
}

TEST_F(OpsTest, ReaddirGoesOnWhereThereWasNoRoom) {
  std::vector<std::string> names;
  for (Listed part;; names.insert(names.end(), part.names.begin(), part.names.end())) {
    // Three entries of 32 bytes; then task, without room for task_file's 40 but for tomorrow's 32.
    const std::uint32_t room = part.next == 0 ? 96 : 64;
    part = parse_dirents(fuse_.read(kRoot, 0, part.next, room, FUSE_READDIR).body);
    if (part.names.empty()) break;
    EXPECT_LE(part.names.size(), 3u);
  }
  EXPECT_THAT(names, ElementsAre(".", "..", ".bpfdump", "task", "task_file", "tomorrow"));
}

TEST_F(OpsTest, ReaddirplusIsAListingAndALookupOfEach) {
  const Listed listed = parse_direntplus(fuse_.read(kRoot, 0, 0, 4096, FUSE_READDIRPLUS).body);
  EXPECT_THAT(listed.names, ElementsAre(".", "..", ".bpfdump", "task", "task_file", "tomorrow"));
  EXPECT_EQ(listed.nodes.back(), tomorrow_);
}

TEST_F(OpsTest, ReaddirplusKeepsWhatItListedUntilItIsForgotten) {
  fuse_.mkdir(tomorrow_, "d");  // fails, and leaves a log
  const std::uint64_t logs = fuse_.walk({".bpfdump", "log", "tomorrow"});
  const auto node =
      parse_direntplus(fuse_.read(logs, 0, 0, 4096, FUSE_READDIRPLUS).body).nodes.back();
  fuse_.mkdir(tomorrow_, "d");  // another log in its place
  EXPECT_EQ(fuse_.getattr(node).error, 0);
  fuse_.forget(node, 1);
  EXPECT_EQ(fuse_.getattr(node).error, ENOENT);
}

// --- Scopes --------------------------------------------------------------------------------------

TEST_F(OpsTest, LookupOfAScopeGivesADirectoryThatMayBeKept) {
  const auto entry = fuse_.lookup(tomorrow_, "set.a=1").as<fuse_entry_out>();
  EXPECT_EQ(entry.attr.ino, entry.nodeid);
  EXPECT_EQ(entry.attr.mode, S_IFDIR | 0755u);
  EXPECT_EQ(entry.entry_valid, 1u);
  EXPECT_EQ(fuse_.lookup(tomorrow_, "set.a=1").as<fuse_entry_out>().nodeid, entry.nodeid);
  EXPECT_EQ(fuse_.getattr(entry.nodeid).error, 0);
  fuse_.forget(entry.nodeid, 2);
  EXPECT_EQ(fuse_.getattr(entry.nodeid).error, ENOENT);
}

TEST_F(OpsTest, LookupOfNoScopeIsEINVALOrENOENT) {
  EXPECT_EQ(fuse_.lookup(tomorrow_, "pid=1").error, EINVAL);
  EXPECT_EQ(read({".bpfdump", "log", "tomorrow", "pid=1"}),
            "tomorrow/pid=1: target 'tomorrow' has no parameter 'pid'; it takes set.NAME=\n");
  EXPECT_EQ(fuse_.lookup(kRoot, "set.a=1").error, ENOENT);
  EXPECT_EQ(fuse_.lookup(fuse_.walk({"tomorrow", "set.a=1"}), "set.a=2").error, ENOENT);
  EXPECT_EQ(fuse_.lookup(999, "set.a=1").error, ENOENT);
}

TEST_F(OpsTest, AScopeIsListedOnceItHasADumperOnly) {
  const std::uint64_t scope = fuse_.walk({"tomorrow", "set.a=1"});
  EXPECT_EQ(fuse_.mkdir(scope, "d").error, EOPNOTSUPP);
  EXPECT_EQ(fuse_.create(scope, "d", O_WRONLY | O_CREAT).error, 0);
  EXPECT_THAT(parse_dirents(fuse_.read(tomorrow_, 0, 0, 4096, FUSE_READDIR).body).names,
              ElementsAre(".", ".."));
  EXPECT_THAT(parse_dirents(fuse_.read(scope, 0, 0, 4096, FUSE_READDIR).body).names,
              ElementsAre(".", ".."));
}

TEST_F(OpsTest, RmdirIsForEmptyScopes) {
  const std::uint64_t scope = fuse_.walk({"tomorrow", "set.a=1"});
  EXPECT_EQ(fuse_.rmdir(tomorrow_, "set.a=1").error, 0);
  EXPECT_EQ(fuse_.rmdir(tomorrow_, "set.a=1").error, ENOENT);
  EXPECT_NE(fuse_.walk({"tomorrow", "set.a=1"}), scope);
  ASSERT_EQ(fuse_.create(fuse_.walk({"tomorrow", "set.a=1"}), "d", O_WRONLY | O_CREAT).error, 0);
  EXPECT_EQ(fuse_.rmdir(tomorrow_, "set.a=1").error, ENOTEMPTY);
  EXPECT_EQ(fuse_.rmdir(kRoot, "tomorrow").error, EPERM);
  EXPECT_EQ(fuse_.rmdir(kRoot, ".bpfdump").error, EPERM);
}

// --- Reading -------------------------------------------------------------------------------------

TEST_F(OpsTest, ATextIsReadInPieces) {
  const std::uint64_t node = fuse_.walk({".bpfdump", "targets"});
  const auto opened = fuse_.open(node, O_RDONLY).as<fuse_open_out>();
  EXPECT_EQ(fuse_.read(node, opened.fh, 0, 6).body, "TARGET");
  EXPECT_THAT(fuse_.read(node, opened.fh, 6, 4096).body, StartsWith("     CONTEXT"));
  EXPECT_EQ(fuse_.read(node, opened.fh, 100'000, 4096).body, "");
  EXPECT_EQ(fuse_.release(node, opened.fh).error, 0);
  EXPECT_EQ(fuse_.read(node, opened.fh, 0, 6).error, EBADF);
}

TEST_F(OpsTest, AllIsReadDirectlyAndReadersAreNotFlushed) {
  const auto reader = fuse_.open(fuse_.walk({".bpfdump", "targets"}), O_RDONLY);
  EXPECT_EQ(reader.as<fuse_open_out>().open_flags, FOPEN_DIRECT_IO | FOPEN_NOFLUSH);
  const auto writer = fuse_.create(tomorrow_, "d", O_WRONLY | O_CREAT);
  EXPECT_EQ(writer.as<fuse_open_out>(sizeof(fuse_entry_out)).open_flags, FOPEN_DIRECT_IO + 0u);
}

TEST_F(OpsTest, WhatIsTheDaemonsCanNotBeWritten) {
  EXPECT_EQ(fuse_.open(fuse_.walk({".bpfdump", "targets"}), O_WRONLY).error, EPERM);
  EXPECT_EQ(fuse_.create(fuse_.walk({".bpfdump"}), "d", O_WRONLY | O_CREAT).error, EPERM);
  EXPECT_EQ(fuse_.call(FUSE_UNLINK, fuse_.walk({"task"}), std::string("file") + '\0').error, EPERM);
}

// --- Creating ------------------------------------------------------------------------------------

TEST_F(OpsTest, AMkdirThatFailsLeavesNothingButItsLog) {
  EXPECT_EQ(fuse_.mkdir(tomorrow_, "d").error, EOPNOTSUPP);
  EXPECT_EQ(fuse_.lookup(tomorrow_, "d").error, ENOENT);
  EXPECT_EQ(
      read({".bpfdump", "log", "tomorrow", "d"}),
      "tomorrow/d (built-in): failed: target 'tomorrow' has no built-in program; copy one in: "
      "cp PROGRAM.bpf.o tomorrow/d\n");
  EXPECT_EQ(fuse_.mkdir(tomorrow_, "a=b").error, EINVAL);
}

TEST_F(OpsTest, ACopyOfJunkFailsAtItsClose) {
  const File file = create("d");
  EXPECT_EQ(fuse_.write(file.node, file.handle, 0, "ju").as<fuse_write_out>().size, 2u);
  EXPECT_EQ(fuse_.write(file.node, file.handle, 2, "nk").as<fuse_write_out>().size, 2u);
  EXPECT_EQ(fuse_.flush(file.node, file.handle).error, ENOEXEC);
  EXPECT_EQ(fuse_.lookup(tomorrow_, "d").error, ENOENT);
  EXPECT_EQ(fuse_.release(file.node, file.handle).error, 0);
  EXPECT_EQ(read({".bpfdump", "log", "tomorrow", "d"}),
            "tomorrow/d (object): failed: this is text, not a BPF object; compile with: "
            "clang -g -O2 -target bpf -c\n");
}

TEST_F(OpsTest, ANewFileIsTheCallersAndIsAskedForAgain) {
  const auto entry = fuse_.create(tomorrow_, "d", O_WRONLY | O_CREAT).as<fuse_entry_out>();
  EXPECT_EQ(entry.attr.mode, S_IFREG | 0440u);
  EXPECT_EQ(entry.attr.uid, FakeFuse::kUid);
  EXPECT_EQ(entry.attr.gid, FakeFuse::kGid);
  EXPECT_EQ(entry.entry_valid, 0u);
  const auto found = fuse_.lookup(tomorrow_, "d").as<fuse_entry_out>();
  EXPECT_EQ(found.nodeid, entry.nodeid);
  EXPECT_EQ(found.entry_valid, 0u) << "it is pending";
  EXPECT_EQ(fuse_.open(entry.nodeid, O_RDONLY).error, EBUSY);
}

TEST_F(OpsTest, FsyncCommitsAsFlushDoes) {
  const File file = create("d");
  fuse_.write(file.node, file.handle, 0, "junk");
  fuse_fsync_in in = {};
  in.fh = file.handle;
  EXPECT_EQ(fuse_.call(FUSE_FSYNC, file.node, bytes_of(in)).error, ENOEXEC);
}

TEST_F(OpsTest, TouchIsAsMkdir) {
  const File file = create("d");
  fuse_setattr_in in = {};
  in.valid = FATTR_FH | FATTR_ATIME | FATTR_ATIME_NOW | FATTR_MTIME | FATTR_MTIME_NOW;
  in.fh = file.handle;
  ASSERT_EQ(fuse_.call(FUSE_SETATTR, file.node, bytes_of(in)).error, 0);
  EXPECT_EQ(fuse_.flush(file.node, file.handle).error, EOPNOTSUPP);
}

TEST_F(OpsTest, WritesHaveTheirLimits) {
  const File file = create("d");
  EXPECT_EQ(fuse_.write(file.node, file.handle, 0, std::string(101, 'x')).error, EFBIG);
  EXPECT_EQ(fuse_.write(file.node, 999, 0, "x").error, EBADF);
  const auto reader = fuse_.open(fuse_.walk({".bpfdump", "version"}), O_RDONLY).as<fuse_open_out>();
  EXPECT_EQ(fuse_.write(file.node, reader.fh, 0, "x").error, EBADF);
}

// --- Interrupts, the unknown and the end ---------------------------------------------------------

TEST_F(OpsTest, AnInterruptOfNothingIsHarmless) {
  fuse_.send(FUSE_INTERRUPT, 0, bytes_of(fuse_interrupt_in{.unique = 2}));
  EXPECT_EQ(fuse_.getattr(kRoot).error, 0);
  EXPECT_EQ(fuse_.mkdir(tomorrow_, "d").error, EOPNOTSUPP);
}

TEST_F(OpsTest, AnInterruptThatComesFirstStopsItsRequest) {
  fuse_.send(FUSE_INTERRUPT, 0, bytes_of(fuse_interrupt_in{.unique = fuse_.next_unique() + 2}));
  EXPECT_EQ(fuse_.mkdir(tomorrow_, "d").error, EINTR);
  EXPECT_EQ(fuse_.walk({".bpfdump", "log", "tomorrow", "d"}), 0u) << "it was begun";
  EXPECT_EQ(fuse_.mkdir(tomorrow_, "d").error, EOPNOTSUPP) << "the next one is another";
}

TEST_F(OpsTest, WhatIsNotOfferedIsENOSYS) {
  EXPECT_EQ(fuse_.call(9999, kRoot).error, ENOSYS);
  EXPECT_EQ(fuse_.call(FUSE_IOCTL, kRoot, bytes_of(fuse_ioctl_in{})).error, ENOSYS);
  EXPECT_EQ(fuse_.getattr(kRoot).error, 0);
}

TEST_F(OpsTest, AfterStopSlowRequestsAreRefusedAndOthersAnswered) {
  const std::uint64_t node = fuse_.walk({".bpfdump", "targets"});
  const auto opened = fuse_.open(node, O_RDONLY).as<fuse_open_out>();
  ops_.stop();
  EXPECT_EQ(fuse_.mkdir(tomorrow_, "d").error, ENOTCONN);
  EXPECT_EQ(fuse_.read(node, opened.fh, 0, 10).error, ENOTCONN);
  EXPECT_EQ(fuse_.getattr(kRoot).error, 0);
}

}  // namespace
}  // namespace bpfdump::fsd
