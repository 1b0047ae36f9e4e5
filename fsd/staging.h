// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"

namespace bpfdump::fsd {

/// The bytes that are being written to one open file, until they are committed. Thread-safe.
///
/// Programs write in their own ways: a shell closes a copy of the file before it writes, touch sets
/// the times and writes nothing, `(cat a; cat b) > f` closes it twice with more bytes each time.
class Staging {
 public:
  /// At most `limit` bytes. `replaces`: the file is new or was opened with O_TRUNC, so that what is
  /// written is all of it.
  Staging(std::uint64_t limit, bool replaces) : limit_(limit), replaces_(replaces) {}

  /// EFBIG beyond the limit; EINVAL for a change inside what is there already. After either, what
  /// was written is not what was to be written: see failure().
  [[nodiscard]] base::Result<void> write(std::uint64_t offset, std::span<const std::byte> bytes);
  [[nodiscard]] base::Result<void> truncate(std::uint64_t size);
  /// Somebody set the file's times to now, as touch does.
  void touch();

  /// A write failed for a reason of the caller's, as if write() had.
  void note(const base::Error& error);
  /// Why a write failed, if one did: then nothing of it may be committed.
  [[nodiscard]] std::optional<base::Error> failure();
  /// All bytes, if some were written since the last take.
  [[nodiscard]] std::optional<std::vector<std::byte>> take_bytes();
  /// Whether what is written is all of the file.
  [[nodiscard]] bool replaces();
  /// Whether the file was touched and nothing was ever written; once.
  [[nodiscard]] bool take_touch();

 private:
  base::Failure refuse(int code, std::string message);
  base::Failure refuse_size();

  std::mutex mutex_;  // guards all below
  const std::uint64_t limit_;
  bool replaces_;
  std::vector<std::byte> bytes_;
  bool written_ = false;  // ever
  bool news_ = false;     // since the last take
  bool touched_ = false;
  std::optional<base::Error> failure_;
};

}  // namespace bpfdump::fsd
