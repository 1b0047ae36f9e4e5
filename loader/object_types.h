// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>

#include "base/result.h"

namespace bpfdump::loader {

/// Looks over the types (.BTF) of an object that check_object_file() accepted, before libbpf
/// follows them: until 1.3 it takes for granted that each number is one of a type and that
/// modifiers end somewhere, and crashes or hangs where they don't.
///
/// EINVAL: malformed types. What libbpf says on the way goes to this thread's Capture.
/// Source: libbpf's issue 617, "implement BTF validator".
[[nodiscard]] base::Result<void> check_object_types(std::span<const std::byte> object);

}  // namespace bpfdump::loader
