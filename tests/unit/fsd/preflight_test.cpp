// SPDX-License-Identifier: Apache-2.0
#include "fsd/preflight.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <filesystem>

#include "tests/unit/temporary_directory.h"

namespace bpfdump::fsd {
namespace {

using bpfdump::testing::TemporaryDirectory;

const config::Paths kElsewhere = {"/sys/fs/bpf/bpfdump", "/var/lib/bpfdump"};

// What check_mount_point() says, as "errno message".
std::string refusal(const std::string& point, const config::Paths& paths = kElsewhere) {
  auto checked = check_paths(point, paths);
  if (checked) checked = check_mount_point(point);
  return checked ? "accepted" : fmt::format("{} {}", checked.error().code, checked.error().message);
}

TEST(PreflightTest, ADirectoryIsAMountPoint) {
  const TemporaryDirectory directory;
  EXPECT_EQ(refusal(directory.path()), "accepted");
  EXPECT_EQ(refusal(directory.path() + "/"), "accepted");
}

TEST(PreflightTest, AMissingMountPointComesWithHowToMakeIt) {
  const TemporaryDirectory directory;
  const std::string point = directory / "a/b";
  EXPECT_EQ(refusal(point), fmt::format("{0} mount point '{1}': No such file or directory; make it "
                                        "with 'mkdir -p {1}'",
                                        ENOENT, point));
}

TEST(PreflightTest, AFileIsNoMountPoint) {
  const TemporaryDirectory directory;
  const std::string file = directory.write("file", "");
  EXPECT_EQ(refusal(file),
            fmt::format("{} mount point '{}': Not a directory; choose a directory", ENOTDIR, file));
}

TEST(PreflightTest, AMountPointIsUsedOnce) {
  EXPECT_EQ(refusal("/proc"), fmt::format("{} mount point '/proc' is busy; unmount what is there "
                                          "with 'umount /proc'",
                                          EBUSY));
  EXPECT_EQ(refusal("/proc/"), fmt::format("{} mount point '/proc/' is busy; unmount what is there "
                                           "with 'umount /proc/'",
                                           EBUSY));
}

TEST(PreflightTest, PinsAndStateMayNotLieBelowTheMountPoint) {
  const TemporaryDirectory directory;
  const auto expected = [&](const std::string& path) {
    return fmt::format("{} '{}' lies below the mount point '{}'; choose another place for it",
                       EINVAL, path, directory.path());
  };
  for (const std::string& below : {directory / "pins", directory / "a/../b/c", directory.path(),
                                   directory.path() + "/", directory / "..x"}) {
    EXPECT_EQ(refusal(directory.path(), {below, "/var/lib/bpfdump"}), expected(below));
    EXPECT_EQ(refusal(directory.path(), {"/sys/fs/bpf/bpfdump", below}), expected(below));
  }
}

TEST(PreflightTest, APathThatOnlyBeginsLikeTheMountPointIsNotBelowIt) {
  const TemporaryDirectory directory;
  EXPECT_EQ(refusal(directory.path(), {directory.path() + "-pins", directory / "../state"}),
            "accepted");
}

TEST(PreflightTest, APathThatLeadsBelowTheMountPointByASymlinkIsBelowIt) {
  const TemporaryDirectory directory;
  std::filesystem::create_directory(directory / "mount");
  std::filesystem::create_symlink(directory / "mount", directory / "link");
  EXPECT_EQ(refusal(directory / "mount", {directory / "link/pins", "/var/lib/bpfdump"}),
            fmt::format("{} '{}/link/pins' lies below the mount point '{}/mount'; choose another "
                        "place for it",
                        EINVAL, directory.path(), directory.path()));
}

TEST(PreflightTest, PinsMustLieInABpffs) {
  const TemporaryDirectory directory;
  const std::string pins = directory / "not/there/yet";
  const auto prepared = prepare_bpffs(pins);
  ASSERT_FALSE(prepared);
  EXPECT_EQ(prepared.error().code, EINVAL);
  EXPECT_EQ(prepared.error().message,
            "pins '" + pins + "' are not in a bpffs; put them below '/sys/fs/bpf'");
}

}  // namespace
}  // namespace bpfdump::fsd
