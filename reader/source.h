// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "loader/iterator.h"
#include "reader/dumper.h"
#include "reader/namespace_entry.h"
#include "targets/catalog.h"
#include "targets/scope.h"

namespace bpfdump::reader {

/// How a dumper's sessions begin: in the namespaces that its scope or else its reader asks for, and
/// with its records turned into text where they are not text already. `is_builtin`: it runs its
/// target's built-in program, of which it is known what that prints. Borrows `entry`, which must
/// outlive what is returned.
///
/// "netns=all" gives a session with an iterator for each network namespace, and with the built-in
/// program begins each line with the namespace's label.
[[nodiscard]] base::Result<Dumper::Begin> begin_of(
    const std::shared_ptr<const loader::Iterator>& iterator, bool is_builtin,
    const targets::Target& target, const targets::Scope& scope, NamespaceEntry& entry);

/// Whether a pinned program of that name is its target's built-in one: these are called
/// bpfdump_TARGET, as far as the kernel keeps a name.
[[nodiscard]] bool is_builtin(const std::string& program, const targets::Target& target);

}  // namespace bpfdump::reader
