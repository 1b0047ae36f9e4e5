// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <stop_token>

namespace bpfdump::fsd {

/// Lets a bounded number of slow requests run at the same time, on the threads that brought them;
/// more are parked as requests, not as threads, and run by a thread that gets free. So there is
/// always a thread to take in the next request, and an interrupt. Thread-safe.
///
/// Order: requests of one key one after the other; users in turn; one user's first come, first
/// served.
class Slots {
 public:
  struct Limits {
    std::size_t total;
    std::size_t per_uid;
  };

  /// One request. Exactly one of `run` and `refuse` is called, once, and answers it; except for a
  /// job that interrupt() gives back, and for one that `can_be_left`: stop() refuses it although it
  /// runs, and its work goes on for nobody. The kernel runs a program for as long as it takes.
  struct Job {
    const void* key = nullptr;
    uid_t uid = 0;  // the same for all jobs of a key, so that one end makes room for one start
    std::stop_source stop;
    std::chrono::steady_clock::time_point since = std::chrono::steady_clock::now();
    bool can_be_left = false;
    /// Returns false when it wants to be called again after others had their turn.
    std::function<bool(const std::stop_token&)> run;
    std::function<void(int code)> refuse;
  };

  explicit Slots(Limits limits) : limits_(limits) {}

  /// Runs the job now if a slot is free, and then those that waited for this slot; else parks it.
  /// Refuses it with EINTR when it was interrupted before, with ENOTCONN after stop().
  void submit(std::shared_ptr<Job> job);

  /// Asks a job to stop. One that is parked is given back instead: the caller answers it.
  [[nodiscard]] std::shared_ptr<Job> interrupt(Job& job);

  /// Whether a job is parked.
  [[nodiscard]] bool contended();

  struct Status {
    std::size_t running = 0;
    std::size_t parked = 0;
    /// How long ago the oldest of them all was submitted; 0 without any.
    std::chrono::steady_clock::duration oldest{0};
  };
  [[nodiscard]] Status status();

  /// Asks all that run to stop, and refuses all that are parked or come later.
  void stop();

 private:
  bool may_run(const Job& job) const;
  void start(const std::shared_ptr<Job>& job);
  void finish(const std::shared_ptr<Job>& job);
  std::shared_ptr<Job> next();

  const Limits limits_;
  std::mutex mutex_;  // guards all below; no job is run or refused with it
  bool stopping_ = false;
  std::set<std::shared_ptr<Job>> running_;
  std::set<const void*> busy_keys_;
  std::map<uid_t, std::size_t> running_per_uid_;
  std::map<uid_t, std::deque<std::shared_ptr<Job>>> parked_;
  uid_t last_uid_ = 0;  // whose turn it was
};

}  // namespace bpfdump::fsd
