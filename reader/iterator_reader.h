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

  /// What an iterator that does not resume may print: with so much it is still certain that the
  /// kernel saw the end, unless a single record is larger than the other half of its buffer.
  static constexpr std::size_t kWithoutResuming = kKernelBuffer / 2;

  /// Takes a session's descriptor. `resumes`: the kernel goes on behind a full buffer.
  IteratorReader(base::UniqueFd iterator, std::chrono::milliseconds stall_timeout,
                 bool resumes = true)
      : iterator_(std::move(iterator)), stall_timeout_(stall_timeout), resumes_(resumes) {}

  /// One read of at least kKernelBuffer bytes; the kernel's EAGAIN is a pause. EAGAIN: the reads
  /// took the stall timeout altogether without one byte. E2BIG: one record is larger than the
  /// kernel's buffer; or an iterator that does not resume printed more than kWithoutResuming, after
  /// which it can't be told whether there was more.
  [[nodiscard]] base::Result<Production> produce(std::span<char> room,
                                                 const std::stop_token& stop) override;

 private:
  base::UniqueFd iterator_;
  std::chrono::milliseconds stall_timeout_;
  bool resumes_;
  bool cut_ = false;                                // maybe
  std::chrono::steady_clock::duration stalled_{0};  // spent in reads since the last byte
  std::chrono::milliseconds backoff_{0};            // to wait before the next read
};

}  // namespace bpfdump::reader
