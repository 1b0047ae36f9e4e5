// SPDX-License-Identifier: Apache-2.0
#include "fsd/ops_slow.h"

#include <spdlog/spdlog.h>

#include <atomic>
#include <cerrno>
#include <exception>
#include <new>
#include <utility>

namespace bpfdump::fsd {

struct SlowRequests::Job : Slots::Job {
  Job(SlowRequests& all, const Request& request)
      : requests(all), fuse(request.fuse), lane(request.lane) {
    key = request.key == nullptr ? this : request.key;
    uid = request.uid;
    can_be_left = lane == Lane::read;
  }
  ~Job() { requests.forget(ticket); }
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;

  /// Calls `reply` unless someone else answers; after that the request is gone.
  template <class Answer>
  void answer_once(Answer&& answer) {
    if (!answered.exchange(true)) answer();
  }

  SlowRequests& requests;
  fuse_req_t fuse;
  Lane lane;
  Ticket ticket = 0;
  std::atomic<bool> submitted = false;
  std::atomic<bool> answered = false;
};

void SlowRequests::run(const Request& request, Work work) {
  const auto job = std::make_shared<Job>(*this, request);
  add(job);
  job->run = [self = job.get(), work = std::move(work)](const std::stop_token& stop) {
    Reply reply;
    int code = guarded([&] {
      reply = work(stop);
      return 0;
    });
    if (code == 0 && !reply && !self->answered) return false;
    self->answer_once([&] {
      if (code != 0) {
        fuse_reply_err(self->fuse, code);
        return;
      }
      // Too late to answer with an error: what goes wrong now is about the time after the answer.
      code = guarded([&] {
        reply();
        return 0;
      });
    });
    return true;
  };
  job->refuse = [self = job.get()](int code) {
    self->answer_once([&] { fuse_reply_err(self->fuse, code); });
  };
  // An interrupt may come when the job is long gone, so it only knows the job's number.
  fuse_req_interrupt_func(request.fuse, on_interrupt_, reinterpret_cast<void*>(job->ticket));
  job->submitted = true;
  slots(request.lane).submit(job);
}

void SlowRequests::interrupt(fuse_req_t request, void* ticket) {
  const auto job = find(reinterpret_cast<Ticket>(ticket));
  if (!job) return;
  const bool was_parked = slots(job->lane).interrupt(*job) != nullptr;
  // A program can't be stopped inside the kernel's read; its reader need not wait for that.
  // libfuse can't bear an answer from within the call that announces the interrupt function.
  if (job->submitted && (was_parked || job->can_be_left))
    job->answer_once([&] { fuse_reply_err(request, EINTR); });
}

void SlowRequests::stop() {
  reads_.stop();
  commits_.stop();
}

void SlowRequests::add(const std::shared_ptr<Job>& job) {
  const std::scoped_lock lock(mutex_);
  job->ticket = ++last_ticket_;
  jobs_.emplace(job->ticket, job);
}

void SlowRequests::forget(Ticket ticket) {
  const std::scoped_lock lock(mutex_);
  jobs_.erase(ticket);
}

std::shared_ptr<SlowRequests::Job> SlowRequests::find(Ticket ticket) {
  const std::scoped_lock lock(mutex_);
  const auto at = jobs_.find(ticket);
  return at == jobs_.end() ? nullptr : at->second.lock();
}

int guarded(const std::function<int()>& function) {
  try {
    return function();
  } catch (const std::bad_alloc&) {
    return ENOMEM;
  } catch (const std::exception& exception) {
    spdlog::error("a request failed unexpectedly: {}", exception.what());
    return EIO;
  }
}

}  // namespace bpfdump::fsd
