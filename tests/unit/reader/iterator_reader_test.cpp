// SPDX-License-Identifier: Apache-2.0
#include "reader/iterator_reader.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <latch>
#include <string>
#include <thread>
#include <vector>

#include "tests/unit/reader/pipe.h"

namespace bpfdump::reader {
namespace {

using bpfdump::testing::Pipe;
using std::chrono::milliseconds;
using State = Production::State;

constexpr milliseconds kPatient = std::chrono::hours(1);

struct Room {
  std::vector<char> memory = std::vector<char>(IteratorReader::kKernelBuffer);
  [[nodiscard]] std::string text(const Production& production) const {
    return {memory.data(), production.bytes};
  }
};

TEST(IteratorReaderTest, GivesWhatWasPrintedAndThenTheEnd) {
  Pipe pipe;
  Room room;
  IteratorReader reader(pipe.take_iterator(), kPatient);
  pipe.print("a record\n");
  pipe.end();
  const auto records = reader.produce(room.memory, {});
  ASSERT_TRUE(records);
  EXPECT_EQ(records->state, State::records);
  EXPECT_EQ(room.text(*records), "a record\n");
  const auto end = reader.produce(room.memory, {});
  ASSERT_TRUE(end);
  EXPECT_EQ(end->state, State::end);
}

TEST(IteratorReaderTest, LessRoomThanTheKernelsBufferIsAnOverflowThatTakesNothing) {
  Pipe pipe;
  Room room;
  IteratorReader reader(pipe.take_iterator(), kPatient);
  pipe.print("a record\n");
  const auto small = std::span(room.memory).first(IteratorReader::kKernelBuffer - 1);
  EXPECT_EQ(reader.produce(small, {})->state, State::overflow);
  EXPECT_EQ(reader.produce({}, {})->state, State::overflow);
  EXPECT_EQ(room.text(*reader.produce(room.memory, {})), "a record\n");
}

TEST(IteratorReaderTest, TryAgainIsAPauseAndNotTheEnd) {
  Pipe pipe;
  Room room;
  IteratorReader reader(pipe.take_iterator(), kPatient);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(reader.produce(room.memory, {})->state, State::pause);
  pipe.print("at last\n");
  EXPECT_EQ(room.text(*reader.produce(room.memory, {})), "at last\n");
}

TEST(IteratorReaderTest, AnIteratorThatStallsIsEAGAIN) {
  Pipe pipe;
  Room room;
  IteratorReader reader(pipe.take_iterator(), milliseconds(3));
  auto production = reader.produce(room.memory, {});
  while (production && production->state == State::pause)
    production = reader.produce(room.memory, {});
  ASSERT_FALSE(production);
  EXPECT_EQ(production.error().code, EAGAIN);
  EXPECT_EQ(production.error().message, "read the iterator: no output for 3 ms");
}

TEST(IteratorReaderTest, AfterAStallItMayGoOn) {
  Pipe pipe;
  Room room;
  IteratorReader reader(pipe.take_iterator(), milliseconds(0));
  ASSERT_FALSE(reader.produce(room.memory, {}));
  pipe.print("late\n");
  EXPECT_EQ(room.text(*reader.produce(room.memory, {})), "late\n");
}

TEST(IteratorReaderTest, AStopIsEINTRAndTakesNothing) {
  Pipe pipe;
  Room room;
  IteratorReader reader(pipe.take_iterator(), kPatient);
  pipe.print("kept\n");
  std::stop_source stop;
  stop.request_stop();
  const auto stopped = reader.produce(room.memory, stop.get_token());
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code, EINTR);
  EXPECT_EQ(room.text(*reader.produce(room.memory, {})), "kept\n");
}

TEST(IteratorReaderTest, AStopEndsTheWaitForAnIteratorThatIsSilent) {
  Pipe pipe;
  Room room;
  IteratorReader reader(pipe.take_iterator(), kPatient);
  std::latch waiting(1);
  int code = 0;
  std::jthread thread([&](const std::stop_token& stop) {
    auto production = reader.produce(room.memory, stop);
    waiting.count_down();
    while (production) production = reader.produce(room.memory, stop);
    code = production.error().code;
  });
  waiting.wait();
  thread.request_stop();
  thread.join();
  EXPECT_EQ(code, EINTR);
}

TEST(IteratorReaderTest, AnyOtherErrorIsTheKernels) {
  Room room;
  IteratorReader reader(base::UniqueFd(::open("/", O_RDONLY | O_CLOEXEC)), kPatient);
  const auto production = reader.produce(room.memory, {});
  ASSERT_FALSE(production);
  EXPECT_EQ(production.error().code, EISDIR);
  EXPECT_EQ(production.error().message, "read the iterator: Is a directory");
}

TEST(IteratorReaderTest, WithoutResumingALittleIsWhole) {
  Pipe pipe;
  Room room;
  IteratorReader reader(pipe.take_iterator(), kPatient, false);
  pipe.print(std::string(IteratorReader::kWithoutResuming, 'x'));
  pipe.end();
  EXPECT_EQ(reader.produce(room.memory, {})->bytes, IteratorReader::kWithoutResuming);
  EXPECT_EQ(reader.produce(room.memory, {})->state, State::end);
}

TEST(IteratorReaderTest, WithoutResumingMuchIsAnErrorAfterItsBytes) {
  Pipe pipe;
  Room room;
  IteratorReader reader(pipe.take_iterator(), kPatient, false);
  pipe.print(std::string(IteratorReader::kWithoutResuming + 1, 'x'));
  pipe.end();
  EXPECT_EQ(reader.produce(room.memory, {})->bytes, IteratorReader::kWithoutResuming + 1);
  for (int attempt = 0; attempt < 2; ++attempt) {
    const auto error = reader.produce(room.memory, {});
    ASSERT_FALSE(error);
    EXPECT_EQ(error.error().code, E2BIG);
    EXPECT_EQ(error.error().message,
              "read the iterator: it printed more than 16 KiB, and the kernel does not say whether "
              "that was all; print less");
  }
}

}  // namespace
}  // namespace bpfdump::reader
