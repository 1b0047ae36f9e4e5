// SPDX-License-Identifier: Apache-2.0
#include "fsd/staging.h"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace bpfdump::fsd {

using base::fail;
using base::Result;

Result<void> Staging::write(std::uint64_t offset, std::span<const std::byte> bytes) {
  const std::scoped_lock lock(mutex_);
  if (!replaces_)
    return fail(EINVAL, "write into a dumper; open it with O_TRUNC to replace its program");
  if (offset > limit_ || bytes.size() > limit_ - offset)
    return fail(EFBIG, "write more than {} bytes; limits.source_bytes allows no more", limit_);
  if (bytes_.size() < offset + bytes.size()) bytes_.resize(offset + bytes.size());
  std::copy(bytes.begin(), bytes.end(), bytes_.begin() + static_cast<std::ptrdiff_t>(offset));
  written_ = news_ = true;
  return {};
}

Result<void> Staging::truncate(std::uint64_t size) {
  const std::scoped_lock lock(mutex_);
  if (size > limit_)
    return fail(EFBIG, "write more than {} bytes; limits.source_bytes allows no more", limit_);
  if (size == 0) replaces_ = true;
  if (!replaces_)
    return fail(EINVAL, "resize a dumper; open it with O_TRUNC to replace its program");
  if (bytes_.size() != size) news_ = true;
  bytes_.resize(size);
  return {};
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
