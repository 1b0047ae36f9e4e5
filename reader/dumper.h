// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "base/result.h"
#include "reader/namespace.h"
#include "reader/session.h"

namespace bpfdump::reader {

/// A dumper as something to read, and what its readers met. Thread-safe.
class Dumper {
 public:
  /// Creates the iterators of a session for a reader in that namespace. Called for every session,
  /// maybe by several threads at once.
  using Begin = std::function<base::Result<Parts>(const NamespacePtr&)>;

  explicit Dumper(Begin begin) : begin_(std::make_shared<const Begin>(std::move(begin))) {}

  /// The dumper must outlive the session.
  [[nodiscard]] base::Result<Session> open(const Session::Settings& settings,
                                           const NamespacePtr& where);

  /// Calls `update`, which puts another program into the iterator, and lets later sessions begin by
  /// `begin`: none sees the program of one and the records' format of the other.
  [[nodiscard]] base::Result<void> replace(const std::function<base::Result<void>()>& update,
                                           Begin begin);

  /// Counts what one read of a session came to.
  void count(std::uint64_t bytes) { bytes_ += bytes; }
  void count(const base::Error& error);

  [[nodiscard]] std::uint64_t opens() const { return opens_; }
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
  /// Empty while no read failed. An interrupted read has not failed.
  [[nodiscard]] std::string last_error() const;

 private:
  base::Result<Parts> begin(const NamespacePtr& where) const;
  std::shared_ptr<const Begin> current() const;

  std::atomic<std::uint64_t> opens_ = 0;
  std::atomic<std::uint64_t> bytes_ = 0;
  mutable std::mutex mutex_;  // guards all below
  std::shared_ptr<const Begin> begin_;
  std::string last_error_;
};

}  // namespace bpfdump::reader
