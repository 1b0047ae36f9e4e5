// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <string>

#include "base/result.h"
#include "config/config.h"

/// What must be true before the daemon mounts. Each refusal is one line with the way out.
namespace bpfdump::fsd {

/// EPERM unless this process may mount and load BPF programs.
[[nodiscard]] base::Result<void> check_privileges();

/// ENOENT and the like where /dev/fuse is not to be had.
[[nodiscard]] base::Result<void> check_fuse();

/// A path with every symlink in it resolved, but nothing that is mounted at it asked for anything.
[[nodiscard]] std::string resolve(const std::string& path);

/// EINVAL: pins or state lie below the mount point.
[[nodiscard]] base::Result<void> check_paths(const std::string& point, const config::Paths& paths);

/// The number of a group that is given by name or number. EINVAL where there is none.
[[nodiscard]] base::Result<gid_t> group_number(const std::string& group);

/// The mount point must be a directory where nothing is mounted. ENOENT, ENOTDIR; EBUSY: something
/// is mounted there; ENOTCONN: a dead mount is.
[[nodiscard]] base::Result<void> check_mount_point(const std::string& point);

/// Makes sure that `pins` will lie in a bpffs: mounts one at /sys/fs/bpf if that is where it is to
/// be and there is none. EINVAL where it lies anywhere else.
[[nodiscard]] base::Result<void> prepare_bpffs(const std::string& pins);

}  // namespace bpfdump::fsd
