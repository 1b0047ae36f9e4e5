// SPDX-License-Identifier: Apache-2.0
#include "loader/load_log.h"

#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <barrier>
#include <thread>

namespace bpfdump::loader {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

LoadLog log_of(std::string_view text) {
  LoadLog log;
  log.append(text);
  return log;
}

// Makes libbpf complain on this thread about an object of that name.
void complain(const std::string& name) {
  LIBBPF_OPTS(bpf_object_open_opts, options, .object_name = name.c_str());
  const char junk[] = "this is no object";
  ASSERT_EQ(bpf_object__open_mem(junk, sizeof(junk), &options), nullptr);
}

TEST(LoadLogTest, SaysNothingWhenNothingWasSaid) {
  EXPECT_EQ(LoadLog().text(), "");
  EXPECT_EQ(LoadLog().summary(), "");
}

TEST(LoadLogTest, AddsLinesAndAppendsText) {
  LoadLog log;
  log.add("one");
  log.append("tw");
  log.append("o\n");
  EXPECT_EQ(log.text(), "one\ntwo\n");
}

TEST(LoadLogTest, TheSummaryIsTheVerifiersReason) {
  const LoadLog log = log_of(
      "libbpf: prog 'dump': BPF program load failed: Permission denied\n"
      "libbpf: prog 'dump': -- BEGIN PROG LOAD LOG --\n"
      "func#0 @0\n"
      "0: R1=ctx(off=0,imm=0) R10=fp0\n"
      "; int dump(struct bpf_iter__task *ctx)\n"
      "0: (79) r1 = *(u64 *)(r1 +8)\n"
      "1: (61) r0 = *(u32 *)(r1 +0)\n"
      "R1 invalid mem access 'scalar'\n"
      "verification time 84 usec\n"
      "stack depth 0\n"
      "processed 2 insns (limit 1000000) max_states_per_insn 0 total_states 0\n"
      "-- END PROG LOAD LOG --\n"
      "libbpf: prog 'dump': failed to load: -13\n"
      "libbpf: failed to load object 'bpfdump'\n");
  EXPECT_EQ(log.summary(), "verifier: R1 invalid mem access 'scalar' (8 line(s) more in the log)");
}

TEST(LoadLogTest, TheSummaryIsOfTheLastOfSeveralVerifierLogs) {
  const LoadLog log = log_of(
      "-- BEGIN PROG LOAD LOG --\nfirst reason\n-- END PROG LOAD LOG --\n"
      "-- BEGIN PROG LOAD LOG --\nlast reason\n-- END PROG LOAD LOG --\n");
  EXPECT_EQ(log.summary(), "verifier: last reason (0 line(s) more in the log)");
}

TEST(LoadLogTest, TheSummaryOfAVerifierLogWithoutAnEndIsItsReason) {
  EXPECT_EQ(log_of("-- BEGIN PROG LOAD LOG --\n0: (95) exit\nR0 !read_ok\n").summary(),
            "verifier: R0 !read_ok (1 line(s) more in the log)");
}

TEST(LoadLogTest, WithoutAVerifierLogTheSummaryIsTheLastLine) {
  EXPECT_EQ(log_of("libbpf: first\nlibbpf: last\n\n").summary(), "libbpf: last");
  EXPECT_EQ(log_of("-- BEGIN PROG LOAD LOG --\nprocessed 0 insns\n-- END PROG LOAD LOG --\n"
                   "libbpf: last\n")
                .summary(),
            "libbpf: last");
}

TEST(LoadLogTest, ALongTextKeepsItsBeginningAndItsEnd) {
  constexpr std::size_t kKept = 1 << 20;
  constexpr std::size_t kSize = 3 << 20;
  LoadLog log;
  for (std::size_t at = 0; at < kSize; at += 8) log.append(fmt::format("{:07}\n", at));
  const std::string text = log.text();
  EXPECT_THAT(text.substr(0, 16), "0000000\n0000008\n");
  EXPECT_THAT(text.substr(text.size() - 8), fmt::format("{:07}\n", kSize - 8));
  EXPECT_THAT(text, HasSubstr(fmt::format("\n[... {} bytes omitted ...]\n", kSize - kKept)));
  EXPECT_LT(text.size(), kKept + 64);
}

TEST(LoadLogTest, ATextOfExactlyTheLimitIsWhole) {
  const std::string text(1 << 20, 'x');
  EXPECT_EQ(log_of(text).text(), text);
  EXPECT_THAT(log_of(text + "y").text(), HasSubstr("[... 1 bytes omitted ...]"));
}

TEST(LoadLogTest, OneLongTextIsCutAsManyShortOnesAre) {
  const std::string text(3 << 20, 'x');
  LoadLog pieces;
  for (std::size_t at = 0; at < text.size(); at += 1 << 10) pieces.append(text.substr(at, 1 << 10));
  EXPECT_EQ(log_of(text).text(), pieces.text());
}

TEST(CaptureTest, TakesWhatLibbpfSaysWhileItLives) {
  LoadLog log;
  {
    const Capture capture(log);
    complain("inside");
  }
  complain("outside");
  EXPECT_THAT(log.text(), StartsWith("libbpf: "));
  EXPECT_THAT(log.text(), HasSubstr("inside"));
  EXPECT_THAT(log.text(), Not(HasSubstr("outside")));
}

TEST(CaptureTest, CapturesNest) {
  LoadLog outer, inner;
  const Capture capture(outer);
  {
    const Capture nested(inner);
    complain("nested");
  }
  complain("after");
  EXPECT_THAT(inner.text(), HasSubstr("nested"));
  EXPECT_THAT(outer.text(), HasSubstr("after"));
  EXPECT_THAT(outer.text(), Not(HasSubstr("nested")));
}

TEST(CaptureTest, TwoThreadsDontMix) {
  std::barrier both(2);
  const auto talk = [&](const std::string& name, LoadLog& log) {
    const Capture capture(log);
    both.arrive_and_wait();
    for (int i = 0; i < 50; ++i) complain(name);
    both.arrive_and_wait();
  };
  LoadLog one, two;
  {
    const std::jthread first(talk, "thread_one", std::ref(one));
    const std::jthread second(talk, "thread_two", std::ref(two));
  }
  EXPECT_THAT(one.text(), HasSubstr("thread_one"));
  EXPECT_THAT(one.text(), Not(HasSubstr("thread_two")));
  EXPECT_THAT(two.text(), HasSubstr("thread_two"));
  EXPECT_THAT(two.text(), Not(HasSubstr("thread_one")));
}

}  // namespace
}  // namespace bpfdump::loader
