// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/stat.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <unordered_map>

#include "base/result.h"
#include "config/config.h"
#include "fsd/dumpers.h"
#include "fsd/log_book.h"
#include "fsd/staging.h"
#include "fsd/store.h"
#include "fsd/tree.h"
#include "reader/namespace_entry.h"
#include "reader/session.h"
#include "targets/catalog.h"

namespace bpfdump::fsd {

/// One open file. Shared by the requests that are about it; read(),
/// read_ahead() and flush() of one handle must not run at the same time.
struct Handle {
  Ino ino;
  uid_t uid;                                  // who opened it
  Tree::Text make_text;                       // a text file ...
  std::optional<std::string> text;            // ... as it was at the first read
  std::shared_ptr<reader::Dumper> reader;     // a dumper that is read ...
  reader::NamespacePtr where;                 // ... from there
  reader::Session::Settings settings;         // ... in this way
  std::optional<reader::Session> session;     // ... and how far it was read
  bool complained = false;                    // a failed read was logged
  std::stop_source released;                  // nobody will read on
  base::Result<void> may_load;                // whether the one who opened it may write
  std::unique_ptr<Staging> staging;           // a dumper that is written ...
  std::optional<base::Result<void>> verdict;  // ... and what its last commit came to
};

/// The file system without FUSE: what each operation of docs/bpfdumpd.8 does. Thread-safe. Only
/// mkdir(), begin(), flush(), read() and read_ahead() may take long; all others never wait.
class Filesystem {
 public:
  /// Builds the tree and adopts the store's dumpers; what can't be adopted is logged. Borrows
  /// all but the store. EINVAL: the config names an unknown group. A target that this kernel lacks
  /// is only warned about.
  [[nodiscard]] static base::Result<std::unique_ptr<Filesystem>> create(
      const targets::Catalog& catalog, const config::Config& config, Store store,
      reader::NamespaceEntry& entry);

  /// Adds a text file to .bpfdump. What `text` uses must outlive the file system's requests.
  void add_own_text(const std::string& name, Tree::Text text) {
    tree_.add_text(own_directory_, name, 0444, std::move(text));
  }

  // Names and attributes.
  /// Also of a scope that nobody has looked up before. EINVAL: the name is none of its target's.
  [[nodiscard]] base::Result<struct stat> lookup(Ino parent, const std::string& name,
                                                 uid_t user = 0);
  void forget(Ino ino, std::uint64_t lookups) { tree_.forget(ino, lookups); }
  [[nodiscard]] base::Result<struct stat> stat(Ino ino) const { return tree_.stat(ino); }
  /// `handle` may be null: it is known for ftruncate(2) only. `touches`: the times are set to now,
  /// as touch does.
  [[nodiscard]] base::Result<struct stat> change(Ino ino, const AttributeChanges& changes,
                                                 std::optional<std::uint64_t> size, bool touches,
                                                 Handle* handle);
  [[nodiscard]] base::Result<std::string> readlink(Ino ino) const { return tree_.readlink(ino); }
  [[nodiscard]] base::Result<void> list(Ino directory, std::uint64_t position,
                                        const Tree::Visitor& visit) const {
    return tree_.list(directory, position, visit);
  }
  [[nodiscard]] base::Result<void> list_and_lookup(Ino directory, std::uint64_t position,
                                                   const Tree::Visitor& visit) {
    return tree_.list_and_lookup(directory, position, visit);
  }
  /// Whether a name is not a dumper yet.
  [[nodiscard]] bool is_pending(Ino ino) const;
  /// Whether a name may mean something else at any time, without the kernel having a part in it:
  /// a pending one, or one of the daemon's own texts.
  [[nodiscard]] bool is_fleeting(Ino ino) const;

  // Dumpers.
  /// The answer is the new dumper's face, a directory; see Tree::face_of().
  [[nodiscard]] base::Result<struct stat> mkdir(Ino parent, const std::string& name, Owner owner);
  [[nodiscard]] base::Result<void> unlink(Ino parent, const std::string& name);
  /// Forgets an empty scope.
  [[nodiscard]] base::Result<void> rmdir(Ino parent, const std::string& name);

  // Open files. A handle's number is valid until release().
  struct Opened {
    std::uint64_t handle;
    struct stat attributes;
    bool must_begin = false;  // begin() comes before all else
  };
  /// Who opens a file, decided then for all that is done with it.
  struct Caller {
    Owner owner;
    base::Result<void> may_load;  // see may_load_programs()
    pid_t thread = 0;             // as the daemon sees it; 0: it does not
  };
  [[nodiscard]] base::Result<Opened> create_file(Ino parent, const std::string& name,
                                                 const Caller& caller, int flags);
  [[nodiscard]] base::Result<Opened> open(Ino ino, const Caller& caller, int flags);
  /// What open() does not do because it may take long: enters other namespaces than one of the
  /// network.
  [[nodiscard]] base::Result<void> begin(Handle& handle);
  [[nodiscard]] std::shared_ptr<Handle> handle(std::uint64_t number) const;
  /// As Session::read(). The bytes are valid until the handle's next read.
  [[nodiscard]] base::Result<std::optional<std::span<const char>>> read(
      Handle& handle, std::uint64_t offset, std::size_t size, const std::stop_token& stop);
  /// Produces what the handle's next read will want; the last read's bytes stay valid.
  void read_ahead(Handle& handle);
  /// EPERM: the caller may not have programs loaded; else as Staging::write().
  [[nodiscard]] base::Result<void> write(Handle& handle, std::uint64_t offset,
                                         std::span<const std::byte> bytes);
  /// Commits what was written since the last flush; without news, the last commit's outcome. While
  /// nothing was ever written to a new or truncated file it is ENOEXEC, so that cp of an empty file
  /// fails; shells, which close a copy of the file before they write, don't look at that answer.
  [[nodiscard]] base::Result<void> flush(Handle& handle);
  void release(std::uint64_t number);

 private:
  Filesystem(const targets::Catalog& catalog, const config::Config& config, Store store,
             reader::NamespaceEntry& entry);

  base::Result<void> build();
  base::Result<void> add_target(const targets::Target& target);
  void add_nested_names();
  void adopt_saved();
  base::Result<void> adopt(const Store::Saved& saved);
  base::Result<std::shared_ptr<const Directory>> directory_of(Ino ino) const;
  base::Result<std::shared_ptr<const Directory>> scope_in(Ino parent,
                                                          const std::string& name) const;
  base::Result<Place> claim(Ino parent, const std::string& name, Owner owner);
  base::Result<Place> place_of(Ino ino) const;
  void complain(Handle& handle, const base::Error& error);
  base::Result<void> check_open_files(uid_t uid) const;
  std::uint64_t add_handle(std::shared_ptr<Handle> handle);
  std::unique_ptr<Staging> stage(bool replaces) const;

  const targets::Catalog& catalog_;
  const config::Config& config_;
  Tree tree_;
  const Ino own_directory_;  // .bpfdump
  Store store_;
  LogBook logs_;
  Dumpers dumpers_;
  std::map<std::string, Ino> targets_;  // their directories; fixed after build()
  mutable std::mutex mutex_;            // guards all below
  std::unordered_map<std::uint64_t, std::shared_ptr<Handle>> handles_;
  std::unordered_map<uid_t, std::uint32_t> handles_per_uid_;
  std::uint64_t last_handle_ = 0;
};

}  // namespace bpfdump::fsd
