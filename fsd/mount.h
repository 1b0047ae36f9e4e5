// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pthread.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>

#include "base/result.h"
#include "fsd/ops.h"

namespace bpfdump::fsd {

/// The FUSE session: mounted while this lives. Only stop() may be called from another thread.
class Mount {
 public:
  /// Mounts on a directory; requests wait until serve(). Borrows `ops`.
  [[nodiscard]] static base::Result<Mount> create(Ops& ops, const std::string& point);

  /// Answers requests with at most `threads` threads until stop(), or until someone unmounts.
  /// Must be called in the thread that main() runs in.
  [[nodiscard]] base::Result<void> serve(unsigned threads);

  /// Makes serve() return once the work at hand is done; returns when it has. ETIMEDOUT if that is
  /// not before `patience` is over: then the mount is taken down, and serve() returns some day.
  [[nodiscard]] base::Result<void> stop(std::chrono::milliseconds patience);

 private:
  struct SessionDeleter {
    void operator()(fuse_session* session) const;
  };

  Mount(fuse_session* session, std::string point) : session_(session), point_(std::move(point)) {}

  std::unique_ptr<fuse_session, SessionDeleter> session_;
  std::string point_;
  // On the heap so that a Mount can be moved.
  struct Serving {
    std::atomic<bool> active = false;
    pthread_t thread{};
  };
  std::unique_ptr<Serving> serving_ = std::make_unique<Serving>();
};

}  // namespace bpfdump::fsd
