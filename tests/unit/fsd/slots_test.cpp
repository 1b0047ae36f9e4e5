// SPDX-License-Identifier: Apache-2.0
#include "fsd/slots.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <semaphore>
#include <string>
#include <thread>
#include <vector>

namespace bpfdump::fsd {
namespace {

using JobPtr = std::shared_ptr<Slots::Job>;

/// A job that runs until it is let go, on a thread of its own.
class Visitor {
 public:
  Visitor(Slots& slots, uid_t uid, const void* key = nullptr) : slots_(slots) {
    job_->key = key == nullptr ? this : key;
    job_->uid = uid;
    job_->run = [this](const std::stop_token& stop) {
      entered_.release();
      leave_.acquire();
      was_stopped_ = stop.stop_requested();
      return true;
    };
    job_->refuse = [this](int code) {
      refusal_ = code;
      entered_.release();
    };
  }
  ~Visitor() { leave(); }
  Visitor(const Visitor&) = delete;
  Visitor& operator=(const Visitor&) = delete;

  /// Submits the job on a thread of its own and returns once it runs.
  Visitor& enter() {
    thread_ = std::jthread([this] { slots_.submit(job_); });
    entered_.acquire();
    return *this;
  }
  /// Submits the job on this thread, which comes back because it is parked or refused.
  Visitor& park() {
    slots_.submit(job_);
    return *this;
  }
  /// Whether a parked job got its turn or its refusal; waits for it.
  void wait_until_entered() { entered_.acquire(); }
  [[nodiscard]] bool has_entered() { return entered_.try_acquire(); }
  /// Lets the job end, now or as soon as it runs.
  void leave() {
    if (!std::exchange(left_, true)) leave_.release();
  }
  void join() { thread_.join(); }

  [[nodiscard]] Slots::Job& job() { return *job_; }
  [[nodiscard]] int refusal() const { return refusal_; }
  [[nodiscard]] bool was_stopped() const { return was_stopped_; }

 private:
  Slots& slots_;
  JobPtr job_ = std::make_shared<Slots::Job>();
  std::binary_semaphore entered_{0};
  std::binary_semaphore leave_{0};
  bool left_ = false;
  std::atomic<int> refusal_ = 0;
  std::atomic<bool> was_stopped_ = false;
  std::jthread thread_;
};

TEST(SlotsTest, AJobRunsOnTheThreadThatBringsIt) {
  Slots slots({.total = 1, .per_uid = 1});
  std::thread::id where;
  const auto job = std::make_shared<Slots::Job>();
  job->run = [&](const std::stop_token&) {
    where = std::this_thread::get_id();
    return true;
  };
  slots.submit(job);
  EXPECT_EQ(where, std::this_thread::get_id());
}

TEST(SlotsTest, BeyondTheTotalJobsAreParkedAndRunLater) {
  Slots slots({.total = 2, .per_uid = 2});
  Visitor third(slots, 3);
  Visitor first(slots, 1), second(slots, 2);
  first.enter();
  second.enter();
  third.park();
  EXPECT_FALSE(third.has_entered());
  second.leave();
  third.wait_until_entered();
  third.leave();
}

TEST(SlotsTest, BeyondAUsersShareJobsAreParkedThoughSlotsAreFree) {
  Slots slots({.total = 10, .per_uid = 1});
  Visitor second(slots, 1);
  Visitor first(slots, 1), other(slots, 2);
  first.enter();
  second.park();
  EXPECT_FALSE(second.has_entered());
  other.enter();
  other.leave();
  other.join();
  EXPECT_FALSE(second.has_entered()) << "it is not its user's turn";
  first.leave();
  second.wait_until_entered();
  second.leave();
}

TEST(SlotsTest, JobsOfOneKeyNeverRunTogether) {
  Slots slots({.total = 8, .per_uid = 8});
  std::atomic<int> inside = 0;
  std::atomic<int> most = 0;
  std::atomic<int> done = 0;
  const auto job = [&] {
    const auto made = std::make_shared<Slots::Job>();
    made->key = &slots;
    made->run = [&](const std::stop_token&) {
      const int now = ++inside;
      if (now > most) most = now;
      std::this_thread::yield();
      --inside;
      ++done;
      return true;
    };
    return made;
  };
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        for (int n = 0; n < 500; ++n) slots.submit(job());
      });
    }
  }
  EXPECT_EQ(most, 1);
  EXPECT_EQ(done, 2000);
}

TEST(SlotsTest, AJobWaitsForItsKeyThoughSlotsAreFree) {
  Slots slots({.total = 8, .per_uid = 8});
  const int key = 0;
  Visitor second(slots, 1, &key);
  Visitor first(slots, 1, &key);
  first.enter();
  second.park();
  EXPECT_FALSE(second.has_entered());
  first.leave();
  second.wait_until_entered();
  second.leave();
}

TEST(SlotsTest, UsersTakeTurnsAndEachIsServedInOrder) {
  Slots slots({.total = 1, .per_uid = 1});
  std::string order;
  const auto park = [&](uid_t uid, char name, const void* key) {
    const auto job = std::make_shared<Slots::Job>();
    job->key = key;
    job->uid = uid;
    job->run = [&order, name](const std::stop_token&) {
      order += name;
      return true;
    };
    slots.submit(job);
  };
  const std::string keys = "abcdef";
  Visitor first(slots, 1);
  first.enter();
  park(1, 'a', &keys[0]);
  park(1, 'b', &keys[1]);
  park(1, 'c', &keys[2]);
  park(2, 'd', &keys[3]);
  park(3, 'e', &keys[4]);
  park(2, 'f', &keys[5]);
  first.leave();
  first.join();
  EXPECT_EQ(order, "deafbc");
}

TEST(SlotsTest, AnInterruptGivesAParkedJobBack) {
  Slots slots({.total = 1, .per_uid = 1});
  Visitor parked(slots, 1);
  Visitor running(slots, 1);
  running.enter();
  parked.park();
  EXPECT_EQ(slots.interrupt(parked.job()).get(), &parked.job());
  EXPECT_EQ(slots.interrupt(parked.job()), nullptr) << "it was given back already";
  running.leave();
  running.join();
  EXPECT_FALSE(parked.has_entered()) << "it is the interrupter's to answer";
}

TEST(SlotsTest, AnInterruptStopsARunningJob) {
  Slots slots({.total = 1, .per_uid = 1});
  Visitor running(slots, 1);
  running.enter();
  EXPECT_EQ(slots.interrupt(running.job()), nullptr);
  running.leave();
  running.join();
  EXPECT_TRUE(running.was_stopped());
}

TEST(SlotsTest, AJobThatWasInterruptedBeforeIsRefused) {
  Slots slots({.total = 1, .per_uid = 1});
  Visitor visitor(slots, 1);
  EXPECT_EQ(slots.interrupt(visitor.job()), nullptr);
  visitor.park();
  EXPECT_EQ(visitor.refusal(), EINTR);
}

TEST(SlotsTest, StopRefusesTheParkedAndTheLater) {
  Slots slots({.total = 1, .per_uid = 1});
  Visitor parked(slots, 1), later(slots, 1), running(slots, 1);
  running.enter();
  parked.park();
  slots.stop();
  EXPECT_EQ(parked.refusal(), ENOTCONN);
  later.park();
  EXPECT_EQ(later.refusal(), ENOTCONN);
  running.leave();
  running.join();
  EXPECT_TRUE(running.was_stopped());
  EXPECT_EQ(running.refusal(), 0) << "it ran";
}

TEST(SlotsTest, AJobThatIsNotDoneComesAgainAfterTheOthers) {
  Slots slots({.total = 1, .per_uid = 1});
  std::string order;
  const auto make = [&](const char* name, int turns) {
    auto job = std::make_shared<Slots::Job>();
    job->key = job.get();
    job->uid = static_cast<uid_t>(name[0]);
    job->run = [&order, name, turns](const std::stop_token&) mutable {
      order += name;
      return --turns == 0;
    };
    return job;
  };
  Visitor first(slots, 1);
  first.enter();
  slots.submit(make("a", 3));
  slots.submit(make("b", 2));
  first.leave();
  first.join();
  EXPECT_EQ(order, "ababa");
}

TEST(SlotsTest, StatusKnowsTheOldestOfAll) {
  Slots slots({.total = 1, .per_uid = 1});
  EXPECT_EQ(slots.status().oldest.count(), 0);
  Visitor running(slots, 1);
  Visitor parked(slots, 2);
  parked.job().since -= std::chrono::hours(1);
  running.enter();
  EXPECT_FALSE(slots.contended());
  parked.park();
  EXPECT_TRUE(slots.contended());
  EXPECT_EQ(slots.status().running, 1);
  EXPECT_EQ(slots.status().parked, 1);
  EXPECT_GE(slots.status().oldest, std::chrono::hours(1));
  running.leave();
  parked.wait_until_entered();
  parked.leave();
  running.join();
  EXPECT_EQ(slots.status().running, 0);
}

TEST(SlotsTest, UnderManyThreadsEveryJobIsAnsweredOnce) {
  Slots slots({.total = 3, .per_uid = 2});
  constexpr int kThreads = 6, kJobs = 500;
  std::atomic<int> answers = 0, inside = 0, most = 0;
  {
    std::vector<std::jthread> threads;
    for (uid_t uid = 0; uid < kThreads; ++uid) {
      threads.emplace_back([&, uid] {
        for (int n = 0; n < kJobs; ++n) {
          const auto job = std::make_shared<Slots::Job>();
          job->key = job.get();
          job->uid = uid % 3;
          job->run = [&](const std::stop_token&) {
            const int now = ++inside;
            if (now > most) most = now;
            std::this_thread::yield();
            --inside;
            ++answers;
            return true;
          };
          job->refuse = [&](int) { ++answers; };
          slots.submit(job);
          if (n % 3 == 0 && slots.interrupt(*job)) ++answers;
        }
      });
    }
  }
  EXPECT_EQ(answers, kThreads * kJobs);
  EXPECT_LE(most, 3);
}

}  // namespace
}  // namespace bpfdump::fsd
