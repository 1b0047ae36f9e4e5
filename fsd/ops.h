// SPDX-License-Identifier: Apache-2.0
#pragma once

#define FUSE_USE_VERSION 314
#include <fuse_lowlevel.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "fsd/filesystem.h"
#include "fsd/slots.h"

namespace bpfdump::fsd {

/// FUSE requests to Filesystem and back: one function a request, each turns a Result into a reply.
/// What may take long goes through slots. Thread-safe.
class Ops {
 public:
  struct Limits {
    Slots::Limits reads;
    Slots::Limits commits;
  };

  /// Borrows the file system and adds .bpfdump/metrics to it. `on_ready` is called once, when the
  /// kernel has greeted the daemon.
  Ops(Filesystem& filesystem, Limits limits, std::function<void()> on_ready);

  /// The functions to make a fuse_session with; its user data is the Ops.
  [[nodiscard]] static const fuse_lowlevel_ops& table();

  /// How many threads a session needs at least so that one is always free for short requests.
  [[nodiscard]] static unsigned threads(const Limits& limits);

  /// Answers all readers and writers, now and later: the daemon ends.
  void stop();

 private:
  struct Table;
  struct SlowJob;

  std::string metrics();

  using Reply = std::function<void()>;
  using Work = std::function<Reply(const std::stop_token&)>;
  struct SlowRequest {
    fuse_req_t request;
    Slots& slots;
    uid_t uid;
    const void* key;   // what it must have to itself; nullptr: nothing
    bool can_be_left;  // its answer need not wait for its work
  };
  void run_slowly(const SlowRequest& slow, Work work);

  using Ticket = std::uintptr_t;
  void add_job(const std::shared_ptr<SlowJob>& job);
  void forget_job(Ticket ticket);
  std::shared_ptr<SlowJob> find_job(Ticket ticket);

  Filesystem& filesystem_;
  Slots reads_;
  Slots commits_;
  std::function<void()> on_ready_;
  std::mutex mutex_;  // guards all below; nothing is called with it
  std::unordered_map<Ticket, std::weak_ptr<SlowJob>> jobs_;
  Ticket last_ticket_ = 0;
};

}  // namespace bpfdump::fsd
