// SPDX-License-Identifier: Apache-2.0
#include "fsd/store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <random>
#include <set>

#include "tests/unit/temporary_directory.h"

namespace bpfdump::fsd {
namespace {

namespace fs = std::filesystem;
using bpfdump::testing::TemporaryDirectory;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::IsEmpty;
using ::testing::StartsWith;

constexpr std::size_t kLongestName = 255;

TEST(PinNameTest, APlainNameIsItsOwnPin) {
  EXPECT_EQ(Store::pin_name("my_dumper-2"), "my_dumper-2");
  EXPECT_EQ(Store::dumper_name("my_dumper-2"), "my_dumper-2");
}

TEST(PinNameTest, DotsAreEncodedAsBpffsRefusesThem) {
  EXPECT_EQ(Store::pin_name(".x.swp"), "%2ex%2eswp");
  EXPECT_EQ(Store::pin_name("100%~"), "100%25%7e");
}

TEST(PinNameTest, EveryByteComesBack) {
  for (int byte = 1; byte < 256; ++byte) {
    if (byte == '/') continue;
    const std::string name = {'a', static_cast<char>(byte), 'f', '0', static_cast<char>(byte)};
    bool shortened = true;
    const std::string pin = Store::pin_name(name, &shortened);
    EXPECT_FALSE(shortened) << byte;
    EXPECT_EQ(pin.find_first_of("./"), std::string::npos) << byte;
    EXPECT_EQ(Store::dumper_name(pin), name) << byte;
  }
}

TEST(PinNameTest, EveryNameComesBackOrIsShortened) {
  std::mt19937 random(1);
  std::set<std::string> names, pins;
  for (int i = 0; i < 2000; ++i) {
    std::string name(1 + random() % kLongestName, '\0');
    for (char& c : name) c = "abc.%~2e5"[random() % 9];
    bool shortened = false;
    const std::string pin = Store::pin_name(name, &shortened);
    ASSERT_LE(pin.size(), kLongestName);
    ASSERT_EQ(pin.find('.'), std::string::npos);
    ASSERT_EQ(Store::dumper_name(pin), shortened ? "" : name);
    names.insert(name);
    pins.insert(pin);
  }
  EXPECT_EQ(pins.size(), names.size()) << "two names have the same pin";
}

TEST(PinNameTest, LongNamesAreShortenedAndStayDistinct) {
  const std::string name(kLongestName, 'a');
  bool shortened = false;
  const std::string pin = Store::pin_name(name, &shortened);
  EXPECT_TRUE(shortened);
  EXPECT_LE((pin + "~name").size(), kLongestName);
  EXPECT_EQ(Store::dumper_name(pin), "");
  EXPECT_EQ(Store::pin_name(name), pin) << "the same name has the same pin at each start";
  EXPECT_NE(Store::pin_name(std::string(kLongestName - 1, 'a') + "b"), pin);
  EXPECT_NE(Store::pin_name(std::string(kLongestName - 1, 'a')), pin);
}

TEST(PinNameTest, WhatNoNameIsEncodedAsIsNoPin) {
  for (const auto* pin : {"%", "%2", "%zz", "a%2", "a%g0b", "x~0123", "%-1"})
    EXPECT_EQ(Store::dumper_name(pin), "") << pin;
}

TEST(StoreTest, OpenMakesAPrivateDirectory) {
  const TemporaryDirectory directory;
  ASSERT_TRUE(Store::open(directory / "pins"));
  EXPECT_EQ(fs::status(directory / "pins").permissions(), fs::perms::owner_all);
}

TEST(StoreTest, ASecondDaemonIsTurnedAway) {
  const TemporaryDirectory directory;
  const std::string pins = directory / "pins";
  {
    const auto first = Store::open(pins);
    ASSERT_TRUE(first);
    const auto second = Store::open(pins);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, EBUSY);
    EXPECT_EQ(second.error().message, "pins '" + pins +
                                          "' are in use by another bpfdumpd; wait until it has "
                                          "ended, or give this one --pins of its own");
  }
  EXPECT_TRUE(Store::open(pins)) << "the first one has gone";
}

TEST(StoreTest, ADirectoryThatCanNotBeMadeIsNamed) {
  const TemporaryDirectory directory;
  const auto store = Store::open(directory / "a/b");
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, ENOENT);
  EXPECT_EQ(store.error().message,
            "make directory '" + directory.path() + "/a/b': No such file or directory");
}

TEST(StoreTest, AFileInThePlaceOfPinsIsRefused) {
  const TemporaryDirectory directory;
  EXPECT_EQ(Store::open(directory.write("file", "")).error().code, ENOTDIR);
}

TEST(StoreTest, ThereIsNothingAtFirst) {
  const TemporaryDirectory directory;
  const auto loaded = Store::open(directory / "pins")->load();
  ASSERT_TRUE(loaded);
  EXPECT_THAT(loaded->dumpers, IsEmpty());
  EXPECT_THAT(loaded->strays, IsEmpty());
}

TEST(StoreTest, WhatIsNoDumperIsReportedAndLeftAlone) {
  const TemporaryDirectory directory;
  const auto store = Store::open(directory.path());
  ASSERT_TRUE(store);
  const std::string file = directory.write("file", "");
  fs::create_directory(directory / "task");
  const std::string pin = directory.write("task/pin", "");
  auto strays = store->load()->strays;
  std::ranges::sort(strays);
  EXPECT_THAT(strays, ElementsAre("'" + file + "' is no directory of pins",
                                  StartsWith("open pin '" + pin + "': ")));
  EXPECT_TRUE(fs::exists(file) && fs::exists(pin));
}

TEST(StoreTest, ANameWithoutItsPinIsCleanedUp) {
  const TemporaryDirectory directory;
  fs::create_directory(directory / "task");
  directory.write("task/kept", "");
  fs::create_symlink("the name", directory / "task/kept~name");
  fs::create_symlink("the name", directory / "task/alone~name");
  ASSERT_TRUE(Store::open(directory.path())->load());
  EXPECT_TRUE(fs::is_symlink(directory / "task/kept~name"));
  EXPECT_FALSE(fs::is_symlink(directory / "task/alone~name"));
}

TEST(StoreTest, ForgettingWhatIsNotThereIsAnError) {
  const TemporaryDirectory directory;
  const auto forgotten = Store::open(directory.path())->forget({"task", "", "d.x"});
  ASSERT_FALSE(forgotten);
  EXPECT_EQ(forgotten.error().code, ENOENT);
  EXPECT_EQ(forgotten.error().message,
            "remove pin '" + directory.path() + "/task/d%2ex': No such file or directory");
}

TEST(StoreTest, ForgettingRemovesThePinAndItsName) {
  const TemporaryDirectory directory;
  const std::string name(kLongestName, 'n');
  fs::create_directory(directory / "task");
  const std::string pin = directory.write("task/" + Store::pin_name(name), "");
  fs::create_symlink(name, pin + "~name");
  EXPECT_TRUE(Store::open(directory.path())->forget({"task", "", name}));
  EXPECT_TRUE(fs::is_empty(directory / "task"));
}

TEST(StoreTest, SavesAttributesWithThePin) {
  const TemporaryDirectory directory;
  fs::create_directory(directory / "task");
  const std::string pin = directory.write("task/d", "");
  struct stat attributes = {};
  attributes.st_mode = S_IFREG | 0604;
  attributes.st_uid = ::getuid();
  attributes.st_gid = ::getgid();
  attributes.st_atim = {11, 0};
  attributes.st_mtim = {22, 0};
  ASSERT_TRUE(Store::open(directory.path())->save_attributes({"task", "", "d"}, attributes));
  struct stat saved = {};
  ASSERT_EQ(::stat(pin.c_str(), &saved), 0);
  EXPECT_EQ(saved.st_mode, S_IFREG | 0604u);
  EXPECT_EQ(saved.st_atim.tv_sec, 11);
  EXPECT_EQ(saved.st_mtim.tv_sec, 22);
}

// --- Scopes --------------------------------------------------------------------------------------

constexpr auto kScope = "set.least=8,pid=1";
constexpr auto kScopePin = "set%2eleast=8,pid=1";

// As long as a name may be, and longer when it is encoded.
const std::string kLongScope = "set.name=" + std::string(kLongestName - 9, 'n');

TEST(StoreScopeTest, AScopesPinsAreInADirectoryOfItsName) {
  const TemporaryDirectory directory;
  fs::create_directories(fs::path(directory / "task") / kScopePin);
  const std::string pin = directory.write(fmt::format("task/{}/d", kScopePin), "");
  const auto store = Store::open(directory.path());
  struct stat attributes = {};
  attributes.st_mode = S_IFREG | 0604;
  attributes.st_uid = ::getuid();
  attributes.st_gid = ::getgid();
  ASSERT_TRUE(store->save_attributes({"task", kScope, "d"}, attributes));
  EXPECT_EQ(fs::status(pin).permissions(), fs::perms{0604});
  ASSERT_TRUE(store->forget({"task", kScope, "d"}));
  EXPECT_TRUE(fs::is_empty(directory / "task")) << "the scope's directory goes with its last pin";
}

TEST(StoreScopeTest, AScopesDirectoryStaysWhileItHasPins) {
  const TemporaryDirectory directory;
  fs::create_directories(fs::path(directory / "task") / kScopePin);
  for (const auto* name : {"a", "b"})
    directory.write(fmt::format("task/{}/{}", kScopePin, name), "");
  const auto store = Store::open(directory.path());
  ASSERT_TRUE(store->forget({"task", kScope, "a"}));
  EXPECT_TRUE(fs::exists(fs::path(directory / "task") / kScopePin / "b"));
  const auto again = store->forget({"task", kScope, "a"});
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, ENOENT);
  EXPECT_EQ(again.error().message,
            fmt::format("remove pin '{}/task/{}/a': No such file or directory", directory.path(),
                        kScopePin));
}

TEST(StoreScopeTest, AShortenedNameOfAScopeGoesWithItsDirectory) {
  const TemporaryDirectory directory;
  bool shortened = false;
  const std::string scope = directory / "task/" + Store::pin_name(kLongScope, &shortened);
  ASSERT_TRUE(shortened);
  const std::string name(kLongestName, 'd');
  const std::string pin = scope + "/" + Store::pin_name(name);
  fs::create_directories(scope);
  fs::create_symlink(kLongScope, scope + "~name");
  std::ofstream(pin).put('x');
  fs::create_symlink(name, pin + "~name");
  const auto store = Store::open(directory.path());
  ASSERT_TRUE(store->forget({"task", kLongScope, name}));
  EXPECT_TRUE(fs::is_empty(directory / "task"));
}

TEST(StoreScopeTest, AnEmptyScopeIsCleanedUpAtTheStart) {
  const TemporaryDirectory directory;
  const std::string plain = fs::path(directory / "task") / kScopePin;
  const std::string shortened = directory / "task/" + Store::pin_name(kLongScope);
  for (const auto& scope : {plain, shortened}) fs::create_directories(scope);
  fs::create_symlink(kLongScope, shortened + "~name");
  fs::create_symlink("gone", directory / "task/alone~name");
  const auto loaded = Store::open(directory.path())->load();
  ASSERT_TRUE(loaded);
  EXPECT_THAT(loaded->strays, IsEmpty());
  EXPECT_TRUE(fs::is_empty(directory / "task"));
}

TEST(StoreScopeTest, AnUnfinishedPinAndALoneNameInAScopeAreCleanedUp) {
  const TemporaryDirectory directory;
  const std::string scope = fs::path(directory / "task") / kScopePin;
  fs::create_directories(scope);
  directory.write(fmt::format("task/{}/d~new", kScopePin), "");
  fs::create_symlink("the name", scope + "/alone~name");
  const auto loaded = Store::open(directory.path())->load();
  ASSERT_TRUE(loaded);
  EXPECT_THAT(loaded->strays, IsEmpty());
  EXPECT_FALSE(fs::exists(scope));
}

TEST(StoreScopeTest, WhatIsNoDumperInAScopeIsReportedAndLeftAlone) {
  const TemporaryDirectory directory;
  fs::create_directories(directory / "task/pid=1/deeper");
  const std::string file = directory.write("task/pid=1/file", "");
  auto strays = Store::open(directory.path())->load()->strays;
  std::ranges::sort(strays);
  EXPECT_THAT(strays,
              ElementsAre(StartsWith("open pin '" + directory.path() + "/task/pid=1/deeper': "),
                          StartsWith("open pin '" + file + "': ")));
  EXPECT_TRUE(fs::exists(file) && fs::exists(directory / "task/pid=1/deeper"));
}

TEST(StoreScopeTest, AScopeWhoseNameIsLostIsReportedAndLeftAlone) {
  const TemporaryDirectory directory;
  const std::string scope = directory / "task/" + Store::pin_name(kLongScope);
  fs::create_directories(scope);
  std::ofstream(scope + "/d").put('x');
  EXPECT_THAT(Store::open(directory.path())->load()->strays,
              ElementsAre(StartsWith("open pin '" + scope + "': ")));
  EXPECT_TRUE(fs::exists(scope + "/d"));
}

}  // namespace
}  // namespace bpfdump::fsd
