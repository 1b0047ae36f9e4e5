// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "loader/iterator.h"
#include "reader/dumper.h"
#include "reader/namespace_entry.h"
#include "targets/catalog.h"
#include "targets/scope.h"

namespace bpfdump::reader {

/// How a dumper's sessions begin: in the namespaces that its scope or else its reader asks for, and
/// with its records turned into text where they are not text already. `program` is the name of the
/// one that it runs. Borrows `entry`, which must outlive what is returned.
///
/// "netns=all" gives a session with an iterator for each network namespace, and with the built-in
/// program begins each line with the namespace's label.
[[nodiscard]] base::Result<Dumper::Begin> begin_of(
    const std::shared_ptr<const loader::Iterator>& iterator, const std::string& program,
    const targets::Target& target, const targets::Scope& scope, NamespaceEntry& entry);

/// Whether a program of that name is a target's built-in one. These are called bpfdump_TARGET, as
/// far as the kernel keeps a name; what they print is known.
[[nodiscard]] bool is_builtin(std::string_view program);

}  // namespace bpfdump::reader
