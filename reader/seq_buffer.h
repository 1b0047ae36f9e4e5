// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>

#include "base/result.h"
#include "reader/producer.h"

namespace bpfdump::reader {

/// Whole records between a producer and a reader, a chunk at a time, by the rules of the kernel's
/// seq_file: a record that does not fit the rest of a chunk is the first of the next one, and a
/// chunk grows by doubling when a single record is larger. The next chunk can be produced ahead,
/// while the reader is busy with this one. One thread at a time.
class SeqBuffer {
 public:
  struct Sizes {
    /// The smallest chunk: four full reads of an iterator.
    std::size_t chunk = 128 * 1024;
    /// The largest chunk that is made for a reader who wants much at a time.
    std::size_t most_wanted = 512 * 1024;
    /// The largest chunk that is made for one record, and so the largest record.
    std::size_t limit = 1024 * 1024;
    /// The largest chunk that is produced ahead; 0: none is.
    std::size_t ahead = 128 * 1024;
  };

  explicit SeqBuffer(Sizes sizes) : sizes_(sizes) {}

  /// Drops the chunk for the next one: that which was produced ahead, else a new one of about
  /// `wanted` bytes, filled until it is full, the producer pauses or ends. After success an empty
  /// chunk means a pause, or the end; after an error the chunk is empty too.
  ///
  /// An error that comes after some records were taken is kept until they were given: it is the
  /// next refill's answer, but for EINTR, which was about this reader's patience.
  /// E2BIG: one record is larger than the limit; it is still the next one.
  [[nodiscard]] base::Result<void> refill(Producer& producer, std::size_t wanted,
                                          const std::stop_token& stop);

  /// Produces the next chunk ahead, unless one is there. Stops at the first pause.
  void produce_ahead(Producer& producer, const std::stop_token& stop);

  /// The current chunk; valid until the next refill.
  [[nodiscard]] std::span<const char> chunk() const { return current_.bytes(); }

  /// How many bytes came before the current chunk.
  [[nodiscard]] std::uint64_t offset() const { return offset_; }

  /// Whether there is nothing beyond this chunk.
  [[nodiscard]] bool at_end() const { return producer_ended_ && next_.filled == 0; }

 private:
  struct Chunk {
    std::unique_ptr<char[]> memory;
    std::size_t size = 0;    // of the memory
    std::size_t filled = 0;  // bytes of it that are the chunk

    void allocate(std::size_t bytes);
    std::span<char> room(std::size_t bound) const {
      return {memory.get() + filled, std::min(size, bound) - filled};
    }
    std::span<const char> bytes() const { return {memory.get(), filled}; }
  };

  base::Result<void> fill(Chunk& chunk, std::size_t bound, Producer& producer,
                          const std::stop_token& stop);

  Sizes sizes_;
  std::size_t wanted_ = 0;  // of the last refill, within sizes_
  Chunk current_;
  Chunk next_;  // produced ahead
  std::uint64_t offset_ = 0;
  bool producer_ended_ = false;
  std::optional<base::Error> failure_;  // comes after all bytes that there are
};

}  // namespace bpfdump::reader
