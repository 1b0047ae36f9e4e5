// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"
#include "base/unique_fd.h"

namespace bpfdump::fsd {

/// A process that leaves its starter's terminal, while the starter waits to hear that it is ready.
class Background {
 public:
  enum class Side { starter, daemon };

  /// Forks; returns on both sides. No thread may have been started before.
  [[nodiscard]] static base::Result<Background> split();

  [[nodiscard]] Side side() const { return side_; }

  /// The daemon's: tells the starter that all is well, and lets go of its stderr unless
  /// `keeps_stderr`. Later calls do nothing.
  void ready(bool keeps_stderr);

  /// The starter's: waits for ready(). EIO when the daemon ended before; it has said why.
  [[nodiscard]] base::Result<void> wait();

 private:
  Background(Side side, base::UniqueFd pipe) : side_(side), pipe_(std::move(pipe)) {}

  Side side_;
  base::UniqueFd pipe_;
};

}  // namespace bpfdump::fsd
