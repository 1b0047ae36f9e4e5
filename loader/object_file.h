// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>

#include "base/result.h"

namespace bpfdump::loader {

/// Looks over bytes that a user wrote before any library may parse them: is this a BPF object file
/// whose sections all lie inside it?
///
/// ENOEXEC: not a BPF object (empty, text, an object of another machine), with words for what it
/// is. EINVAL: a BPF object that is cut short or malformed.
/// Source: the System V ABI's ELF-64 format; linux/elf-em.h for EM_BPF.
[[nodiscard]] base::Result<void> check_object_file(std::span<const std::byte> bytes);

}  // namespace bpfdump::loader
