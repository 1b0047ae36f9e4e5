// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include "base/result.h"

namespace bpfdump::fsd {

/// Whether a thread may have BPF programs loaded for it: it needs CAP_BPF and CAP_PERFMON, or
/// CAP_SYS_ADMIN, in the user namespace of this process. That comes on top of what the kernel
/// decides by the file's mode, never instead of it.
///
/// `thread` is a FUSE request's pid, and means something only while the request is not answered.
/// EACCES: it can't be seen (0, or gone). EPERM: it lacks a capability; the message says which.
[[nodiscard]] base::Result<void> may_load_programs(pid_t thread);

}  // namespace bpfdump::fsd
