// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string_view>

#include "loader/iterator.h"
#include "reader/dumper.h"
#include "targets/catalog.h"

namespace bpfdump::fsd {

/// What a dumper was made from.
enum class Kind {
  builtin,  ///< the target's built-in program: mkdir, touch
  object,   ///< a user's BPF object: cp
};

[[nodiscard]] constexpr std::string_view to_string(Kind kind) {
  switch (kind) {
    case Kind::builtin:
      return "built-in";
    case Kind::object:
      return "object";
  }
  return "?";
}

/// A dumper that exists. Never changed once published, so safe to share; its parts are too.
struct Dumper {
  Kind kind;
  std::shared_ptr<const loader::Iterator> iterator;
  std::shared_ptr<reader::Dumper> reader;
};

}  // namespace bpfdump::fsd
