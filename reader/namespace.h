// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "targets/known.h"

namespace bpfdump::reader {

/// A network or pid namespace to create an iterator in. Immutable.
struct Namespace {
  targets::NamespaceKind kind;
  base::UniqueFd fd;
};

/// A null pointer is this process's own namespace, which takes no entering.
using NamespacePtr = std::shared_ptr<const Namespace>;

/// The namespace of that kind that a thread is in. A FUSE request's thread stays what it is until
/// the request is answered. EACCES: it can't be seen (0, or gone).
[[nodiscard]] base::Result<NamespacePtr> namespace_of(pid_t thread, targets::NamespaceKind kind);

/// The namespace behind a file of /proc or a bind mount of one. EINVAL: it is none of that kind.
[[nodiscard]] base::Result<NamespacePtr> namespace_at(const std::string& file,
                                                      targets::NamespaceKind kind);

/// The namespace behind an O_PATH descriptor, which says nothing yet of what it is and opens
/// nothing. ENOENT: it is not the one with that inode number, where one is given.
[[nodiscard]] base::Result<NamespacePtr> namespace_behind(
    const base::UniqueFd& place, targets::NamespaceKind kind,
    std::optional<std::uint64_t> inode = std::nullopt);

}  // namespace bpfdump::reader
