// SPDX-License-Identifier: Apache-2.0
#include "fsd/staging.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <string>
#include <string_view>

namespace bpfdump::fsd {
namespace {

constexpr std::uint64_t kLimit = 16;

Staging whole() { return {kLimit, true}; }

base::Result<void> write(Staging& staging, std::uint64_t offset, std::string_view text) {
  return staging.write(offset, std::as_bytes(std::span(text)));
}

// What take_bytes() gives, or "nothing".
std::string take(Staging& staging) {
  const auto bytes = staging.take_bytes();
  if (!bytes) return "nothing";
  std::string text;
  for (const std::byte byte : *bytes) text += std::to_integer<char>(byte);
  return text;
}

TEST(StagingTest, GivesWhatWasWrittenOnce) {
  Staging staging = whole();
  ASSERT_TRUE(write(staging, 0, "abc"));
  ASSERT_TRUE(write(staging, 3, "def"));
  EXPECT_EQ(take(staging), "abcdef");
  EXPECT_EQ(take(staging), "nothing");
}

TEST(StagingTest, NothingWrittenIsNothingToTake) {
  Staging staging = whole();
  EXPECT_EQ(take(staging), "nothing");
  ASSERT_TRUE(staging.truncate(0));
  EXPECT_EQ(take(staging), "nothing");
}

TEST(StagingTest, GivesAllBytesAgainWithTheNewOnes) {
  Staging staging = whole();
  ASSERT_TRUE(write(staging, 0, "abc"));
  EXPECT_EQ(take(staging), "abc");
  ASSERT_TRUE(write(staging, 3, "def"));
  EXPECT_EQ(take(staging), "abcdef");
}

TEST(StagingTest, WritesMayOverlapAndLeaveHoles) {
  Staging staging = whole();
  ASSERT_TRUE(write(staging, 4, "efgh"));
  ASSERT_TRUE(write(staging, 5, "X"));
  EXPECT_EQ(take(staging), std::string("\0\0\0\0eXgh", 8));
}

TEST(StagingTest, MayBeFilledToTheLimitAndNotBeyond) {
  Staging staging = whole();
  EXPECT_TRUE(write(staging, 0, std::string(kLimit, 'x')));
  for (const std::uint64_t offset : {kLimit, kLimit + 1, UINT64_MAX}) {
    const auto written = write(staging, offset, "y");
    ASSERT_FALSE(written) << offset;
    EXPECT_EQ(written.error().code, EFBIG);
    EXPECT_EQ(written.error().message,
              "write more than 16 bytes; limits.source_bytes allows no more");
  }
  EXPECT_EQ(take(staging), std::string(kLimit, 'x'));
}

TEST(StagingTest, TruncateCutsAndFills) {
  Staging staging = whole();
  ASSERT_TRUE(write(staging, 0, "abcdef"));
  ASSERT_TRUE(staging.truncate(2));
  ASSERT_TRUE(staging.truncate(3));
  EXPECT_EQ(take(staging), std::string("ab\0", 3));
  EXPECT_EQ(staging.truncate(kLimit + 1).error().code, EFBIG);
}

TEST(StagingTest, AProgramThatIsThereIsNotWrittenInto) {
  Staging staging(kLimit, false);
  const auto written = write(staging, 0, "abc");
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, EINVAL);
  EXPECT_EQ(written.error().message,
            "write into a dumper; open it with O_TRUNC to replace its program");
  EXPECT_EQ(staging.truncate(5).error().message,
            "resize a dumper; open it with O_TRUNC to replace its program");
  EXPECT_EQ(take(staging), "nothing");
}

TEST(StagingTest, AProgramThatIsThereIsReplacedAfterATruncateToNothing) {
  Staging staging(kLimit, false);
  ASSERT_TRUE(staging.truncate(0));
  ASSERT_TRUE(write(staging, 0, "abc"));
  EXPECT_EQ(take(staging), "abc");
}

TEST(StagingTest, ATouchCountsOnce) {
  Staging staging = whole();
  EXPECT_FALSE(staging.take_touch());
  staging.touch();
  EXPECT_TRUE(staging.take_touch());
  EXPECT_FALSE(staging.take_touch());
}

TEST(StagingTest, ATouchAfterAWriteIsNone) {
  Staging staging = whole();
  ASSERT_TRUE(write(staging, 0, "abc"));
  EXPECT_EQ(take(staging), "abc");
  staging.touch();
  EXPECT_FALSE(staging.take_touch());
}

TEST(StagingTest, AWriteThatFailedSpoilsAllUntilItIsTruncated) {
  Staging staging(4, true);
  const std::string bytes = "123";
  ASSERT_TRUE(staging.write(0, std::as_bytes(std::span(bytes))));
  EXPECT_FALSE(staging.failure());
  EXPECT_FALSE(staging.write(3, std::as_bytes(std::span(bytes))));
  ASSERT_TRUE(staging.failure());
  EXPECT_EQ(staging.failure()->code, EFBIG);
  ASSERT_TRUE(staging.truncate(0));
  EXPECT_FALSE(staging.failure());
}

}  // namespace
}  // namespace bpfdump::fsd
