// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace bpfdump::loader {

/// Looks over bytes that a user wrote before any library may parse them: is this a BPF object file
/// whose sections all lie inside it?
///
/// ENOEXEC: not a BPF object (empty, text, an object of another machine), with words for what it
/// is. EINVAL: a BPF object that is cut short or malformed.
/// Source: the System V ABI's ELF-64 format; linux/elf-em.h for EM_BPF.
[[nodiscard]] base::Result<void> check_object_file(std::span<const std::byte> bytes);

/// The contents of all sections of that name, of an object that check_object_file() accepted.
[[nodiscard]] std::vector<std::span<const std::byte>> sections_named(
    std::span<const std::byte> object, std::string_view name);

}  // namespace bpfdump::loader
