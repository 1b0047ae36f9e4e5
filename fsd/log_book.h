// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <list>
#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "fsd/place.h"
#include "fsd/tree.h"

namespace bpfdump::fsd {

/// .bpfdump/log: what the last attempt to create or replace each dumper said, and why a scope is
/// none. Bounded: the oldest logs give way to new ones. Thread-safe; takes the tree's lock after
/// its own.
class LogBook {
 public:
  static constexpr std::size_t kMostBytes = 32 << 20;
  /// Anybody can ask for names that are no scopes: they are not to drive out the logs of dumpers.
  static constexpr std::size_t kMostScopes = 256;

  /// Borrows the tree; makes the directory "log" in `parent`.
  LogBook(Tree& tree, Ino parent) : tree_(tree), directory_(tree.add_directory(parent, "log")) {}

  void add_target(const std::string& target);
  /// Puts down a log in place of an earlier one of that dumper.
  void write(const DumperPath& path, std::string text);
  void erase(const DumperPath& path);
  /// Puts down why a name is no scope of a target.
  void write_scope(const std::string& target, const std::string& scope, std::string text);

 private:
  struct Page {
    DumperPath path;
    std::size_t bytes;
  };

  void erase_locked(const DumperPath& path);

  Tree& tree_;
  const Ino directory_;
  std::mutex mutex_;  // guards all below
  std::map<std::string, Ino> directories_;
  std::list<Page> pages_;  // the oldest first
  std::map<DumperPath, std::list<Page>::iterator> index_;
  std::size_t bytes_ = 0;
  std::list<std::pair<std::string, std::string>> scopes_;  // target and name, the oldest first
};

}  // namespace bpfdump::fsd
