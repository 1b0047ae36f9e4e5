// SPDX-License-Identifier: Apache-2.0
#include "fsd/tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <string>

#include "fsd/dumper.h"
#include "fsd/place.h"

namespace bpfdump::fsd {
namespace {

using ::testing::ElementsAre;

constexpr Owner kOwner = {12, 34};

std::shared_ptr<Dumper> some_dumper() {
  return std::make_shared<Dumper>(Dumper{Kind::object, nullptr, nullptr});
}

std::shared_ptr<const Directory> some_directory() {
  return std::make_shared<const Directory>(Directory{nullptr, {}, {}});
}

/// A tree with one target's directory.
class TreeTest : public ::testing::Test {
 protected:
  Ino claim(const std::string& name) { return *tree_.claim(directory_, name, 0440, kOwner); }
  Ino publish(const std::string& name) {
    const Ino ino = claim(name);
    EXPECT_TRUE(tree_.publish(ino, some_dumper()));
    return ino;
  }
  // An inode as the kernel knows it while a file is open.
  Ino claim_and_remember(const std::string& name) {
    const Ino ino = claim(name);
    EXPECT_TRUE(tree_.remember(ino));
    return ino;
  }
  bool is_found(const std::string& name) {
    const auto found = tree_.lookup(directory_, name);
    if (found) tree_.forget(found->st_ino, 1);
    return found.has_value();
  }
  // The names from a position on, at most `most`; sets `position` behind the last.
  std::vector<std::string> list(std::uint64_t& position, std::size_t most) const {
    std::vector<std::string> names;
    const auto listed = tree_.list(directory_, position, [&](const Tree::Entry& entry) {
      if (names.size() == most) return false;
      names.emplace_back(entry.name);
      position = entry.next;
      return true;
    });
    EXPECT_TRUE(listed);
    return names;
  }
  std::vector<std::string> list_all() const {
    std::uint64_t position = 0;
    return list(position, SIZE_MAX);
  }

  Tree tree_;
  Ino directory_ = tree_.add_directory(Tree::kRoot, "task", some_directory());
};

// --- The life of a dumper's name -----------------------------------------------------------------

TEST_F(TreeTest, APendingNameIsFoundButNotListed) {
  const Ino ino = claim("d");
  EXPECT_THAT(list_all(), ElementsAre(".", ".."));
  const auto found = tree_.lookup(directory_, "d");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->st_ino, ino);
  EXPECT_EQ(found->st_mode, S_IFREG | 0440u);
  EXPECT_EQ(found->st_uid, 12u);
  EXPECT_EQ(found->st_gid, 34u);
  EXPECT_EQ(found->st_size, 0);
  EXPECT_EQ(found->st_nlink, 1u);
  EXPECT_TRUE(tree_.view(ino)->pending);
}

TEST_F(TreeTest, APublishedNameIsListedAndReadsAsItsDumper) {
  const Ino ino = claim("d");
  const auto dumper = some_dumper();
  ASSERT_TRUE(tree_.publish(ino, dumper));
  EXPECT_THAT(list_all(), ElementsAre(".", "..", "d"));
  EXPECT_EQ(tree_.view(ino)->dumper, dumper);
  EXPECT_FALSE(tree_.view(ino)->pending);
}

TEST_F(TreeTest, PublishAgainReplacesTheDumper) {
  const Ino ino = publish("d");
  const auto other = some_dumper();
  ASSERT_TRUE(tree_.publish(ino, other));
  EXPECT_EQ(tree_.view(ino)->dumper, other);
  EXPECT_THAT(list_all(), ElementsAre(".", "..", "d"));
}

TEST_F(TreeTest, ATakenNameIsEEXIST) {
  claim("pending");
  publish("published");
  for (const auto* name : {"pending", "published"}) {
    const auto again = tree_.claim(directory_, name, 0440, kOwner);
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().code, EEXIST);
    EXPECT_EQ(again.error().message, fmt::format("create '{}': File exists", name));
  }
}

TEST_F(TreeTest, NothingIsClaimedInAnUnknownDirectory) {
  EXPECT_EQ(tree_.claim(999, "d", 0440, kOwner).error().code, ENOENT);
  const Ino face = Tree::face_of(publish("d"));
  EXPECT_EQ(tree_.claim(face, "x", 0440, kOwner).error().code, ENOENT);
}

TEST_F(TreeTest, AWithdrawnNameIsFreeAtOnce) {
  tree_.withdraw(claim("d"));
  EXPECT_FALSE(is_found("d"));
  EXPECT_TRUE(tree_.claim(directory_, "d", 0440, kOwner));
}

TEST_F(TreeTest, WithdrawLeavesAPublishedNameAlone) {
  tree_.withdraw(publish("d"));
  EXPECT_TRUE(is_found("d"));
}

TEST_F(TreeTest, ANamelessInodeStaysUntilItIsForgotten) {
  const Ino ino = claim_and_remember("d");
  ASSERT_TRUE(tree_.lookup(directory_, "d"));
  tree_.withdraw(ino);
  ASSERT_TRUE(tree_.stat(ino));
  EXPECT_EQ(tree_.stat(ino)->st_nlink, 0u);
  tree_.forget(ino, 1);
  EXPECT_TRUE(tree_.stat(ino)) << "it was looked up twice";
  tree_.forget(ino, 1);
  EXPECT_EQ(tree_.stat(ino).error().code, ENOENT);
}

TEST_F(TreeTest, AnInodeWithANameIsNeverForgotten) {
  const Ino ino = claim_and_remember("d");
  tree_.forget(ino, 1);
  tree_.forget(ino, 1000);
  tree_.forget(999, 1);
  EXPECT_TRUE(tree_.stat(ino));
}

TEST_F(TreeTest, AfterAFailureAnInodeCanGetItsNameBack) {
  const Ino ino = claim_and_remember("d");
  tree_.withdraw(ino);
  ASSERT_TRUE(tree_.publish(ino, some_dumper()));
  EXPECT_TRUE(is_found("d"));
  EXPECT_EQ(tree_.stat(ino)->st_nlink, 1u);
  EXPECT_THAT(list_all(), ElementsAre(".", "..", "d"));
}

TEST_F(TreeTest, ANameThatWentToAnotherDoesNotComeBack) {
  const Ino ino = claim_and_remember("d");
  tree_.withdraw(ino);
  const Ino other = publish("d");
  const auto published = tree_.publish(ino, some_dumper());
  ASSERT_FALSE(published);
  EXPECT_EQ(published.error().code, EEXIST);
  EXPECT_EQ(tree_.lookup(directory_, "d")->st_ino, other);
}

TEST_F(TreeTest, RemoveLetsGoOfTheDumper) {
  const Ino ino = claim("d");
  const auto dumper = some_dumper();
  ASSERT_TRUE(tree_.publish(ino, dumper));
  EXPECT_EQ(tree_.child(directory_, "d")->dumper, dumper);
  ASSERT_TRUE(tree_.remove(directory_, "d"));
  EXPECT_EQ(dumper.use_count(), 1);
  EXPECT_FALSE(is_found("d"));
  EXPECT_THAT(list_all(), ElementsAre(".", ".."));
  EXPECT_EQ(tree_.stat(ino).error().code, ENOENT) << "nobody knew it";
}

TEST_F(TreeTest, ARemovedInodeCanNotBePublished) {
  const Ino ino = claim_and_remember("d");
  ASSERT_TRUE(tree_.remove(directory_, "d"));
  EXPECT_EQ(tree_.publish(ino, some_dumper()).error().code, ENOENT);
  EXPECT_FALSE(is_found("d"));
}

TEST_F(TreeTest, RemoveRefusesWhatIsNoDumper) {
  tree_.add_text(directory_, "text", 0444, [] { return "x"; });
  tree_.add_symlink(directory_, "link", "text");
  EXPECT_EQ(tree_.remove(directory_, "none").error().code, ENOENT);
  EXPECT_EQ(tree_.remove(Tree::kRoot, "task").error().code, EISDIR);
  EXPECT_EQ(tree_.remove(directory_, "text").error().message, "'text' belongs to bpfdumpd");
  EXPECT_EQ(tree_.remove(directory_, "link").error().code, EPERM);
  EXPECT_THAT(list_all(), ElementsAre(".", "..", "text", "link"));
}

TEST_F(TreeTest, NumbersAreNeverUsedTwice) {
  const Ino first = claim("d");
  tree_.withdraw(first);
  EXPECT_GT(claim("d"), first);
}

// --- Listing -------------------------------------------------------------------------------------

TEST_F(TreeTest, DotEntriesAreTheDirectoryAndItsParent) {
  std::vector<Ino> dots;
  ASSERT_TRUE(tree_.list(directory_, 0, [&](const Tree::Entry& entry) {
    if (entry.is_dot) dots.push_back(entry.attributes.st_ino);
    return true;
  }));
  EXPECT_THAT(dots, ElementsAre(directory_, Tree::kRoot));
}

TEST_F(TreeTest, AListingGoesOnWhereItStopped) {
  for (const auto* name : {"a", "b", "c"}) publish(name);
  std::vector<std::string> all;
  std::uint64_t position = 0;
  for (auto part = list(position, 1); !part.empty(); part = list(position, 1))
    all.push_back(part.front());
  EXPECT_THAT(all, ElementsAre(".", "..", "a", "b", "c"));
}

TEST_F(TreeTest, AListingIsCompleteWhileEntriesComeAndGo) {
  for (const auto* name : {"b", "gone", "d", "stays"}) publish(name);
  std::uint64_t position = 0;
  EXPECT_THAT(list(position, 4), ElementsAre(".", "..", "b", "gone"));
  ASSERT_TRUE(tree_.remove(directory_, "b"));
  ASSERT_TRUE(tree_.remove(directory_, "gone"));
  publish("a");
  EXPECT_THAT(list(position, 2), ElementsAre("d", "stays"));
  ASSERT_TRUE(tree_.remove(directory_, "stays"));
  EXPECT_THAT(list(position, 9), ElementsAre("a"));
}

TEST_F(TreeTest, OnlyDirectoriesAreListed) {
  const auto visit = [](const Tree::Entry&) { return true; };
  EXPECT_EQ(tree_.list(publish("d"), 0, visit).error().code, ENOTDIR);
  EXPECT_EQ(tree_.list(999, 0, visit).error().code, ENOENT);
}

TEST_F(TreeTest, ListAndLookupRemembersWhatWasTaken) {
  const Ino taken = publish("taken");
  const Ino refused = publish("refused");
  ASSERT_TRUE(tree_.list_and_lookup(
      directory_, 0, [](const Tree::Entry& entry) { return entry.name != "refused"; }));
  ASSERT_TRUE(tree_.remove(directory_, "taken"));
  ASSERT_TRUE(tree_.remove(directory_, "refused"));
  EXPECT_TRUE(tree_.stat(taken));
  EXPECT_FALSE(tree_.stat(refused));
  tree_.forget(taken, 1);
  EXPECT_FALSE(tree_.stat(taken));
}

TEST_F(TreeTest, DumpersAreThePublishedOnesInTheOrderOfPaths) {
  const Ino before = tree_.add_directory(Tree::kRoot, "bpf_map", some_directory());
  tree_.add_text(directory_, "text", 0444, [] { return "x"; });
  publish("z");
  publish("a");
  claim("pending");
  ASSERT_TRUE(tree_.publish(*tree_.claim(before, "m", 0440, kOwner), some_dumper()));
  std::vector<std::string> paths;
  for (const auto& listed : tree_.dumpers()) paths.push_back(listed.path);
  EXPECT_THAT(paths, ElementsAre("bpf_map/m", "task/a", "task/z"));
}

// --- Attributes ----------------------------------------------------------------------------------

TEST_F(TreeTest, TheFaceOfAFileIsADirectoryThatNoLookupGives) {
  const Ino ino = publish("d");
  const Ino face = Tree::face_of(ino);
  EXPECT_TRUE(Tree::is_face(face));
  EXPECT_FALSE(Tree::is_face(ino));
  const auto attributes = tree_.stat(face);
  ASSERT_TRUE(attributes);
  EXPECT_EQ(attributes->st_ino, face);
  EXPECT_TRUE(S_ISDIR(attributes->st_mode));
  EXPECT_EQ(attributes->st_nlink, 2u);
  EXPECT_EQ(attributes->st_uid, 12u);
  EXPECT_EQ(tree_.lookup(directory_, "d")->st_ino, ino);
}

TEST_F(TreeTest, AFaceCountsAsALookupOfItsFile) {
  const Ino ino = publish("d");
  ASSERT_TRUE(tree_.remember(Tree::face_of(ino)));
  ASSERT_TRUE(tree_.remove(directory_, "d"));
  EXPECT_TRUE(tree_.stat(ino));
  tree_.forget(Tree::face_of(ino), 1);
  EXPECT_FALSE(tree_.stat(ino));
}

TEST_F(TreeTest, AFaceIsAnEmptyDirectory) {
  const Ino face = Tree::face_of(publish("d"));
  int entries = 0;
  EXPECT_TRUE(tree_.list(face, 0, [&](const Tree::Entry& entry) {
    entries += entry.is_dot ? 0 : 1;
    return true;
  }));
  EXPECT_EQ(entries, 0);
  EXPECT_EQ(tree_.lookup(face, "x").error().code, ENOENT);
}

TEST_F(TreeTest, ADirectoryHasALinkForEachOneInIt) {
  EXPECT_EQ(tree_.stat(Tree::kRoot)->st_nlink, 3u);
  tree_.add_directory(Tree::kRoot, "tcp");
  EXPECT_EQ(tree_.stat(Tree::kRoot)->st_nlink, 4u);
  publish("d");
  EXPECT_EQ(tree_.stat(directory_)->st_nlink, 2u);
}

TEST_F(TreeTest, ADirectorysTimeIsThatOfItsLastChange) {
  AttributeChanges long_ago;
  long_ago.mtime = timespec{1, 0};
  const auto reset = [&] { return tree_.change(directory_, long_ago); };
  const auto changed = [&] { return tree_.stat(directory_)->st_mtim.tv_sec != 1; };
  ASSERT_TRUE(reset());
  EXPECT_FALSE(changed());
  publish("d");
  EXPECT_TRUE(changed());
  ASSERT_TRUE(reset());
  ASSERT_TRUE(tree_.remove(directory_, "d"));
  EXPECT_TRUE(changed());
}

TEST_F(TreeTest, ChangeSetsWhatIsGivenAndNothingElse) {
  const Ino ino = publish("d");
  AttributeChanges first, second;
  first.mode = S_IFDIR | 04600;
  first.mtime = timespec{5, 6};
  second.uid = 7;
  second.atime = timespec{1, 2};
  ASSERT_TRUE(tree_.change(ino, first));
  const auto changed = tree_.change(ino, second);
  ASSERT_TRUE(changed);
  EXPECT_EQ(changed->st_mode, S_IFREG | 04600u);
  EXPECT_EQ(changed->st_uid, 7u);
  EXPECT_EQ(changed->st_gid, 34u);
  EXPECT_EQ(changed->st_atim.tv_sec, 1);
  EXPECT_EQ(changed->st_mtim.tv_sec, 5);
  EXPECT_EQ(changed->st_mtim.tv_nsec, 6);
  EXPECT_EQ(tree_.change(999, {}).error().code, ENOENT);
}

// --- The daemon's own ----------------------------------------------------------------------------

TEST_F(TreeTest, ATextIsMadeWhenItIsOpened) {
  int made = 0;
  const Ino ino = tree_.add_text(directory_, "t", 0444, [&] { return std::to_string(++made); });
  EXPECT_EQ(tree_.stat(ino)->st_mode, S_IFREG | 0444u);
  EXPECT_FALSE(tree_.view(ino)->pending);
  EXPECT_EQ(made, 0);
  EXPECT_EQ(tree_.view(ino)->text(), "1");
}

TEST_F(TreeTest, ATextReplacesAnEarlierOneThatMayStillBeOpen) {
  const Ino old = tree_.add_text(directory_, "t", 0444, [] { return "old"; });
  ASSERT_TRUE(tree_.remember(old));
  const Ino fresh = tree_.add_text(directory_, "t", 0444, [] { return "new"; });
  EXPECT_EQ(tree_.lookup(directory_, "t")->st_ino, fresh);
  EXPECT_EQ(tree_.view(old)->text(), "old");
  tree_.remove_text(directory_, "t");
  EXPECT_FALSE(is_found("t"));
}

TEST_F(TreeTest, ASymlinkGivesItsTarget) {
  const Ino ino = tree_.add_symlink(directory_, "file", "../task_file");
  EXPECT_EQ(*tree_.readlink(ino), "../task_file");
  EXPECT_EQ(tree_.stat(ino)->st_mode, S_IFLNK | 0777u);
  EXPECT_EQ(tree_.stat(ino)->st_size, 12);
  EXPECT_EQ(tree_.readlink(directory_).error().code, EINVAL);
}

}  // namespace
}  // namespace bpfdump::fsd
