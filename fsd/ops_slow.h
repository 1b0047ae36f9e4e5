// SPDX-License-Identifier: Apache-2.0
#pragma once

#define FUSE_USE_VERSION 314
#include <fuse_lowlevel.h>

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>
#include <unordered_map>

#include "fsd/slots.h"

namespace bpfdump::fsd {

/// The requests that may take long. Each goes through slots and is answered exactly once: by what
/// it came to, by an interrupt, or by the end of the daemon. Thread-safe.
class SlowRequests {
 public:
  /// What a request does, and so with whom it shares slots.
  enum class Lane {
    read,    ///< runs a program; an answer need not wait for that, as nothing is lost by leaving it
    commit,  ///< loads one, or collects a text; what it came to is the answer
  };

  /// `on_interrupt` is a function for libfuse that calls interrupt().
  SlowRequests(Slots::Limits reads, Slots::Limits commits, fuse_interrupt_func_t on_interrupt)
      : on_interrupt_(on_interrupt), reads_(reads), commits_(commits) {}

  struct Request {
    fuse_req_t fuse;
    Lane lane;
    uid_t uid;
    const void* key;  // what it must have to itself; nullptr: nothing
  };
  /// Answers a request, with libfuse's functions. Called at most once.
  using Reply = std::function<void()>;
  /// Stands for no answer yet: the work wants to be called again when others had their turn.
  static constexpr std::nullptr_t kInTurn = nullptr;
  /// Does what a request asks for and says how to answer it. An exception is answered by its errno.
  /// The request itself may have been answered, and be gone, while it runs.
  using Work = std::function<Reply(const std::stop_token&)>;

  /// Runs the work in its turn, on this thread or another.
  void run(const Request& request, Work work);

  /// What `on_interrupt` was called with.
  void interrupt(fuse_req_t request, void* ticket);

  /// Answers all, now and later: the daemon ends.
  void stop();

  [[nodiscard]] bool contended(Lane lane) { return slots(lane).contended(); }
  [[nodiscard]] Slots::Status status(Lane lane) { return slots(lane).status(); }

 private:
  struct Job;
  using Ticket = std::uintptr_t;

  Slots& slots(Lane lane) { return lane == Lane::read ? reads_ : commits_; }
  void add(const std::shared_ptr<Job>& job);
  void forget(Ticket ticket);
  std::shared_ptr<Job> find(Ticket ticket);

  const fuse_interrupt_func_t on_interrupt_;
  Slots reads_;
  Slots commits_;
  std::mutex mutex_;  // guards all below; nothing is called with it
  std::unordered_map<Ticket, std::weak_ptr<Job>> jobs_;
  Ticket last_ticket_ = 0;
};

/// Calls what returns an errno or 0; an exception becomes an errno, and a line in the log.
[[nodiscard]] int guarded(const std::function<int()>& function);

}  // namespace bpfdump::fsd
