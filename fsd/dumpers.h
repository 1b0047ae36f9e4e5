// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>

#include "base/result.h"
#include "fsd/dumper.h"
#include "fsd/log_book.h"
#include "fsd/place.h"
#include "fsd/store.h"
#include "fsd/tree.h"
#include "reader/namespace_entry.h"

namespace bpfdump::fsd {

/// The way of a cp: bytes -> loader -> store -> tree. What it reports done is saved and visible,
/// what it reports failed has changed nothing; either way the log book says what happened.
/// Thread-safe; loading, which may take long, holds no lock.
class Dumpers {
 public:
  /// Borrows all four.
  Dumpers(Tree& tree, Store& store, LogBook& logs, reader::NamespaceEntry& entry,
          std::uint32_t limit)
      : tree_(tree), store_(store), logs_(logs), entry_(entry), limit_(limit) {}

  /// Makes a claimed inode a dumper with its target's built-in program. EOPNOTSUPP without one.
  [[nodiscard]] base::Result<void> create_builtin(const Place& place);

  /// Makes a claimed inode a dumper with the user's object, or gives an existing dumper a new
  /// program. Errors: as loader::Program::load(); ENOSPC: there are too many dumpers.
  [[nodiscard]] base::Result<void> commit(const Place& place, std::span<const std::byte> object);

  /// Puts down why an attempt came to nothing before there was a program to look at, and fails with
  /// that. ENOEXEC: a file was closed without any content.
  [[nodiscard]] base::Failure refuse(const Place& place, const base::Error& error);
  [[nodiscard]] base::Failure refuse_empty(const Place& place);

  /// `ino` is the directory's.
  [[nodiscard]] base::Result<void> remove(Ino ino, const Directory& directory,
                                          const std::string& name);

  /// Changes a dumper's attributes in the tree and, if it is published, in the store.
  [[nodiscard]] base::Result<struct stat> change(const Place& place,
                                                 const AttributeChanges& changes);

  /// Puts a dumper of an earlier life into the tree, in the directory with that inode.
  [[nodiscard]] base::Result<void> adopt(Ino ino, const std::shared_ptr<const Directory>& directory,
                                         const Store::Saved& saved);

 private:
  base::Result<void> make(const Place& place, Kind kind, std::span<const std::byte> object,
                          loader::LoadLog& log);
  base::Result<void> replace(const Place& place, Kind kind, const Dumper& old,
                             const loader::Program& program);
  base::Result<void> create(const Place& place, Kind kind, const loader::Program& program);
  base::Result<std::shared_ptr<Dumper>> make_dumper(
      const Directory& directory, Kind kind,
      const std::shared_ptr<const loader::Iterator>& iterator);
  base::Result<void> report(const Place& place, Kind kind, base::Result<void> outcome,
                            const loader::LoadLog& log);

  Tree& tree_;
  Store& store_;
  LogBook& logs_;
  reader::NamespaceEntry& entry_;
  const std::uint32_t limit_;
  std::mutex mutex_;  // store and tree change together; taken before the tree's and log book's
  std::uint32_t count_ = 0;
};

}  // namespace bpfdump::fsd
