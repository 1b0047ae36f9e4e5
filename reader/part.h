// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "base/result.h"
#include "base/unique_fd.h"

namespace bpfdump::reader {

/// Appends whole records, as the program wrote them, as what the reader gets, and returns how many
/// bytes of them it took: at least one record, and not all where their text gets long. Called in
/// order, by one thread at a time. EIO: they are not what they should be.
using Format =
    std::function<base::Result<std::size_t>(std::span<const char> records, std::string& text)>;

/// One iterator of a session.
struct Part {
  base::UniqueFd iterator;
  Format format = {};  ///< empty: the records are text already
  /// Whether the iterator goes on behind a full buffer; see targets::Known::resumes.
  bool resumes = true;
};

/// What a session reads: one iterator, or several one after the other.
struct Parts {
  Part first;
  /// Creates the next one when it is its turn; nothing: there are no more. Empty: there is one.
  std::function<base::Result<std::optional<Part>>()> next = {};
};

/// The only part of a session; its records are text.
[[nodiscard]] inline base::Result<Parts> only(base::Result<base::UniqueFd> iterator) {
  if (!iterator) return base::Failure(iterator.error());
  return Parts{{std::move(*iterator)}};
}

}  // namespace bpfdump::reader
