// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "reader/iterator_reader.h"
#include "reader/part.h"
#include "reader/producer.h"

namespace bpfdump::reader {

/// The text of all parts of a session. Records that are text already go straight into the room;
/// others are read into a buffer of the kernel's size first, and their text may be cut anywhere.
class PartsReader : public Producer {
 public:
  PartsReader(Parts parts, std::chrono::milliseconds stall_timeout);

  /// As IteratorReader::produce(), for one part after the other. Also fails with what a format or
  /// the next part fails with, from then on for ever.
  [[nodiscard]] base::Result<Production> produce(std::span<char> room,
                                                 const std::stop_token& stop) override;

 private:
  /// The memory that a long record may leave behind.
  static constexpr std::size_t kMostKept = 256 * 1024;

  void begin(Part part);
  base::Result<void> go_on();
  base::Result<Production> read_records(const std::stop_token& stop);
  base::Result<void> format_records();
  Production take_text(std::span<char> room);

  const std::chrono::milliseconds stall_timeout_;
  std::optional<IteratorReader> iterator_;  // of the part at hand; none: all is read
  Format format_;
  std::function<base::Result<std::optional<Part>>()> next_;
  std::optional<base::Error> failure_;
  std::unique_ptr<char[]> memory_;  // for a format:
  std::span<const char> records_;   // what is still to be formatted
  std::string text_;
  std::size_t taken_ = 0;  // of the text
};

}  // namespace bpfdump::reader
