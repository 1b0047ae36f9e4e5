// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"
#include "config/config.h"

namespace bpfdump::fsd {

/// Sends what spdlog logs where the configuration says: the journal, stderr or a file. Errors are
/// those of opening the file.
[[nodiscard]] base::Result<void> start_logging(const config::Log& settings, bool foreground);

void set_log_level(config::LogLevel level);

}  // namespace bpfdump::fsd
