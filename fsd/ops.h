// SPDX-License-Identifier: Apache-2.0
#pragma once

#define FUSE_USE_VERSION 314
#include <fuse_lowlevel.h>

#include <functional>

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
  void run_slowly(Slots& slots, fuse_req_t request, uid_t uid, const void* key, Work work);

  Filesystem& filesystem_;
  Slots reads_;
  Slots commits_;
  std::function<void()> on_ready_;
};

}  // namespace bpfdump::fsd
