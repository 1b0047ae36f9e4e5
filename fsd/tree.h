// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/result.h"

namespace bpfdump::fsd {

struct Directory;
struct Dumper;

using Ino = std::uint64_t;

/// Who makes a name, as far as the name's attributes go.
struct Owner {
  uid_t uid = 0;
  gid_t gid = 0;
};

/// Changes to a file's attributes; what is not set stays.
struct AttributeChanges {
  std::optional<mode_t> mode;
  std::optional<uid_t> uid;
  std::optional<gid_t> gid;
  std::optional<timespec> atime;
  std::optional<timespec> mtime;
};

/// The names, inode numbers and attributes of the whole mount: the one place that lookup, getattr,
/// readdir and open ask. Every operation is short and waits for nothing but the tree's own lock.
/// Thread-safe.
///
/// A dumper's name goes through three states: *pending* from create to commit (found by name, not
/// listed), *published*, and *nameless* once removed or failed. A nameless inode stays until the
/// kernel forgets it. Numbers are never used twice.
///
/// A *passing* directory is there for as long as the kernel knows it or it has names, and is listed
/// while it has some that are. Scopes are such directories, of which there are endlessly many.
class Tree {
 public:
  static constexpr Ino kRoot = 1;

  /// Makes a text file's content when it is opened.
  using Text = std::function<std::string()>;

  Tree();

  // What the daemon itself puts there: at start, and log files later. An existing name is replaced.
  /// `directory`: it holds dumpers.
  Ino add_directory(Ino parent, const std::string& name,
                    std::shared_ptr<const Directory> directory = nullptr);
  Ino add_text(Ino parent, const std::string& name, mode_t mode, Text text);
  Ino add_symlink(Ino parent, const std::string& name, std::string target);
  void remove_text(Ino parent, const std::string& name);
  // The same in a passing directory of the parent, which is made where it is missing; or in the
  // parent itself where `directory` is empty. ENOTDIR: that name is something else, which stays.
  [[nodiscard]] base::Result<void> add_text_within(Ino parent, const std::string& directory,
                                                   const std::string& name, mode_t mode, Text text);
  void remove_text_within(Ino parent, const std::string& directory, const std::string& name);

  // Passing directories.
  /// The most that may be there without names by lookups of users other than root: of one, and of
  /// all. The kernel keeps a name until memory is short, and there are endlessly many. (It could be
  /// asked to forget one; but it waits for the directory then, and a daemon that is killed while it
  /// asks can't end.)
  static constexpr std::size_t kMostIdleOfUser = 4 * 1024;
  static constexpr std::size_t kMostIdle = 64 * 1024;
  /// lookup() by a user of a passing directory that holds dumpers; it is made where it is missing.
  /// ENFILE: there are too many already.
  [[nodiscard]] base::Result<struct stat> lookup_passing(Ino parent, const std::string& name,
                                                         std::shared_ptr<const Directory> directory,
                                                         uid_t user);
  /// Makes one, or finds it.
  [[nodiscard]] Ino add_passing(Ino parent, const std::string& name,
                                std::shared_ptr<const Directory> directory);
  /// Takes the name of an empty one, as a user's rmdir does. ENOTEMPTY: it has names; EPERM: it is
  /// none.
  [[nodiscard]] base::Result<void> remove_passing(Ino parent, const std::string& name);

  // Dumpers.
  /// Reserves a name: pending, a regular file. EEXIST, ENOENT where the directory is unknown.
  [[nodiscard]] base::Result<Ino> claim(Ino parent, const std::string& name, mode_t mode,
                                        Owner owner);
  /// Makes an inode a listed file that reads as `dumper`, or as another one than before. A nameless
  /// inode gets its name back. EEXIST where the name is taken, ENOENT where a user removed it.
  [[nodiscard]] base::Result<void> publish(Ino ino, std::shared_ptr<Dumper> dumper);
  /// Takes back the name of a pending inode; does nothing to others.
  void withdraw(Ino ino);
  /// Removes a dumper's name as a user's rm does. EPERM: it is one of the daemon's own.
  [[nodiscard]] base::Result<void> remove(Ino parent, const std::string& name);

  // What the kernel asks.
  [[nodiscard]] base::Result<struct stat> stat(Ino ino) const;
  /// Like stat() by name; the inode is then known to the kernel until forget().
  [[nodiscard]] base::Result<struct stat> lookup(Ino parent, const std::string& name);
  /// Like lookup() of an inode just made.
  [[nodiscard]] base::Result<struct stat> remember(Ino ino);
  void forget(Ino ino, std::uint64_t lookups);
  [[nodiscard]] base::Result<struct stat> change(Ino ino, const AttributeChanges& changes);
  [[nodiscard]] base::Result<std::string> readlink(Ino ino) const;

  /// One entry of a directory. `next` is where a later list() goes on behind it.
  struct Entry {
    std::string_view name;
    struct stat attributes;
    std::uint64_t next;
    bool is_dot = false;   // "." or ".."
    bool is_text = false;  // a text file, which the daemon may replace or remove at any time
  };
  /// Takes an entry, or returns false when it has no room for it.
  using Visitor = std::function<bool(const Entry&)>;
  /// Calls `visit` for the entries from `position` on (0: the first), until it returns false.
  /// Entries that stay are visited exactly once, whatever is created or removed meanwhile.
  [[nodiscard]] base::Result<void> list(Ino directory, std::uint64_t position,
                                        const Visitor& visit) const;
  /// Like list(), and a lookup() of each entry taken but "." and "..".
  [[nodiscard]] base::Result<void> list_and_lookup(Ino directory, std::uint64_t position,
                                                   const Visitor& visit);

  /// What an inode is, for those who open or write it.
  struct View {
    Ino parent;
    std::string name;
    mode_t type;  // S_IFDIR, S_IFREG or S_IFLNK
    struct stat attributes;
    std::shared_ptr<const Directory> directory;  // that holds dumpers: this one, or a file's
    Text text;                                   // of a text file
    std::shared_ptr<Dumper> dumper;              // of a published dumper
    bool pending;                                // claimed, or nameless for a failed commit
    bool removed;                                // by a user
  };
  [[nodiscard]] base::Result<View> view(Ino ino) const;
  [[nodiscard]] base::Result<View> child(Ino parent, const std::string& name) const;

  /// A published dumper, as it is shown in a list of all.
  struct Listed {
    std::string path;
    struct stat attributes;
    std::shared_ptr<Dumper> dumper;
  };
  /// All of them, in the order of paths.
  [[nodiscard]] std::vector<Listed> dumpers() const;

  /// mkdir(2) must be answered by a directory. The answer is the face of the new regular file: an
  /// inode number of its own, that no lookup ever gives.
  [[nodiscard]] static Ino face_of(Ino ino) { return ino | kFace; }
  [[nodiscard]] static bool is_face(Ino ino) { return (ino & kFace) != 0; }

 private:
  static constexpr Ino kFace = Ino{1} << 63;
  // An entry's position in a listing is its inode number; these two come before all numbers.
  static constexpr std::uint64_t kDot = 1;
  static constexpr std::uint64_t kDotDot = 2;

  enum class State { pending, published, nameless };

  struct Node {
    Ino parent = 0;
    std::string name;
    struct stat attributes = {};
    State state = State::published;
    std::uint64_t lookups = 0;
    bool removed = false;     // by a user: a commit that is under way must not bring it back
    std::string link_target;  // S_IFLNK
    Text text;                // S_IFREG of the daemon's
    std::shared_ptr<Dumper> dumper;
    std::map<std::string, Ino, std::less<>> names;  // S_IFDIR
    std::map<Ino, const std::string*> order;        // S_IFDIR: the same, as list() goes
    std::shared_ptr<const Directory> directory;     // S_IFDIR that holds dumpers
    bool passing = false;                           // S_IFDIR
    uid_t user = 0;                                 // who looked up a passing directory first
  };

  Ino add(Ino parent, const std::string& name, mode_t mode, Owner owner);
  Node* find(Ino ino);
  const Node* find(Ino ino) const;
  Node* find_child(Ino parent, std::string_view name);
  const Node* find_child(Ino parent, std::string_view name) const;
  bool takes_names(Ino parent) const;
  void link(Ino ino, Node& node);
  void unlink(Ino ino, Node& node);
  void drop_if_unused(Ino ino);
  void count_idle(uid_t user);
  void uncount_idle(uid_t user);
  Ino add_passing_locked(Ino parent, const std::string& name,
                         std::shared_ptr<const Directory> directory, uid_t user);
  Ino add_text_locked(Ino parent, const std::string& name, mode_t mode, Text text);
  void remove_text_locked(Ino parent, const std::string& name);
  bool is_listed(const Node& node) const;
  void collect_dumpers(const Node& directory, const std::string& prefix,
                       std::vector<Listed>& all) const;
  View view_of(const Node& node) const;
  base::Result<void> list_locked(Ino directory, std::uint64_t position, const Visitor& visit) const;

  mutable std::mutex mutex_;  // guards all below; with it nothing is called but list()'s visitor
  std::unordered_map<Ino, Node> nodes_;
  Ino last_ino_ = kDotDot;  // smaller ones are the root's, and positions in a listing
  // Passing directories without names by who looked them up, but root; and all of these.
  std::map<uid_t, std::size_t> idle_of_user_;
  std::size_t idle_ = 0;
};

}  // namespace bpfdump::fsd
