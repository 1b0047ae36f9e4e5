// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <stop_token>

#include "base/result.h"

namespace bpfdump::reader {

/// What one call of a producer came to.
struct Production {
  enum class State {
    records,   ///< `bytes` bytes of whole records were written, at least one
    overflow,  ///< the next record may not fit the room: it was not taken, and comes first next
               ///< time
    pause,     ///< nothing this time, but this is not the end: call again
    end,       ///< there are no more records
  };
  State state;
  std::size_t bytes = 0;
};

/// A source of records, each of them bytes that belong together. One thread at a time.
class Producer {
 public:
  virtual ~Producer() = default;

  /// Writes as many whole records as it likes to the beginning of `room`. An error takes no record
  /// away; EINTR once `stop` was requested.
  [[nodiscard]] virtual base::Result<Production> produce(std::span<char> room,
                                                         const std::stop_token& stop) = 0;
};

}  // namespace bpfdump::reader
