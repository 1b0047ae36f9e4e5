// SPDX-License-Identifier: Apache-2.0
#include "reader/session.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <random>
#include <string>

#include "reader/dumper.h"
#include "tests/unit/reader/pipe.h"

namespace bpfdump::reader {
namespace {

using bpfdump::testing::Pipe;

constexpr Session::Settings kPatient = {.stall_timeout = std::chrono::hours(1)};
constexpr std::size_t kChunk = SeqBuffer::Sizes{}.chunk;

/// Iterators over a text; counts how often one was created.
struct Objects {
  std::string text;
  int opened = 0;

  base::Result<base::UniqueFd> open() {
    ++opened;
    base::UniqueFd file(::memfd_create("objects", MFD_CLOEXEC));
    if (::pwrite(file.get(), text.data(), text.size(), 0) != std::ssize(text))
      return base::fail_errno(errno, "write objects");
    return file;
  }
  Session session() {
    auto session = Session::open([this] { return only(open()); }, kPatient);
    return std::move(*session);
  }
};

// No two places of it look alike.
std::string numbers(std::size_t size) {
  std::string text;
  while (text.size() < size) text += fmt::format("{}\n", text.size());
  text.resize(size);
  return text;
}

std::string read(Session& session, std::uint64_t offset, std::size_t size) {
  auto bytes = session.read(offset, size, {});
  while (bytes && !*bytes) bytes = session.read(offset, size, {});  // a pause
  return bytes ? std::string((*bytes)->begin(), (*bytes)->end()) : bytes.error().message;
}

std::string read_all(Session& session, std::size_t size) {
  std::string text;
  for (std::string part; !(part = read(session, text.size(), size)).empty();) text += part;
  return text;
}

TEST(SessionTest, SequentialReadsSeeEveryByteOnce) {
  Objects objects{numbers(5 * kChunk + 77)};
  for (const std::size_t size : {std::size_t{4096}, std::size_t{100'000}, 4 * kChunk}) {
    Session session = objects.session();
    EXPECT_TRUE(read_all(session, size) == objects.text) << size;
  }
  EXPECT_EQ(objects.opened, 3);
}

TEST(SessionTest, ReadsOfOneByteSeeTheSame) {
  Objects objects{numbers(kChunk + 100)};
  Session session = objects.session();
  EXPECT_TRUE(read_all(session, 1) == objects.text);
  EXPECT_EQ(objects.opened, 1);
}

TEST(SessionTest, OpeningReadsNothingYet) {
  Objects objects{"first"};
  Session session = objects.session();
  EXPECT_EQ(objects.opened, 1);
  EXPECT_EQ(read(session, 0, 100), "first");
  EXPECT_EQ(objects.opened, 1);
}

TEST(SessionTest, OffsetZeroAgainLooksAfresh) {
  Objects objects{"first"};
  Session session = objects.session();
  EXPECT_EQ(read(session, 0, 100), "first");
  objects.text = "second";
  EXPECT_EQ(read(session, 5, 100), "") << "the first look has ended";
  EXPECT_EQ(read(session, 0, 100), "second");
  EXPECT_EQ(objects.opened, 2);
}

TEST(SessionTest, AnEarlierOffsetInTheChunkGivesTheSameBytes) {
  Objects objects{"0123456789"};
  Session session = objects.session();
  EXPECT_EQ(read(session, 0, 8), "01234567");
  objects.text = "abcdefghij";
  EXPECT_EQ(read(session, 2, 4), "2345");
  EXPECT_EQ(read(session, 8, 8), "89");
  EXPECT_EQ(objects.opened, 1);
}

TEST(SessionTest, AnOffsetBeforeTheChunkLooksAfreshAndSkips) {
  Objects objects{numbers(3 * kChunk)};
  Session session = objects.session();
  EXPECT_EQ(read(session, 2 * kChunk + 5, 20), objects.text.substr(2 * kChunk + 5, 20));
  EXPECT_EQ(objects.opened, 1);
  objects.text[7] = '!';
  EXPECT_EQ(read(session, 5, 20), objects.text.substr(5, 20));
  EXPECT_EQ(objects.opened, 2);
}

TEST(SessionTest, PastTheEndIsNothing) {
  Objects objects{"0123456789"};
  Session session = objects.session();
  EXPECT_EQ(read(session, 11, 5), "");
  EXPECT_EQ(read(session, 10, 5), "");
  EXPECT_EQ(read(session, UINT64_MAX, 5), "");
  EXPECT_EQ(read(session, 9, 5), "9");
  EXPECT_EQ(objects.opened, 1);
}

TEST(SessionTest, AnInterruptedReadLosesNothing) {
  Objects objects{"0123456789"};
  Session session = objects.session();
  std::stop_source stop;
  stop.request_stop();
  const auto stopped = session.read(0, 100, stop.get_token());
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code, EINTR);
  EXPECT_EQ(read(session, 0, 100), "0123456789");
}

TEST(SessionTest, AnErrorComesAfterTheBytesBeforeIt) {
  Pipe pipe;
  auto session = Session::open([&] { return only(pipe.take_iterator()); },
                               {.stall_timeout = std::chrono::milliseconds(0)});
  ASSERT_TRUE(session);
  pipe.print("abc");
  EXPECT_EQ(read(*session, 0, 100), "abc");
  EXPECT_EQ(read(*session, 3, 100), "read the iterator: no output for 0 ms");
  pipe.print("def");
  pipe.end();
  EXPECT_EQ(read(*session, 3, 100), "def");
}

TEST(SessionTest, APauseIsNothingYetAndForgetsNothing) {
  Pipe pipe;
  int opened = 0;
  auto session = Session::open(
      [&] {
        ++opened;
        return only(pipe.take_iterator());
      },
      kPatient);
  ASSERT_TRUE(session);
  for (int i = 0; i < 3; ++i) {
    const auto nothing = session->read(0, 100, {});
    ASSERT_TRUE(nothing);
    EXPECT_FALSE(*nothing);
  }
  EXPECT_EQ(opened, 1) << "asking again is no new look";
  pipe.print("abc");
  EXPECT_EQ(read(*session, 0, 100), "abc");
}

TEST(SessionTest, AReaderWhoWantsMuchGetsMuch) {
  Objects objects{numbers(4 * kChunk)};
  Session session = objects.session();
  EXPECT_EQ(read(session, 0, 2 * kChunk).size(), 2 * kChunk);
}

TEST(SessionTest, AShortDumpIsAtItsEndBeforeAnythingIsReadAhead) {
  Pipe pipe;
  auto session = Session::open([&] { return only(pipe.take_iterator()); }, kPatient);
  ASSERT_TRUE(session);
  pipe.print("abc");
  pipe.end();
  EXPECT_EQ(read(*session, 0, 100), "abc");
  session->read_ahead({});
  EXPECT_EQ(read(*session, 3, 100), "");
}

TEST(SessionTest, AnIteratorThatCanNotBeCreatedIsItsError) {
  int failures = 0;
  const auto refuse = [&]() -> base::Result<Parts> {
    return base::fail(EMFILE, "refusal {}", ++failures);
  };
  const auto session = Session::open(refuse, kPatient);
  ASSERT_FALSE(session);
  EXPECT_EQ(session.error().code, EMFILE);
  EXPECT_EQ(session.error().message, "refusal 1");
}

TEST(SessionTest, ASecondLookThatFailsIsTheReadsError) {
  Objects objects{"text"};
  bool refuses = false;
  auto session = Session::open(
      [&]() -> base::Result<Parts> {
        if (refuses) return base::fail(EMFILE, "no more");
        return only(objects.open());
      },
      kPatient);
  EXPECT_EQ(read(*session, 0, 100), "text");
  refuses = true;
  EXPECT_EQ(read(*session, 0, 100), "no more");
  refuses = false;
  EXPECT_EQ(read(*session, 0, 100), "text");
}

class RandomReadsTest : public ::testing::TestWithParam<unsigned> {};

TEST_P(RandomReadsTest, GiveTheBytesAtTheirOffsets) {
  std::mt19937 random(GetParam());
  const auto below = [&](std::size_t limit) { return random() % limit; };
  Objects objects{numbers(1 + below(6 * kChunk))};
  Session session = objects.session();
  std::size_t offset = 0;
  for (int i = 0; i < 300; ++i) {
    if (below(4) == 0) offset = below(objects.text.size() + 1000);
    if (below(20) == 0) offset = 0;
    const std::size_t size = 1 + below(below(2) == 0 ? 100 : 2 * kChunk);
    const auto read = session.read(offset, size, {});
    ASSERT_TRUE(read && *read);
    const std::span<const char> bytes = **read;
    const std::string_view expected =
        std::string_view(objects.text).substr(std::min(offset, objects.text.size()), size);
    ASSERT_EQ(bytes.empty(), expected.empty()) << offset;
    ASSERT_TRUE(expected.starts_with(std::string_view(bytes.data(), bytes.size()))) << offset;
    if (below(2) == 0) session.read_ahead({});
    ASSERT_TRUE(expected.starts_with(std::string_view(bytes.data(), bytes.size())))
        << "reading ahead changed what the reader has";
    offset += bytes.size();
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomReadsTest, ::testing::Range(1u, 21u));

TEST(DumperTest, CountsWhatItsReadersMet) {
  Objects objects{"text"};
  Dumper dumper([&](const NamespacePtr&) { return only(objects.open()); });
  ASSERT_TRUE(dumper.open(kPatient, nullptr));
  ASSERT_TRUE(dumper.open(kPatient, nullptr));
  dumper.count(4);
  dumper.count(3);
  EXPECT_EQ(dumper.opens(), 2);
  EXPECT_EQ(dumper.bytes(), 7);
  EXPECT_EQ(dumper.last_error(), "");
}

TEST(DumperTest, KeepsTheLastErrorButNoInterrupt) {
  Dumper dumper(
      [](const NamespacePtr&) -> base::Result<Parts> { return base::fail(EMFILE, "too many"); });
  EXPECT_FALSE(dumper.open(kPatient, nullptr));
  EXPECT_EQ(dumper.opens(), 0);
  dumper.count(base::Error{EINTR, "interrupted"});
  EXPECT_EQ(dumper.last_error(), "too many");
}

}  // namespace
}  // namespace bpfdump::reader
