// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <variant>

#include "base/result.h"

namespace bpfdump::fsd {

/// bpfdumpd's command line, all paths absolute. What is not given comes from the configuration
/// file.
struct Arguments {
  bool foreground = false;
  bool check_config = false;
  std::optional<std::string> config;
  std::optional<std::string> pins;
  std::optional<std::string> state;
  std::optional<std::string> mount_point;
};

/// The command line asked for a text only (--help, --version): print it and exit with success.
struct PrintAndExit {
  std::string text;
};

/// EINVAL with a line for the user where the arguments can't be understood. Takes what mount(8)
/// gives to a helper too: a source before the mount point, and -o with options of its own.
[[nodiscard]] base::Result<std::variant<Arguments, PrintAndExit>> parse_arguments(
    int argc, const char* const* argv);

}  // namespace bpfdump::fsd
