// SPDX-License-Identifier: Apache-2.0
#include "reader/session.h"

#include <algorithm>

namespace bpfdump::reader {

base::Result<Session> Session::open(Begin begin, const Settings& settings) {
  Session session(std::move(begin), settings);
  if (auto started = session.start(); !started) return base::Failure(started.error());
  return session;
}

base::Result<void> Session::start() {
  auto parts = begin_();
  if (!parts) return base::Failure(parts.error());
  parts_ = std::make_unique<PartsReader>(std::move(*parts), settings_.stall_timeout);
  buffer_.emplace(SeqBuffer::Sizes{.ahead = settings_.ahead_bytes});
  fresh_ = true;
  return {};
}

base::Result<std::optional<std::span<const char>>> Session::read(std::uint64_t offset,
                                                                 std::size_t size,
                                                                 const std::stop_token& stop) {
  const bool again = offset == 0 && !fresh_;
  if (again || offset < buffer_->offset()) {
    if (auto started = start(); !started) return base::Failure(started.error());
  }
  while (offset - buffer_->offset() >= buffer_->chunk().size()) {
    if (buffer_->at_end()) {
      fresh_ = false;
      return std::span<const char>();
    }
    if (auto filled = buffer_->refill(*parts_, size, stop); !filled)
      return base::Failure(filled.error());
    if (buffer_->chunk().empty() && !buffer_->at_end()) return std::nullopt;
  }
  fresh_ = false;
  const auto rest = buffer_->chunk().subspan(offset - buffer_->offset());
  return rest.first(std::min(size, rest.size()));
}

void Session::read_ahead(const std::stop_token& stop) {
  if (!buffer_->at_end()) buffer_->produce_ahead(*parts_, stop);
}

}  // namespace bpfdump::reader
