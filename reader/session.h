// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>

#include "base/result.h"
#include "reader/part.h"
#include "reader/parts_reader.h"
#include "reader/seq_buffer.h"

namespace bpfdump::reader {

/// One open file on a dumper: every record that its iterator emits reaches the reader exactly once,
/// whole and in order, or the reader gets an error. One thread at a time.
class Session {
 public:
  /// Creates the iterators that a fresh look at the objects begins with.
  using Begin = std::function<base::Result<Parts>()>;

  struct Settings {
    /// How long the iterator may answer "try again" without one byte of progress.
    std::chrono::milliseconds stall_timeout{30'000};
    /// The most that is produced ahead; 0: nothing is.
    std::size_t ahead_bytes = 128 * 1024;
  };

  /// Creates the first iterator; runs nothing yet. Errors are those of `begin`.
  [[nodiscard]] static base::Result<Session> open(Begin begin, const Settings& settings);

  /// At most `size` bytes at `offset`; none at or past the end. They are valid until the next read.
  /// Nothing at all, not even none: the iterator paused; call again, with the same arguments.
  ///
  /// Offset 0, but for the first read, looks afresh: polling by lseek works as with seq_file. So
  /// does an offset before the chunk at hand, skipping what comes before it.
  /// EINTR: `stop` was requested; EAGAIN: the iterator stalled; E2BIG: a record is larger than the
  /// kernel's buffer of 32 KiB; EIO and others: the kernel's. All bytes before an error are given
  /// first.
  [[nodiscard]] base::Result<std::optional<std::span<const char>>> read(
      std::uint64_t offset, std::size_t size, const std::stop_token& stop);

  /// Produces what the next read will want while the reader is busy with this one's bytes, which
  /// stay valid. Does nothing for a dump that is at its end, and stops where the iterator pauses.
  void read_ahead(const std::stop_token& stop);

 private:
  Session(Begin begin, const Settings& settings) : begin_(std::move(begin)), settings_(settings) {}

  base::Result<void> start();

  Begin begin_;
  Settings settings_;
  std::unique_ptr<PartsReader> parts_;
  std::optional<SeqBuffer> buffer_;
  bool fresh_ = true;  // nothing was given since start()
};

}  // namespace bpfdump::reader
