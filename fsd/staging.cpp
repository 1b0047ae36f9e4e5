// SPDX-License-Identifier: Apache-2.0
#include "fsd/staging.h"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace bpfdump::fsd {

using base::Result;

Result<void> Staging::write(std::uint64_t offset, std::span<const std::byte> bytes) {
  const std::scoped_lock lock(mutex_);
  if (!replaces_)
    return refuse(EINVAL, "write into a dumper; open it with O_TRUNC to replace its program");
  if (offset > limit_ || bytes.size() > limit_ - offset) return refuse_size();
  if (bytes_.size() < offset + bytes.size()) bytes_.resize(offset + bytes.size());
  std::copy(bytes.begin(), bytes.end(), bytes_.begin() + static_cast<std::ptrdiff_t>(offset));
  written_ = news_ = true;
  return {};
}

Result<void> Staging::truncate(std::uint64_t size) {
  const std::scoped_lock lock(mutex_);
  if (size > limit_) return refuse_size();
  if (size == 0) {
    replaces_ = true;
    failure_.reset();  // from the beginning
  }
  if (!replaces_)
    return refuse(EINVAL, "resize a dumper; open it with O_TRUNC to replace its program");
  if (bytes_.size() != size) news_ = true;
  bytes_.resize(size);
  return {};
}

base::Failure Staging::refuse(int code, std::string message) {
  failure_ = base::Error{code, std::move(message)};
  return base::Failure(*failure_);
}

base::Failure Staging::refuse_size() {
  return refuse(
      EFBIG, fmt::format("write more than {} bytes; limits.source_bytes allows no more", limit_));
}

void Staging::note(const base::Error& error) {
  const std::scoped_lock lock(mutex_);
  failure_ = error;
}

std::optional<base::Error> Staging::failure() {
  const std::scoped_lock lock(mutex_);
  return failure_;
}

void Staging::touch() {
  const std::scoped_lock lock(mutex_);
  touched_ = true;
}

std::optional<std::vector<std::byte>> Staging::take_bytes() {
  const std::scoped_lock lock(mutex_);
  if (!std::exchange(news_, false)) return std::nullopt;
  return bytes_;
}

bool Staging::replaces() {
  const std::scoped_lock lock(mutex_);
  return replaces_;
}

bool Staging::take_touch() {
  const std::scoped_lock lock(mutex_);
  return std::exchange(touched_, false) && !written_;
}

}  // namespace bpfdump::fsd
