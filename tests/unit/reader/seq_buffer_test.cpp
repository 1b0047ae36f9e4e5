// SPDX-License-Identifier: Apache-2.0
#include "reader/seq_buffer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <deque>
#include <string>

namespace bpfdump::reader {
namespace {

constexpr SeqBuffer::Sizes kSizes = {.chunk = 8, .most_wanted = 16, .limit = 32, .ahead = 8};

/// Produces what it was told to, a record a call.
class Script : public Producer {
 public:
  Script& record(std::string text) { return add({std::move(text), 0, false}); }
  Script& error(int code) { return add({"", code, false}); }
  Script& pause() { return add({"", 0, true}); }

  base::Result<Production> produce(std::span<char> room, const std::stop_token&) override {
    rooms.push_back(room.size());
    if (steps_.empty()) return Production{Production::State::end};
    const Step step = steps_.front();
    if (step.text.size() > room.size()) return Production{Production::State::overflow};
    steps_.pop_front();
    if (step.code != 0) return base::fail(step.code, "scripted {}", step.code);
    if (step.pause) return Production{Production::State::pause};
    std::copy(step.text.begin(), step.text.end(), room.begin());
    return Production{Production::State::records, step.text.size()};
  }

  std::vector<std::size_t> rooms;  // that each call got

 private:
  struct Step {
    std::string text;
    int code;
    bool pause;
  };
  Script& add(Step step) {
    steps_.push_back(std::move(step));
    return *this;
  }
  std::deque<Step> steps_;
};

std::string chunk(const SeqBuffer& buffer) {
  return {buffer.chunk().begin(), buffer.chunk().end()};
}

// The next chunk in quotes, or the error.
std::string refill(SeqBuffer& buffer, Producer& producer) {
  const auto filled = buffer.refill(producer, 0, {});
  if (filled) return "'" + chunk(buffer) + "'";
  EXPECT_EQ(chunk(buffer), "") << "an error leaves the chunk empty";
  return filled.error().message;
}

TEST(SeqBufferTest, NothingIsAnEmptyChunkAtTheEnd) {
  Script producer;
  SeqBuffer buffer(kSizes);
  EXPECT_FALSE(buffer.at_end());
  EXPECT_EQ(refill(buffer, producer), "''");
  EXPECT_TRUE(buffer.at_end());
  EXPECT_EQ(refill(buffer, producer), "''");
  EXPECT_EQ(producer.rooms.size(), 1) << "the producer was called after its end";
}

TEST(SeqBufferTest, GathersRecordsUntilTheEnd) {
  Script producer;
  producer.record("one").record("two");
  SeqBuffer buffer(kSizes);
  EXPECT_EQ(refill(buffer, producer), "'onetwo'");
  EXPECT_TRUE(buffer.at_end());
}

TEST(SeqBufferTest, RestartsARecordThatDoesNotFit) {
  Script producer;
  producer.record("12345").record("6789").record("a");
  SeqBuffer buffer(kSizes);
  EXPECT_EQ(refill(buffer, producer), "'12345'");
  EXPECT_FALSE(buffer.at_end());
  EXPECT_EQ(refill(buffer, producer), "'6789a'");
  EXPECT_TRUE(buffer.at_end());
}

TEST(SeqBufferTest, ARecordThatFitsExactlyIsTaken) {
  Script producer;
  producer.record("1234").record("5678").record("9");
  SeqBuffer buffer(kSizes);
  EXPECT_EQ(refill(buffer, producer), "'12345678'");
  EXPECT_EQ(refill(buffer, producer), "'9'");
}

TEST(SeqBufferTest, CountsTheBytesBeforeAChunk) {
  Script producer;
  producer.record("12345").record("678901").record("abc");
  SeqBuffer buffer(kSizes);
  EXPECT_EQ(buffer.offset(), 0);
  EXPECT_EQ(refill(buffer, producer), "'12345'");
  EXPECT_EQ(buffer.offset(), 0);
  EXPECT_EQ(refill(buffer, producer), "'678901'");
  EXPECT_EQ(buffer.offset(), 5);
  EXPECT_EQ(refill(buffer, producer), "'abc'");
  EXPECT_EQ(buffer.offset(), 11);
  EXPECT_EQ(refill(buffer, producer), "''");
  EXPECT_EQ(buffer.offset(), 14);
}

TEST(SeqBufferTest, GrowsByDoublingForALargeRecord) {
  Script producer;
  producer.record(std::string(30, 'x'));
  SeqBuffer buffer(kSizes);
  EXPECT_EQ(refill(buffer, producer), "'" + std::string(30, 'x') + "'");
  EXPECT_EQ(producer.rooms, (std::vector<std::size_t>{8, 16, 32, 2}));
}

TEST(SeqBufferTest, GrowsToTheLimitAndNotBeyond) {
  Script producer;
  producer.record(std::string(20, 'x'));
  SeqBuffer buffer(SeqBuffer::Sizes{.chunk = 8, .limit = 20});
  EXPECT_EQ(refill(buffer, producer), "'" + std::string(20, 'x') + "'");
  EXPECT_EQ(producer.rooms, (std::vector<std::size_t>{8, 16, 20, 0}));
}

TEST(SeqBufferTest, ARecordBeyondTheLimitIsE2BIGAndStillTheNext) {
  Script producer;
  producer.record("abc").record(std::string(33, 'x'));
  SeqBuffer buffer(kSizes);
  EXPECT_EQ(refill(buffer, producer), "'abc'");
  for (int i = 0; i < 2; ++i) {
    const auto filled = buffer.refill(producer, 0, {});
    ASSERT_FALSE(filled);
    EXPECT_EQ(filled.error().code, E2BIG);
    EXPECT_EQ(filled.error().message, "one record is larger than 32 bytes");
  }
  EXPECT_EQ(buffer.offset(), 3);
}

TEST(SeqBufferTest, AnErrorComesAfterTheRecordsBeforeIt) {
  Script producer;
  producer.record("abc").error(EIO).record("def");
  SeqBuffer buffer(kSizes);
  EXPECT_EQ(refill(buffer, producer), "'abc'");
  EXPECT_EQ(refill(buffer, producer), fmt::format("scripted {}", EIO));
  EXPECT_EQ(refill(buffer, producer), "'def'");
  EXPECT_EQ(buffer.offset(), 3);
}

TEST(SeqBufferTest, AnErrorWithoutRecordsComesAtOnce) {
  Script producer;
  producer.error(EIO).record("abc");
  SeqBuffer buffer(kSizes);
  EXPECT_EQ(refill(buffer, producer), fmt::format("scripted {}", EIO));
  EXPECT_EQ(refill(buffer, producer), "'abc'");
}

TEST(SeqBufferTest, AnInterruptAfterRecordsIsForgotten) {
  Script producer;
  producer.record("abc").error(EINTR).record("def");
  SeqBuffer buffer(kSizes);
  EXPECT_EQ(refill(buffer, producer), "'abc'");
  EXPECT_EQ(refill(buffer, producer), "'def'");
}

TEST(SeqBufferTest, APauseGivesWhatIsThere) {
  Script producer;
  producer.record("abc").pause().record("def");
  SeqBuffer buffer(kSizes);
  EXPECT_EQ(refill(buffer, producer), "'abc'");
  EXPECT_FALSE(buffer.at_end());
  EXPECT_EQ(refill(buffer, producer), "'def'");
}

TEST(SeqBufferTest, APauseWithoutRecordsIsAnEmptyChunkThatIsNotTheEnd) {
  Script producer;
  producer.pause().record("abc");
  SeqBuffer buffer(kSizes);
  EXPECT_EQ(refill(buffer, producer), "''");
  EXPECT_FALSE(buffer.at_end());
  EXPECT_EQ(refill(buffer, producer), "'abc'");
}

TEST(SeqBufferTest, NoMoreIsProducedAheadThanIsAllowed) {
  Script producer;
  for (int i = 0; i < 20; ++i) producer.record("1234");
  SeqBuffer buffer({.chunk = 8, .most_wanted = 16, .limit = 32, .ahead = 8});
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(buffer.refill(producer, 16, {}));
    EXPECT_EQ(chunk(buffer).size(), i == 0 ? 16 : 8);
    buffer.produce_ahead(producer, {});
  }
}

TEST(SeqBufferTest, WhatIsWantedDecidesTheChunkWithinBounds) {
  Script producer;
  SeqBuffer buffer(kSizes);
  producer.record("12345678").record("123456789abcdefg").record("h");
  ASSERT_TRUE(buffer.refill(producer, 1, {}));
  EXPECT_EQ(chunk(buffer), "12345678");
  ASSERT_TRUE(buffer.refill(producer, 1000, {}));
  EXPECT_EQ(chunk(buffer), "123456789abcdefg");
  EXPECT_EQ(producer.rooms, (std::vector<std::size_t>{8, 0, 16, 0}));
}

TEST(SeqBufferTest, ProducesAheadWithoutTouchingTheChunk) {
  Script producer;
  producer.record("1234567").record("abcdefg").record("xyz");
  SeqBuffer buffer(kSizes);
  EXPECT_EQ(refill(buffer, producer), "'1234567'");
  buffer.produce_ahead(producer, {});
  buffer.produce_ahead(producer, {});  // one chunk, not two
  EXPECT_EQ(chunk(buffer), "1234567");
  EXPECT_EQ(buffer.offset(), 0);
  const std::size_t calls = producer.rooms.size();
  EXPECT_EQ(refill(buffer, producer), "'abcdefg'");
  EXPECT_EQ(producer.rooms.size(), calls) << "what was ahead was produced again";
  EXPECT_EQ(buffer.offset(), 7);
  EXPECT_EQ(refill(buffer, producer), "'xyz'");
}

TEST(SeqBufferTest, TheEndThatWasFoundAheadComesAfterTheBytes) {
  Script producer;
  producer.record("1234567").record("ab");
  SeqBuffer buffer(kSizes);
  EXPECT_EQ(refill(buffer, producer), "'1234567'");
  buffer.produce_ahead(producer, {});
  EXPECT_FALSE(buffer.at_end());
  EXPECT_EQ(refill(buffer, producer), "'ab'");
  EXPECT_TRUE(buffer.at_end());
}

TEST(SeqBufferTest, AnErrorThatWasFoundAheadComesAfterTheBytes) {
  Script producer;
  producer.record("1234567").record("ab").error(EIO).record("cd");
  SeqBuffer buffer(kSizes);
  EXPECT_EQ(refill(buffer, producer), "'1234567'");
  buffer.produce_ahead(producer, {});
  EXPECT_EQ(refill(buffer, producer), "'ab'");
  buffer.produce_ahead(producer, {});
  EXPECT_EQ(refill(buffer, producer), fmt::format("scripted {}", EIO));
  EXPECT_EQ(refill(buffer, producer), "'cd'");
}

TEST(SeqBufferTest, AheadStopsAtAPauseAndIsInterruptedInSilence) {
  Script producer;
  producer.record("1234567").pause().error(EINTR).record("ab");
  SeqBuffer buffer(kSizes);
  EXPECT_EQ(refill(buffer, producer), "'1234567'");
  buffer.produce_ahead(producer, {});
  buffer.produce_ahead(producer, {});
  EXPECT_EQ(refill(buffer, producer), "'ab'");
}

TEST(SeqBufferTest, NothingIsProducedAheadWhereThatIsOff) {
  Script producer;
  producer.record("1234567").record("ab");
  SeqBuffer buffer({.chunk = 8, .limit = 32, .ahead = 0});
  EXPECT_EQ(refill(buffer, producer), "'1234567'");
  const std::size_t calls = producer.rooms.size();
  buffer.produce_ahead(producer, {});
  EXPECT_EQ(producer.rooms.size(), calls);
}

}  // namespace
}  // namespace bpfdump::reader
