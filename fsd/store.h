// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/stat.h>

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "fsd/place.h"
#include "loader/iterator.h"

namespace bpfdump::fsd {

/// What outlives the daemon: each dumper is a pinned link PINS/TARGET/NAME or
/// PINS/TARGET/SCOPE/NAME in bpffs, and the pin's mode, owner and times are the dumper's. A scope
/// is its name and nothing else. PINS itself is for root alone. Thread-safe as long as no two calls
/// are about the same dumper or scope.
class Store {
 public:
  /// Makes the directory where it is missing and takes it for this process: EBUSY where another
  /// daemon has it. It must lie in a bpffs.
  [[nodiscard]] static base::Result<Store> open(const std::string& pins);

  struct Saved {
    DumperPath path;
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
  [[nodiscard]] base::Result<void> save(const DumperPath& path, const loader::Iterator& iterator,
                                        const struct stat& attributes) const;
  [[nodiscard]] base::Result<void> save_attributes(const DumperPath& path,
                                                   const struct stat& attributes) const;
  [[nodiscard]] base::Result<void> forget(const DumperPath& path) const;

  /// A dumper's or scope's name as bpffs takes it: no '.', at most 255 bytes. A name that gets too
  /// long is cut and ends in a hash; then `shortened` is set, and load() needs the name from
  /// elsewhere.
  [[nodiscard]] static std::string pin_name(const std::string& name, bool* shortened = nullptr);
  /// The name that pin_name() was given; empty if it cannot have been given one.
  [[nodiscard]] static std::string dumper_name(const std::string& pin_name);

 private:
  Store(std::string pins, base::UniqueFd lock) : pins_(std::move(pins)), lock_(std::move(lock)) {}

  void load_directory(const DumperPath& path, Loaded& loaded) const;
  void load_pin(const std::string& pin, const DumperPath& path, Loaded& loaded) const;
  std::string directory_of(const DumperPath& path) const;
  std::string pin_of(const DumperPath& path) const;

  std::string pins_;
  base::UniqueFd lock_;  // the directory, locked while this lives
};

}  // namespace bpfdump::fsd
