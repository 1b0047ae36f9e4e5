// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"
#include "base/unique_fd.h"
#include "targets/scope.h"

namespace bpfdump::loader {

/// A descriptor of the BPF map of that name. ENOENT: there is none; EINVAL: several maps have the
/// name, or what the path leads to is no map. Paths are looked up inside a mounted bpffs only,
/// without symlinks: a lookup must never lead into this daemon's own mount, which would wait for
/// the daemon.
[[nodiscard]] base::Result<base::UniqueFd> open_map(const targets::ObjectName& name);

/// A descriptor of the directory of a cgroup, by a path below the root of the cgroup2 hierarchy and
/// in the same careful way.
[[nodiscard]] base::Result<base::UniqueFd> open_cgroup(const std::string& path);

}  // namespace bpfdump::loader
