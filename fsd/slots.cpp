// SPDX-License-Identifier: Apache-2.0
#include "fsd/slots.h"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace bpfdump::fsd {

void Slots::submit(std::shared_ptr<Job> job) {
  int refusal = 0;
  {
    const std::scoped_lock lock(mutex_);
    if (stopping_) {
      refusal = ENOTCONN;
    } else if (job->stop.stop_requested()) {
      refusal = EINTR;
    } else if (may_run(*job)) {
      start(job);
    } else {
      parked_[job->uid].push_back(std::move(job));
      return;
    }
  }
  if (refusal != 0) return job->refuse(refusal);

  while (job) {
    const bool done = job->run(job->stop.get_token());
    std::shared_ptr<Job> finished;  // goes when the lock is gone: it may be the last to hold a file
    {
      const std::scoped_lock lock(mutex_);
      finish(job);
      if (!done && !stopping_)
        parked_[job->uid].push_back(std::move(job));
      else
        finished = std::move(job);
      job = next();
      if (job) start(job);
    }
    if (!done && finished) finished->refuse(ENOTCONN);
  }
}

std::shared_ptr<Slots::Job> Slots::interrupt(Job& job) {
  const std::scoped_lock lock(mutex_);
  job.stop.request_stop();
  const auto queue = parked_.find(job.uid);
  if (queue == parked_.end()) return nullptr;
  const auto at = std::find_if(queue->second.begin(), queue->second.end(),
                               [&](const auto& parked) { return parked.get() == &job; });
  if (at == queue->second.end()) return nullptr;
  std::shared_ptr<Job> taken = std::move(*at);
  queue->second.erase(at);
  if (queue->second.empty()) parked_.erase(queue);
  return taken;
}

bool Slots::contended() {
  const std::scoped_lock lock(mutex_);
  return !parked_.empty();
}

Slots::Status Slots::status() {
  const std::scoped_lock lock(mutex_);
  const auto now = std::chrono::steady_clock::now();
  Status status;
  const auto count = [&](std::size_t& counter, const Job& job) {
    ++counter;
    status.oldest = std::max(status.oldest, now - job.since);
  };
  for (const auto& job : running_) count(status.running, *job);
  for (const auto& [uid, jobs] : parked_) {
    for (const auto& job : jobs) count(status.parked, *job);
  }
  return status;
}

void Slots::stop() {
  decltype(parked_) parked;
  decltype(running_) running;
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
    parked.swap(parked_);
    running = running_;
  }
  for (const auto& job : running) {
    job->stop.request_stop();
    if (job->can_be_left) job->refuse(ENOTCONN);
  }
  for (const auto& [uid, jobs] : parked) {
    for (const auto& job : jobs) job->refuse(ENOTCONN);
  }
}

bool Slots::may_run(const Job& job) const {
  if (running_.size() >= limits_.total || busy_keys_.contains(job.key)) return false;
  const auto of_user = running_per_uid_.find(job.uid);
  return of_user == running_per_uid_.end() || of_user->second < limits_.per_uid;
}

void Slots::start(const std::shared_ptr<Job>& job) {
  running_.insert(job);
  busy_keys_.insert(job->key);
  ++running_per_uid_[job->uid];
  last_uid_ = job->uid;
}

void Slots::finish(const std::shared_ptr<Job>& job) {
  running_.erase(job);
  busy_keys_.erase(job->key);
  if (--running_per_uid_[job->uid] == 0) running_per_uid_.erase(job->uid);
}

// The next job by turns: beginning with the user behind the last one, each user's oldest that may
// run. Takes it from the parked ones.
std::shared_ptr<Slots::Job> Slots::next() {
  auto queue = parked_.upper_bound(last_uid_);
  for (std::size_t turn = 0; turn < parked_.size(); ++turn, ++queue) {
    if (queue == parked_.end()) queue = parked_.begin();
    auto& jobs = queue->second;
    const auto at =
        std::find_if(jobs.begin(), jobs.end(), [&](const auto& job) { return may_run(*job); });
    if (at == jobs.end()) continue;
    std::shared_ptr<Job> job = std::move(*at);
    jobs.erase(at);
    if (jobs.empty()) parked_.erase(queue);
    return job;
  }
  return nullptr;
}

}  // namespace bpfdump::fsd
