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
  /// Where it was found.
  struct Place {
    std::string process;  ///< a number, or "self"
    std::string thread;   ///< that is in it; empty: it is mounted,
    std::string point;    ///< there, as the process sees it
  };
  std::vector<Place> places;
};

/// Every network namespace that a process or thread is in, or that is mounted in a mount namespace
/// of this user namespace that a process is in; each once, named ones first. Mounts that other
/// users made in user namespaces of their own are not looked at: they need not be what they seem,
/// and can be without end. What is held by nothing but those, an open file or a socket is not
/// found.
///
/// EACCES: a process can't be seen, so it is not known which namespaces there are; but for the
/// first process, which only says where the others come from.
[[nodiscard]] base::Result<std::vector<Network>> all_networks();

/// A namespace by its name in /run/netns or, where there is none of that name, the one of a process
/// by number. ENOENT: there is neither.
[[nodiscard]] base::Result<NamespacePtr> network_named(const std::string& name);

/// The namespace that all_networks() found. ENOENT: it is in none of its places any more.
[[nodiscard]] base::Result<NamespacePtr> open_network(const Network& network);

}  // namespace bpfdump::reader
