// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/stat.h>

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "loader/iterator.h"

namespace bpfdump::fsd {

/// What outlives the daemon: each dumper is a pinned link PINS/TARGET/NAME in bpffs, and the pin's
/// mode, owner and times are the dumper's. PINS itself is for root alone. Thread-safe as long as
/// no two calls are about the same dumper.
class Store {
 public:
  /// Makes the directory where it is missing and takes it for this process: EBUSY where another
  /// daemon has it. It must lie in a bpffs.
  [[nodiscard]] static base::Result<Store> open(const std::string& pins);

  struct Saved {
    std::string target;
    std::string name;
    std::shared_ptr<const loader::Iterator> iterator;
    struct stat attributes;
  };
  struct Loaded {
    std::vector<Saved> dumpers;
    /// What is there and is no dumper, one message each; it is left alone.
    std::vector<std::string> strays;
  };
  /// All dumpers of an earlier life.
  [[nodiscard]] base::Result<Loaded> load() const;

  /// Saves a dumper: when this returns success, it survives the daemon.
  [[nodiscard]] base::Result<void> save(const std::string& target, const std::string& name,
                                        const loader::Iterator& iterator,
                                        const struct stat& attributes) const;
  [[nodiscard]] base::Result<void> save_attributes(const std::string& target,
                                                   const std::string& name,
                                                   const struct stat& attributes) const;
  [[nodiscard]] base::Result<void> forget(const std::string& target, const std::string& name) const;

  /// A dumper's name as bpffs takes it: no '.', at most 255 bytes. A name that gets too long is
  /// cut and ends in a hash; then `shortened` is set, and load() needs the name from elsewhere.
  [[nodiscard]] static std::string pin_name(const std::string& name, bool* shortened = nullptr);
  /// The name that pin_name() was given; empty if it cannot have been given one.
  [[nodiscard]] static std::string dumper_name(const std::string& pin_name);

 private:
  Store(std::string pins, base::UniqueFd lock) : pins_(std::move(pins)), lock_(std::move(lock)) {}

  void load_target(const std::string& target, Loaded& loaded) const;

  std::string pins_;
  base::UniqueFd lock_;  // the directory, locked while this lives
};

}  // namespace bpfdump::fsd
