// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"
#include "config/config.h"
#include "fsd/arguments.h"

namespace bpfdump::fsd {

/// The configuration that a command line asks for: the file's (the default one may be missing),
/// with the command line's paths put over it.
[[nodiscard]] base::Result<config::Config> configure(const Arguments& arguments);

/// What a configuration comes to on this machine, without starting: a line for the user.
/// EINVAL: it can't start so, because of a group or path that it names.
[[nodiscard]] base::Result<std::string> check_configuration(const Arguments& arguments,
                                                            const config::Config& config);

/// Runs the daemon: checks, mounts, serves until SIGTERM, SIGINT or an umount. Without
/// `foreground` it forks once mounted, and returns in the parent as soon as the mount answers.
[[nodiscard]] base::Result<void> run_daemon(const Arguments& arguments,
                                            const config::Config& config);

}  // namespace bpfdump::fsd
