// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "reader/namespace.h"

namespace bpfdump::reader {

/// A network namespace of this machine.
struct Network {
  std::uint64_t inode;
  /// Its name in /run/netns; without one, its inode number.
  std::string label;
  /// A file that led to it when it was found.
  std::string file;
};

/// Every network namespace that a process or thread is in, or that is mounted somewhere, in any
/// mount namespace that a process is in; each once, named ones first. One that is held by nothing
/// but an open file or socket can't be found. Processes that can't be seen are left out.
[[nodiscard]] std::vector<Network> all_networks();

/// A namespace by its name in /run/netns or, where there is none of that name, the one of a process
/// by number. ENOENT: there is neither.
[[nodiscard]] base::Result<NamespacePtr> network_named(const std::string& name);

/// The namespace that all_networks() found, through another file if the first one is gone. An error
/// says that it is not there any more.
[[nodiscard]] base::Result<NamespacePtr> open_network(const Network& network);

}  // namespace bpfdump::reader
