// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"
#include "base/unique_fd.h"
#include "loader/iterator.h"
#include "reader/namespace.h"
#include "reader/pid_helper.h"

namespace bpfdump::reader {

/// Creates iterator sessions where they show what their readers may see: an iterator looks at the
/// network namespace, or the pid namespace, of whoever creates it.
/// Source: Linux kernel/bpf/bpf_iter.c and kernel/bpf/task_iter.c, init_seq_private functions.
/// Thread-safe.
class NamespaceEntry {
 public:
  /// PidHelper::start().
  [[nodiscard]] base::Result<void> start_helper() { return helper_.start(); }

  /// Iterator::open() in that namespace. A network namespace is entered by a thread of its own,
  /// which ends with it; a pid namespace by the helper, which can take up to PidHelper::kPatience.
  [[nodiscard]] base::Result<base::UniqueFd> open(const loader::Iterator& iterator,
                                                  const NamespacePtr& where);

 private:
  PidHelper helper_;
};

}  // namespace bpfdump::reader
