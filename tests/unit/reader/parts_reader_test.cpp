// SPDX-License-Identifier: Apache-2.0
#include "reader/parts_reader.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <deque>
#include <string>
#include <vector>

#include "reader/session.h"
#include "tests/unit/reader/pipe.h"

namespace bpfdump::reader {
namespace {

using base::Result;
using bpfdump::testing::Pipe;
using std::chrono::milliseconds;
using State = Production::State;

constexpr milliseconds kPatient = std::chrono::hours(1);
constexpr std::size_t kRoom = IteratorReader::kKernelBuffer;

base::UniqueFd iterator_over(std::string_view records) {
  base::UniqueFd file(::memfd_create("records", MFD_CLOEXEC));
  EXPECT_EQ(::pwrite(file.get(), records.data(), records.size(), 0), std::ssize(records));
  return file;
}

Part part(std::string_view records, Format format = {}) {
  return {iterator_over(records), std::move(format)};
}

/// Parts that come from a list; a text in the place of one is an error.
Parts parts(Part first, std::deque<Result<Part>> others, int* asked = nullptr) {
  const auto rest = std::make_shared<std::deque<Result<Part>>>(std::move(others));
  return {std::move(first), [rest, asked]() -> Result<std::optional<Part>> {
            if (asked != nullptr) ++*asked;
            if (rest->empty()) return std::nullopt;
            auto next = std::move(rest->front());
            rest->pop_front();
            if (!next) return base::Failure(next.error());
            return std::move(*next);
          }};
}

template <class... Others>
std::deque<Result<Part>> list(Others... others) {
  std::deque<Result<Part>> all;
  (all.push_back(std::move(others)), ...);
  return all;
}

// Each record's bytes in brackets.
Format brackets() {
  return [](std::span<const char> records, std::string& text) -> Result<std::size_t> {
    text += "[" + std::string(records.begin(), records.end()) + "]";
    return records.size();
  };
}

// Everything up to the end or an error, whose message follows in parentheses.
std::string read_all(PartsReader& reader, std::size_t size = kRoom) {
  std::string text;
  std::vector<char> room(size);
  while (true) {
    const auto production = reader.produce(room, {});
    if (!production) return text + "(" + production.error().message + ")";
    if (production->state == State::end) return text;
    if (production->state != State::records) return text + "(no records)";
    text.append(room.data(), production->bytes);
  }
}

TEST(PartsReaderTest, OneTextIsReadAsItIs) {
  PartsReader reader({part("abc")}, kPatient);
  EXPECT_EQ(read_all(reader), "abc");
  EXPECT_EQ(read_all(reader), "") << "the end stays the end";
}

TEST(PartsReaderTest, PartsAreReadOneAfterTheOther) {
  int asked = 0;
  PartsReader reader(
      parts(part("a"), list(part("b", brackets()), part("c"), part("d", brackets())), &asked),
      kPatient);
  EXPECT_EQ(asked, 0);
  EXPECT_EQ(read_all(reader), "a[b]c[d]");
  EXPECT_EQ(asked, 4);
  EXPECT_EQ(read_all(reader), "");
}

TEST(PartsReaderTest, APartIsCreatedWhenItIsItsTurn) {
  int asked = 0;
  PartsReader reader(parts(part("a"), list(part("b")), &asked), kPatient);
  std::vector<char> room(kRoom);
  ASSERT_EQ(reader.produce(room, {})->state, State::records);
  EXPECT_EQ(asked, 0);
  ASSERT_EQ(reader.produce(room, {})->bytes, 1u);
  EXPECT_EQ(asked, 1);
  EXPECT_EQ(room.front(), 'b');
}

TEST(PartsReaderTest, EmptyPartsAreNotTheEnd) {
  PartsReader reader(parts(part(""), list(part("", brackets()), part(""), part("x"), part(""))),
                     kPatient);
  EXPECT_EQ(read_all(reader), "x");
}

TEST(PartsReaderTest, RecordsWithoutATextAreNotTheEnd) {
  const Format silent = [](std::span<const char> records, std::string&) {
    return Result<std::size_t>(records.size());
  };
  PartsReader reader(parts(part("a", silent), list(part("b"))), kPatient);
  EXPECT_EQ(read_all(reader), "b");
}

TEST(PartsReaderTest, AFormattedTextIsCutAnywhere) {
  PartsReader reader(parts(part("abcdefgh", brackets()), list(part("ij", brackets()))), kPatient);
  std::vector<char> room(3);
  std::vector<std::string> pieces;
  for (auto made = reader.produce(room, {}); made->state == State::records;
       made = reader.produce(room, {}))
    pieces.emplace_back(room.data(), made->bytes);
  EXPECT_EQ(pieces, (std::vector<std::string>{"[ab", "cde", "fgh", "]", "[ij", "]"}));
}

TEST(PartsReaderTest, WithoutRoomNothingIsTaken) {
  PartsReader reader(parts(part("ab", brackets()), list(part("c"))), kPatient);
  std::vector<char> room(2);
  ASSERT_EQ(reader.produce(room, {})->bytes, 2u);
  EXPECT_EQ(reader.produce({}, {})->state, State::overflow);
  ASSERT_EQ(reader.produce(room, {})->bytes, 2u);
  EXPECT_EQ(reader.produce(room, {})->state, State::overflow) << "c needs the kernel's room";
  EXPECT_EQ(read_all(reader), "c");
}

TEST(PartsReaderTest, ALongTextIsGivenWhole) {
  const Format thousandfold = [](std::span<const char> records,
                                 std::string& text) -> Result<std::size_t> {
    for (int i = 0; i < 100'000; ++i) text.append(records.begin(), records.end());
    return records.size();
  };
  PartsReader reader(parts(part("0123456789", thousandfold), list(part("ab", brackets()))),
                     kPatient);
  const std::string text = read_all(reader);
  ASSERT_EQ(text.size(), 1'000'004u);
  EXPECT_EQ(text.substr(999'990), "0123456789[ab]");
  for (std::size_t at = 0; at < 1'000'000; ++at)
    ASSERT_EQ(text[at], static_cast<char>('0' + at % 10)) << at;
}

TEST(PartsReaderTest, AFormatSeesWhatOneReadGave) {
  const std::string records(2 * kRoom + 5, 'x');
  std::vector<std::size_t> sizes;
  const Format sizes_only = [&](std::span<const char> some,
                                std::string& text) -> Result<std::size_t> {
    sizes.push_back(some.size());
    text.append(some.begin(), some.end());
    return some.size();
  };
  PartsReader reader({part(records, sizes_only)}, kPatient);
  EXPECT_EQ(read_all(reader, 1000), records);
  EXPECT_EQ(sizes, (std::vector<std::size_t>{kRoom, kRoom, 5}));
}

TEST(PartsReaderTest, AFormatIsAskedAgainForWhatItDidNotTake) {
  std::vector<std::string> seen;
  const Format one_by_one = [&](std::span<const char> some,
                                std::string& text) -> Result<std::size_t> {
    seen.emplace_back(some.begin(), some.end());
    text += some.front();
    return 1;
  };
  PartsReader reader(parts(part("abc", one_by_one), list(part("d"))), kPatient);
  std::stop_source stop;
  std::vector<char> room(kRoom);
  ASSERT_EQ(reader.produce(room, stop.get_token())->bytes, 1u);
  stop.request_stop();
  EXPECT_EQ(reader.produce(room, stop.get_token()).error().code, EINTR);
  EXPECT_EQ(read_all(reader), "bcd") << "a stop takes nothing away";
  EXPECT_EQ(seen, (std::vector<std::string>{"abc", "bc", "c"}));
}

TEST(PartsReaderTest, APartThatCanNotBeCreatedIsAnErrorForEver) {
  int asked = 0;
  PartsReader reader(
      parts(part("a"), list(Result<Part>(base::fail(EMFILE, "refused")), part("b")), &asked),
      kPatient);
  EXPECT_EQ(read_all(reader), "a(refused)");
  EXPECT_EQ(read_all(reader), "(refused)");
  EXPECT_EQ(asked, 1);
}

TEST(PartsReaderTest, AFormatThatFailsIsAnErrorForEver) {
  int called = 0;
  const Format wrong = [&](std::span<const char>, std::string& text) -> Result<std::size_t> {
    ++called;
    text += "half";
    return base::fail(EIO, "wrong records");
  };
  PartsReader reader(parts(part("a", brackets()), list(part("b", wrong), part("c"))), kPatient);
  EXPECT_EQ(read_all(reader), "[a](wrong records)") << "nothing of what is wrong is shown";
  EXPECT_EQ(read_all(reader), "(wrong records)");
  EXPECT_EQ(called, 1);
}

TEST(PartsReaderTest, AnIteratorThatFailsIsNotFollowedByTheNext) {
  int asked = 0;
  const auto broken = [] { return Part{base::UniqueFd(::open("/", O_RDONLY | O_CLOEXEC))}; };
  for (const bool formatted : {false, true}) {
    Part first = broken();
    if (formatted) first.format = brackets();
    PartsReader reader(parts(std::move(first), list(part("b")), &asked), kPatient);
    EXPECT_EQ(read_all(reader), "(read the iterator: Is a directory)");
    EXPECT_EQ(read_all(reader), "(read the iterator: Is a directory)");
  }
  EXPECT_EQ(asked, 0);
}

TEST(PartsReaderTest, APauseIsAPauseInEachPart) {
  Pipe first;
  Pipe second;
  PartsReader reader(parts({first.take_iterator()}, list(Part{second.take_iterator(), brackets()})),
                     kPatient);
  std::vector<char> room(kRoom);
  EXPECT_EQ(reader.produce(room, {})->state, State::pause);
  first.end();
  EXPECT_EQ(reader.produce(room, {})->state, State::pause);
  EXPECT_EQ(reader.produce(room, {})->state, State::pause);
  second.print("x");
  EXPECT_EQ(std::string(room.data(), reader.produce(room, {})->bytes), "[x]");
  EXPECT_EQ(reader.produce(room, {})->state, State::pause);
  second.end();
  EXPECT_EQ(reader.produce(room, {})->state, State::end);
}

TEST(PartsReaderTest, AStopIsHeardInAPartWithAFormat) {
  std::stop_source stop;
  stop.request_stop();
  PartsReader reader({part("abc", brackets())}, kPatient);
  std::vector<char> room(kRoom);
  const auto stopped = reader.produce(room, stop.get_token());
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code, EINTR);
  EXPECT_EQ(read_all(reader), "[abc]") << "it lost nothing";
}

TEST(PartsReaderTest, EachPartHasThePatienceOfOne) {
  Pipe first;
  Pipe second;
  PartsReader reader(parts({first.take_iterator()}, list(Part{second.take_iterator()})),
                     milliseconds(0));
  EXPECT_EQ(read_all(reader), "(read the iterator: no output for 0 ms)");
  first.end();
  second.print("x");
  second.end();
  EXPECT_EQ(read_all(reader), "x");
}

TEST(PartsReaderTest, EachPartThatDoesNotResumeMayPrintAsMuch) {
  const std::string most(IteratorReader::kWithoutResuming, 'x');
  Part first = part(most);
  Part second = part(most, brackets());
  first.resumes = second.resumes = false;
  PartsReader reader(parts(std::move(first), list(std::move(second))), kPatient);
  EXPECT_EQ(read_all(reader), most + "[" + most + "]");
}

// --- A session over parts ------------------------------------------------------------------------

/// A session over two parts with a format; counts how often it looked afresh.
struct TwoParts {
  std::string first;
  std::string second;
  int begun = 0;

  Session session() {
    auto session = Session::open(
        [this]() -> Result<Parts> {
          ++begun;
          return parts(part(first, brackets()), list(part(second, brackets())));
        },
        {.stall_timeout = kPatient});
    return std::move(*session);
  }
};

std::string read(Session& session, std::uint64_t offset, std::size_t size) {
  const auto bytes = session.read(offset, size, {});
  if (!bytes) return bytes.error().message;
  return *bytes ? std::string((*bytes)->begin(), (*bytes)->end()) : "(a pause)";
}

std::string read_all(Session& session, std::size_t size) {
  std::string text;
  for (std::string piece; !(piece = read(session, text.size(), size)).empty();) text += piece;
  return text;
}

TEST(PartsSessionTest, OffsetsGoThroughAllParts) {
  TwoParts two{"abc", "defg"};
  for (const std::size_t size : {1, 2, 3, 100}) {
    Session session = two.session();
    EXPECT_EQ(read_all(session, size), "[abc][defg]") << size;
    EXPECT_EQ(read(session, 11, size), "");
  }
  Session session = two.session();
  EXPECT_EQ(read(session, 7, 2), "ef");
  EXPECT_EQ(two.begun, 5) << "once for each session";
}

TEST(PartsSessionTest, OffsetZeroBeginsWithTheFirstPartAgain) {
  TwoParts two{"abc", "defg"};
  Session session = two.session();
  EXPECT_EQ(read_all(session, 4), "[abc][defg]");
  two.first = "new";
  EXPECT_EQ(read(session, 0, 4), "[new");
  EXPECT_EQ(two.begun, 2);
  EXPECT_EQ(read(session, 5, 100), "[defg]");
}

TEST(PartsSessionTest, LongTextsAreTheSameForAllSizesOfReads) {
  std::string first;
  std::string second;
  while (first.size() < 300'000) first += std::to_string(first.size()) + ",";
  while (second.size() < 200'000) second += std::to_string(second.size()) + ";";
  TwoParts two{first, second};
  Session one = two.session();
  const std::string whole = read_all(one, 1 << 20);
  ASSERT_GT(whole.size(), 500'000u);
  for (const std::size_t size : {1000, 4096, 131'071, 131'073}) {
    Session session = two.session();
    std::string text;
    for (std::string piece; !(piece = read(session, text.size(), size)).empty();) {
      text += piece;
      session.read_ahead({});
    }
    EXPECT_TRUE(text == whole) << size;
  }
}

}  // namespace
}  // namespace bpfdump::reader
