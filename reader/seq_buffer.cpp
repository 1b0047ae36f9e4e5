// SPDX-License-Identifier: Apache-2.0
#include "reader/seq_buffer.h"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace bpfdump::reader {

void SeqBuffer::Chunk::allocate(std::size_t bytes) {
  memory = std::make_unique_for_overwrite<char[]>(bytes);  // only what is used is touched
  size = bytes;
}

base::Result<void> SeqBuffer::refill(Producer& producer, std::size_t wanted,
                                     const std::stop_token& stop) {
  wanted_ = std::clamp(wanted, sizes_.chunk, std::max(sizes_.chunk, sizes_.most_wanted));
  offset_ += std::exchange(current_.filled, 0);
  std::swap(current_, next_);
  if (current_.filled > 0) return {};
  if (failure_) return base::Failure(*std::exchange(failure_, std::nullopt));
  if (current_.size < wanted_) current_.allocate(wanted_);
  return fill(current_, wanted_, producer, stop);
}

void SeqBuffer::produce_ahead(Producer& producer, const std::stop_token& stop) {
  const std::size_t size = std::min(wanted_, sizes_.ahead);
  if (size == 0 || next_.filled > 0 || failure_) return;
  if (next_.size < size) next_.allocate(size);
  if (auto filled = fill(next_, size, producer, stop); !filled && filled.error().code != EINTR)
    failure_ = filled.error();
}

base::Result<void> SeqBuffer::fill(Chunk& chunk, std::size_t bound, Producer& producer,
                                   const std::stop_token& stop) {
  while (!producer_ended_) {
    const auto production = producer.produce(chunk.room(bound), stop);
    if (!production) {
      if (chunk.filled == 0) return base::Failure(production.error());
      if (production.error().code != EINTR) failure_ = production.error();
      return {};
    }
    switch (production->state) {
      case Production::State::records:
        chunk.filled += production->bytes;
        break;
      case Production::State::overflow:
        if (chunk.filled > 0) return {};  // the record restarts in the next chunk
        if (bound >= sizes_.limit)
          return base::fail(E2BIG, "one record is larger than {} bytes", sizes_.limit);
        bound = std::min(bound * 2, sizes_.limit);
        if (chunk.size < bound) chunk.allocate(bound);
        break;
      case Production::State::pause:
        return {};  // what is there need not wait, nor need whoever called
      case Production::State::end:
        producer_ended_ = true;
        break;
    }
  }
  return {};
}

}  // namespace bpfdump::reader
