// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <list>
#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "fsd/tree.h"

namespace bpfdump::fsd {

/// .bpfdump/log: what the last attempt to create or replace each dumper said. Bounded: the oldest
/// logs give way to new ones. Thread-safe; takes the tree's lock after its own.
class LogBook {
 public:
  static constexpr std::size_t kMostBytes = 32 << 20;

  /// Borrows the tree; makes the directory "log" in `parent`.
  LogBook(Tree& tree, Ino parent) : tree_(tree), directory_(tree.add_directory(parent, "log")) {}

  void add_target(const std::string& target);
  /// Puts down a log in place of an earlier one of that dumper.
  void write(const std::string& target, const std::string& name, std::string text);
  void erase(const std::string& target, const std::string& name);

 private:
  using Key = std::pair<std::string, std::string>;
  struct Page {
    Key key;
    std::size_t bytes;
  };

  void erase_locked(const Key& key);

  Tree& tree_;
  const Ino directory_;
  std::mutex mutex_;  // guards all below
  std::map<std::string, Ino> directories_;
  std::list<Page> pages_;  // the oldest first
  std::map<Key, std::list<Page>::iterator> index_;
  std::size_t bytes_ = 0;
};

}  // namespace bpfdump::fsd
