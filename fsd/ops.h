// SPDX-License-Identifier: Apache-2.0
#pragma once

#define FUSE_USE_VERSION 314
#include <fuse_lowlevel.h>

#include <functional>
#include <string>

#include "fsd/filesystem.h"
#include "fsd/ops_slow.h"
#include "fsd/slots.h"

namespace bpfdump::fsd {

/// FUSE requests to Filesystem and back: one function a request, each turns a Result into a reply.
/// Thread-safe.
class Ops {
 public:
  struct Limits {
    Slots::Limits reads;
    Slots::Limits commits;
  };

  /// Decides by a request's thread; may_load_programs() but for tests.
  using MayLoad = std::function<base::Result<void>(pid_t thread)>;

  /// Borrows the file system and adds .bpfdump/metrics to it. `on_ready` is called once, when the
  /// kernel has greeted the daemon.
  Ops(Filesystem& filesystem, Limits limits, MayLoad may_load, std::function<void()> on_ready);

  /// The functions to make a fuse_session with; its user data is the Ops.
  [[nodiscard]] static const fuse_lowlevel_ops& table();

  /// How many threads a session needs at least so that one is always free for short requests.
  [[nodiscard]] static unsigned threads(const Limits& limits);

  /// Answers all readers and writers, now and later: the daemon ends.
  void stop();

 private:
  struct Table;

  std::string metrics();
  Filesystem::Caller caller(fuse_req_t request, int flags) const;

  Filesystem& filesystem_;
  SlowRequests slow_;
  const MayLoad may_load_;
  const std::function<void()> on_ready_;
};

}  // namespace bpfdump::fsd
