// SPDX-License-Identifier: Apache-2.0
#include "reader/parts_reader.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace bpfdump::reader {

using base::Result;
using State = Production::State;

PartsReader::PartsReader(Parts parts, std::chrono::milliseconds stall_timeout)
    : stall_timeout_(stall_timeout), next_(std::move(parts.next)) {
  begin(std::move(parts.first));
}

void PartsReader::begin(Part part) {
  iterator_.emplace(std::move(part.iterator), stall_timeout_, part.resumes);
  format_ = std::move(part.format);
}

Result<void> PartsReader::go_on() {
  iterator_.reset();
  if (!next_) return {};
  auto part = next_();
  if (!part) {
    failure_ = part.error();
    return base::Failure(part.error());
  }
  if (*part) begin(std::move(**part));
  return {};
}

Result<Production> PartsReader::produce(std::span<char> room, const std::stop_token& stop) {
  while (true) {
    if (taken_ < text_.size()) return room.empty() ? Production{State::overflow} : take_text(room);
    if (failure_) return base::Failure(*failure_);
    if (!records_.empty()) {
      if (stop.stop_requested()) return base::fail_errno(EINTR, "read the iterator");
      if (auto formatted = format_records(); !formatted) return base::Failure(formatted.error());
      continue;
    }
    if (!iterator_) return Production{State::end};
    auto production = format_ ? read_records(stop) : iterator_->produce(room, stop);
    if (!production) return production;
    if (production->state == State::end) {
      if (auto gone_on = go_on(); !gone_on) return base::Failure(gone_on.error());
    } else if (!format_ || production->state == State::pause) {
      return production;
    }
  }
}

Result<Production> PartsReader::read_records(const std::stop_token& stop) {
  constexpr std::size_t kSize = IteratorReader::kKernelBuffer;
  if (!memory_) memory_ = std::make_unique_for_overwrite<char[]>(kSize);
  auto production = iterator_->produce({memory_.get(), kSize}, stop);
  if (production && production->state == State::records)
    records_ = {memory_.get(), production->bytes};
  return production;
}

Result<void> PartsReader::format_records() {
  text_.clear();
  taken_ = 0;
  const auto formatted = format_(records_, text_);
  if (!formatted) {
    text_.clear();  // nobody knows what it begins with
    failure_ = formatted.error();
    return base::Failure(formatted.error());
  }
  records_ = records_.subspan(*formatted);
  return {};
}

Production PartsReader::take_text(std::span<char> room) {
  const std::size_t size = std::min(room.size(), text_.size() - taken_);
  std::memcpy(room.data(), text_.data() + taken_, size);
  taken_ += size;
  if (taken_ == text_.size() && text_.capacity() > kMostKept) {
    text_ = std::string();
    taken_ = 0;
  }
  return {State::records, size};
}

}  // namespace bpfdump::reader
