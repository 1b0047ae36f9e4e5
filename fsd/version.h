// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace bpfdump::fsd {

/// The project's version, from the build.
inline constexpr std::string_view kVersion = BPFDUMP_VERSION;

}  // namespace bpfdump::fsd
