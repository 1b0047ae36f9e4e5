// SPDX-License-Identifier: Apache-2.0
#include "reader/seq_buffer.h"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace bpfdump::reader {

void SeqBuffer::allocate(std::size_t size) {
  memory_ = std::make_unique_for_overwrite<char[]>(size);  // only what is used is touched
  size_ = size;
}

base::Result<void> SeqBuffer::refill(Producer& producer, const std::stop_token& stop) {
  offset_ += std::exchange(filled_, 0);
  if (failure_) return base::Failure(*std::exchange(failure_, std::nullopt));
  if (!memory_) allocate(sizes_.chunk);

  while (!at_end_) {
    const std::span<char> room(memory_.get() + filled_, size_ - filled_);
    const auto production = producer.produce(room, stop);
    if (!production) {
      if (filled_ == 0) return base::Failure(production.error());
      if (production.error().code != EINTR) failure_ = production.error();
      return {};
    }
    switch (production->state) {
      case Production::State::records:
        filled_ += production->bytes;
        break;
      case Production::State::overflow:
        if (filled_ > 0) return {};  // the record restarts in the next chunk
        if (size_ >= sizes_.limit)
          return base::fail(E2BIG, "one record is larger than {} bytes", sizes_.limit);
        allocate(std::min(size_ * 2, sizes_.limit));
        break;
      case Production::State::pause:
        if (filled_ > 0) return {};  // what is there need not wait
        break;
      case Production::State::end:
        at_end_ = true;
        break;
    }
  }
  return {};
}

}  // namespace bpfdump::reader
