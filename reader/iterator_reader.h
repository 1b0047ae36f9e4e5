// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>

#include "base/unique_fd.h"
#include "reader/producer.h"

namespace bpfdump::reader {

/// The records of an iterator descriptor, as the program printed them.
class IteratorReader : public Producer {
 public:
  /// The kernel's buffer: with at least this much room a read is never cut inside a record.
  /// Source: Linux kernel/bpf/bpf_iter.c, bpf_seq_read(): 8 pages.
  static constexpr std::size_t kKernelBuffer = 32 * 1024;

  /// Takes a session's descriptor.
  IteratorReader(base::UniqueFd iterator, std::chrono::milliseconds stall_timeout)
      : iterator_(std::move(iterator)), stall_timeout_(stall_timeout) {}

  /// One read of at least kKernelBuffer bytes; the kernel's EAGAIN is a pause. EAGAIN: the reads
  /// took the stall timeout altogether without one byte.
  [[nodiscard]] base::Result<Production> produce(std::span<char> room,
                                                 const std::stop_token& stop) override;

 private:
  base::UniqueFd iterator_;
  std::chrono::milliseconds stall_timeout_;
  std::chrono::steady_clock::duration stalled_{0};  // spent in reads since the last byte
  std::chrono::milliseconds backoff_{0};            // to wait before the next read
};

}  // namespace bpfdump::reader
