// SPDX-License-Identifier: Apache-2.0
//
// Directories that are there while somebody looks at them or they have names.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <string>

#include "fsd/dumper.h"
#include "fsd/place.h"
#include "fsd/tree.h"

namespace bpfdump::fsd {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::shared_ptr<Dumper> some_dumper() {
  return std::make_shared<Dumper>(Dumper{Kind::object, nullptr, nullptr});
}

constexpr uid_t kUser = 1000;

std::string name_of(std::size_t number) { return fmt::format("pid={}", number); }

/// A tree with one target's directory, and scopes in it.
class PassingTest : public ::testing::Test {
 protected:
  // A scope as the kernel looks it up.
  Ino look_up(const std::string& name, uid_t user = kUser) {
    const auto found = tree_.lookup_passing(task_, name, within_, user);
    EXPECT_TRUE(found) << found.error().message;
    return found ? found->st_ino : 0;
  }
  Ino claim(Ino parent, const std::string& name) { return *tree_.claim(parent, name, 0440, {}); }
  Ino publish(Ino parent, const std::string& name) {
    const Ino ino = claim(parent, name);
    EXPECT_TRUE(tree_.publish(ino, some_dumper()));
    return ino;
  }
  bool is_there(const std::string& name) {
    const auto found = tree_.lookup(task_, name);
    if (found) tree_.forget(found->st_ino, 1);
    return found.has_value();
  }
  std::vector<std::string> list(Ino directory) const {
    std::vector<std::string> names;
    EXPECT_TRUE(tree_.list(directory, 0, [&](const Tree::Entry& entry) {
      if (!entry.is_dot) names.emplace_back(entry.name);
      return true;
    }));
    return names;
  }

  Tree tree_;
  const std::shared_ptr<const Directory> within_ =
      std::make_shared<const Directory>(Directory{nullptr, {}, {}});
  const Ino task_ = tree_.add_directory(Tree::kRoot, "task", within_);
};

TEST_F(PassingTest, IsADirectoryThatHoldsDumpers) {
  const Ino scope = look_up("pid=1");
  EXPECT_EQ(tree_.stat(scope)->st_mode, S_IFDIR | 0755u);
  EXPECT_EQ(tree_.stat(scope)->st_nlink, 2u);
  EXPECT_EQ(tree_.view(scope)->directory, within_);
  EXPECT_EQ(tree_.view(publish(scope, "d"))->directory, within_);
  EXPECT_EQ(look_up("pid=1"), scope);
}

TEST_F(PassingTest, IsListedWhileItHasAPublishedName) {
  const Ino scope = look_up("pid=1");
  EXPECT_THAT(list(task_), IsEmpty());
  const Ino dumper = claim(scope, "d");
  EXPECT_THAT(list(task_), IsEmpty()) << "a name that is pending is not listed, nor is its scope";
  ASSERT_TRUE(tree_.publish(dumper, some_dumper()));
  EXPECT_THAT(list(task_), ElementsAre("pid=1"));
  EXPECT_THAT(list(scope), ElementsAre("d"));
  ASSERT_TRUE(tree_.remove(scope, "d"));
  EXPECT_THAT(list(task_), IsEmpty());
}

TEST_F(PassingTest, GoesWhenItIsForgotten) {
  const Ino scope = look_up("pid=1");
  ASSERT_EQ(look_up("pid=1"), scope);
  tree_.forget(scope, 1);
  EXPECT_TRUE(tree_.stat(scope)) << "it was looked up twice";
  tree_.forget(scope, 1);
  EXPECT_EQ(tree_.stat(scope).error().code, ENOENT);
  EXPECT_FALSE(is_there("pid=1"));
  EXPECT_GT(look_up("pid=1"), scope) << "numbers are never used twice";
}

TEST_F(PassingTest, StaysWhileItHasNames) {
  const Ino scope = look_up("pid=1");
  publish(scope, "d");
  const Ino pending = claim(scope, "pending");
  tree_.forget(scope, 1);
  EXPECT_TRUE(is_there("pid=1"));
  ASSERT_TRUE(tree_.remove(scope, "d"));
  EXPECT_TRUE(is_there("pid=1"));
  tree_.withdraw(pending);
  EXPECT_FALSE(is_there("pid=1"));
  EXPECT_EQ(tree_.stat(scope).error().code, ENOENT);
}

TEST_F(PassingTest, CanBeMadeWithoutALookup) {
  const Ino scope = tree_.add_passing(task_, "pid=1", within_);
  EXPECT_EQ(tree_.add_passing(task_, "pid=1", within_), scope);
  publish(scope, "d");
  ASSERT_TRUE(tree_.remove(scope, "d"));
  EXPECT_EQ(tree_.stat(scope).error().code, ENOENT);
}

TEST_F(PassingTest, DumpersWithinAreFoundByTheirPaths) {
  publish(task_, "z");
  publish(look_up("pid=1"), "a");
  look_up("pid=2");
  std::vector<std::string> paths;
  for (const auto& listed : tree_.dumpers()) paths.push_back(listed.path);
  EXPECT_THAT(paths, ElementsAre("task/pid=1/a", "task/z"));
}

TEST_F(PassingTest, ADirectoryThatHadSomeNoLongerCountsItsLinks) {
  EXPECT_EQ(tree_.stat(task_)->st_nlink, 2u);
  tree_.forget(look_up("pid=1"), 1);
  EXPECT_EQ(tree_.stat(task_)->st_nlink, 1u);
  EXPECT_EQ(tree_.stat(Tree::kRoot)->st_nlink, 3u);
}

TEST_F(PassingTest, ALookupIsNoChangeOfTheDirectory) {
  AttributeChanges long_ago;
  long_ago.mtime = timespec{1, 0};
  ASSERT_TRUE(tree_.change(task_, long_ago));
  tree_.forget(look_up("pid=1"), 1);
  EXPECT_EQ(tree_.stat(task_)->st_mtim.tv_sec, 1);
}

// --- rmdir ---------------------------------------------------------------------------------------

TEST_F(PassingTest, AnEmptyOneCanBeRemoved) {
  const Ino scope = look_up("pid=1");
  ASSERT_TRUE(tree_.remove_passing(task_, "pid=1"));
  EXPECT_FALSE(is_there("pid=1"));
  EXPECT_EQ(tree_.stat(scope)->st_nlink, 0u) << "the kernel knows it yet";
  EXPECT_NE(look_up("pid=1"), scope);
  tree_.forget(scope, 1);
  EXPECT_EQ(tree_.stat(scope).error().code, ENOENT);
  EXPECT_TRUE(is_there("pid=1"));
}

TEST_F(PassingTest, OneWithNamesCanNotBeRemoved) {
  const Ino scope = look_up("pid=1");
  const Ino dumper = claim(scope, "d");
  for (const auto* state : {"pending", "published"}) {
    const auto removed = tree_.remove_passing(task_, "pid=1");
    ASSERT_FALSE(removed) << state;
    EXPECT_EQ(removed.error().code, ENOTEMPTY);
    EXPECT_EQ(removed.error().message, "remove 'pid=1': Directory not empty");
    ASSERT_TRUE(tree_.publish(dumper, some_dumper()));
  }
  EXPECT_EQ(tree_.remove(task_, "pid=1").error().code, EISDIR);
}

TEST_F(PassingTest, OthersAreNotTheUsersToRemove) {
  tree_.add_text(task_, "text", 0444, [] { return "x"; });
  publish(task_, "d");
  for (const auto& [parent, name] :
       {std::pair{Tree::kRoot, "task"}, {task_, "text"}, {task_, "d"}}) {
    const auto removed = tree_.remove_passing(parent, name);
    ASSERT_FALSE(removed) << name;
    EXPECT_EQ(removed.error().code, EPERM);
    EXPECT_EQ(removed.error().message, fmt::format("'{}' belongs to bpfdumpd", name));
  }
  EXPECT_EQ(tree_.remove_passing(task_, "pid=1").error().code, ENOENT);
  EXPECT_EQ(tree_.remove_passing(999, "pid=1").error().code, ENOENT);
}

TEST_F(PassingTest, ANameDoesNotComeBackInOneThatWasForgotten) {
  const Ino scope = look_up("pid=1");
  const Ino dumper = claim(scope, "d");
  ASSERT_TRUE(tree_.remember(dumper));
  tree_.withdraw(dumper);
  tree_.forget(scope, 1);
  EXPECT_EQ(tree_.publish(dumper, some_dumper()).error().code, ENOENT);
  EXPECT_FALSE(is_there("pid=1"));
}

TEST_F(PassingTest, ANameDoesNotComeBackInOneThatWasRemoved) {
  const Ino scope = look_up("pid=1");
  const Ino dumper = claim(scope, "d");
  ASSERT_TRUE(tree_.remember(dumper));
  tree_.withdraw(dumper);
  ASSERT_TRUE(tree_.remove_passing(task_, "pid=1"));
  EXPECT_EQ(tree_.publish(dumper, some_dumper()).error().code, ENOENT);
  EXPECT_EQ(tree_.claim(scope, "e", 0440, {}).error().code, ENOENT);
  EXPECT_EQ(tree_.view(dumper)->dumper, nullptr);
  EXPECT_THAT(tree_.dumpers(), IsEmpty());
}

TEST_F(PassingTest, ANameComesBackInOneThatIsStillThere) {
  const Ino scope = look_up("pid=1");
  const Ino dumper = claim(scope, "d");
  ASSERT_TRUE(tree_.remember(dumper));
  tree_.withdraw(dumper);
  ASSERT_TRUE(tree_.publish(dumper, some_dumper()));
  EXPECT_THAT(list(task_), ElementsAre("pid=1"));
  EXPECT_THAT(list(scope), ElementsAre("d"));
}

// --- How many there are --------------------------------------------------------------------------

TEST_F(PassingTest, AUserLooksUpNoMoreThanSoMany) {
  const Ino first = look_up(name_of(1), kUser);
  for (std::size_t at = 2; at <= Tree::kMostIdleOfUser; ++at) look_up(name_of(at), kUser);
  const auto refused = tree_.lookup_passing(task_, "one more", within_, kUser);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ENFILE);
  EXPECT_EQ(refused.error().message, "look at so many scopes without dumpers at once");
  EXPECT_EQ(look_up(name_of(1), kUser), first) << "what is there is found";
  EXPECT_NE(look_up("another user's", kUser + 1), 0u);
  EXPECT_NE(look_up("root's", 0), 0u);
  tree_.forget(first, 2);
  EXPECT_NE(look_up("one more", kUser), 0u);
  EXPECT_FALSE(tree_.lookup_passing(task_, "and one more", within_, kUser));
  const Ino dumper = publish(tree_.child(task_, "one more")->attributes.st_ino, "d");
  EXPECT_NE(look_up("and one more", kUser), 0u) << "one with dumpers does not count";
  EXPECT_NE(dumper, 0u);
  ASSERT_TRUE(tree_.remove_passing(task_, "and one more"));
  EXPECT_NE(look_up("instead", kUser), 0u) << "nor does one that was removed";
}

TEST_F(PassingTest, AllUsersButRootLookUpNoMoreThanSoMany) {
  for (std::size_t at = 0; at < Tree::kMostIdle; ++at)
    look_up(name_of(at), kUser + static_cast<uid_t>(at / Tree::kMostIdleOfUser));
  EXPECT_FALSE(tree_.lookup_passing(task_, "one more", within_, kUser - 1));
  EXPECT_NE(look_up("root's", 0), 0u);
}

// --- Texts ---------------------------------------------------------------------------------------

TEST_F(PassingTest, ATextWithinMakesItAndTakesItAway) {
  ASSERT_TRUE(tree_.add_text_within(task_, "pid=1", "a", 0400, [] { return "old"; }));
  const Ino scope = tree_.child(task_, "pid=1")->attributes.st_ino;
  EXPECT_EQ(tree_.view(scope)->directory, nullptr) << "it holds no dumpers";
  ASSERT_TRUE(tree_.add_text_within(task_, "pid=1", "a", 0400, [] { return "new"; }));
  ASSERT_TRUE(tree_.add_text_within(task_, "pid=1", "b", 0400, [] { return "b"; }));
  EXPECT_EQ(tree_.child(task_, "pid=1")->attributes.st_ino, scope);
  EXPECT_EQ(tree_.child(scope, "a")->text(), "new");
  EXPECT_EQ(tree_.child(scope, "a")->attributes.st_mode, S_IFREG | 0400u);
  EXPECT_THAT(list(task_), ElementsAre("pid=1"));

  tree_.remove_text_within(task_, "pid=1", "a");
  EXPECT_THAT(list(scope), ElementsAre("b"));
  tree_.remove_text_within(task_, "pid=1", "none");
  tree_.remove_text_within(task_, "none", "b");
  tree_.remove_text_within(task_, "pid=1", "b");
  EXPECT_FALSE(is_there("pid=1"));
}

TEST_F(PassingTest, TheOnlyTextWithinIsReplacedWhereItIs) {
  ASSERT_TRUE(tree_.add_text_within(task_, "pid=1", "a", 0400, [] { return "old"; }));
  const Ino scope = tree_.child(task_, "pid=1")->attributes.st_ino;
  ASSERT_TRUE(tree_.add_text_within(task_, "pid=1", "a", 0400, [] { return "new"; }));
  EXPECT_EQ(tree_.child(task_, "pid=1")->attributes.st_ino, scope);
  EXPECT_EQ(tree_.child(scope, "a")->text(), "new");
}

TEST_F(PassingTest, ATextInThePlaceOfOneIsLeftAlone) {
  tree_.add_text(task_, "pid=x", 0400, [] { return "why"; });
  const auto added = tree_.add_text_within(task_, "pid=x", "a", 0400, [] { return "a"; });
  ASSERT_FALSE(added);
  EXPECT_EQ(added.error().code, ENOTDIR);
  EXPECT_EQ(added.error().message, "create 'a': Not a directory");
  tree_.remove_text_within(task_, "pid=x", "a");
  EXPECT_EQ(tree_.child(task_, "pid=x")->text(), "why");
}

}  // namespace
}  // namespace bpfdump::fsd
