// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>

#include "base/result.h"
#include "reader/session.h"

namespace bpfdump::reader {

/// A dumper as something to read, and what its readers met. Thread-safe.
class Dumper {
 public:
  /// `open_iterator` is called for every session, maybe by several threads at once; what it uses
  /// must live as long as the dumper's sessions.
  explicit Dumper(Session::OpenIterator open_iterator) : open_iterator_(std::move(open_iterator)) {}

  [[nodiscard]] base::Result<Session> open(const Session::Settings& settings);

  /// Counts what one read of a session came to.
  void count(std::uint64_t bytes) { bytes_ += bytes; }
  void count(const base::Error& error);

  [[nodiscard]] std::uint64_t opens() const { return opens_; }
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
  /// Empty while no read failed. An interrupted read has not failed.
  [[nodiscard]] std::string last_error() const;

 private:
  const Session::OpenIterator open_iterator_;
  std::atomic<std::uint64_t> opens_ = 0;
  std::atomic<std::uint64_t> bytes_ = 0;
  mutable std::mutex mutex_;  // guards last_error_
  std::string last_error_;
};

}  // namespace bpfdump::reader
