// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "fsd/tree.h"
#include "targets/catalog.h"

/// The texts of .bpfdump: tables with a header line, a row a line, columns by white space.
namespace bpfdump::fsd {

/// A row a target: name, context type, parameters, namespace, built-in or not, notes.
[[nodiscard]] std::string targets_text(const targets::Catalog& catalog);

/// A row a dumper: path, kind, program and link id, mode, owner, opens, bytes, last error. White
/// space in a path is written as in /proc/mounts: \040.
[[nodiscard]] std::string dumpers_text(const Tree& tree);

/// One line: the daemon's version and the kernel's.
[[nodiscard]] std::string version_text();

}  // namespace bpfdump::fsd
