// SPDX-License-Identifier: Apache-2.0
#include "fsd/tree.h"

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <utility>

namespace bpfdump::fsd {
namespace {

using base::fail_errno;
using base::Result;

timespec now() {
  timespec time{};
  clock_gettime(CLOCK_REALTIME, &time);
  return time;
}

void init_attributes(Ino ino, mode_t mode, Owner owner, struct stat& attributes) {
  attributes.st_ino = ino;
  attributes.st_mode = mode;
  attributes.st_nlink = S_ISDIR(mode) ? 2 : 1;
  attributes.st_uid = owner.uid;
  attributes.st_gid = owner.gid;
  attributes.st_blksize = 128 * 1024;  // what cat should read at a time
  attributes.st_atim = attributes.st_mtim = attributes.st_ctim = now();
}

base::Failure not_there() { return fail_errno(ENOENT, "look up a name"); }

}  // namespace

Tree::Tree() {
  Node root;
  root.parent = kRoot;
  root.attributes.st_ino = kRoot;
  root.attributes.st_mode = S_IFDIR | 0755;
  root.attributes.st_nlink = 2;
  root.attributes.st_atim = root.attributes.st_mtim = root.attributes.st_ctim = now();
  nodes_.emplace(kRoot, std::move(root));
}

Tree::Node* Tree::find(Ino ino) {
  const auto at = nodes_.find(ino & ~kFace);
  return at == nodes_.end() ? nullptr : &at->second;
}

const Tree::Node* Tree::find(Ino ino) const { return const_cast<Tree*>(this)->find(ino); }

Tree::Node* Tree::find_child(Ino parent, std::string_view name) {
  const Node* directory = is_face(parent) ? nullptr : find(parent);
  if (directory == nullptr) return nullptr;
  const auto at = directory->names.find(name);
  return at == directory->names.end() ? nullptr : find(at->second);
}

const Tree::Node* Tree::find_child(Ino parent, std::string_view name) const {
  return const_cast<Tree*>(this)->find_child(parent, name);
}

// Whether it is a directory's number: no face, and none that was removed and is only still known.
bool Tree::takes_names(Ino parent) const {
  const Node* directory = is_face(parent) ? nullptr : find(parent);
  return directory != nullptr && directory->state != State::nameless;
}

void Tree::link(Ino ino, Node& node) {
  Node& directory = *find(node.parent);
  if (directory.passing && directory.names.empty()) uncount_idle(directory.user);
  const auto at = directory.names.emplace(node.name, ino).first;
  directory.order.emplace(ino, &at->first);
  if (node.passing) return;  // nobody need notice
  directory.attributes.st_mtim = directory.attributes.st_ctim = now();
  if (S_ISDIR(node.attributes.st_mode)) ++directory.attributes.st_nlink;
}

void Tree::unlink(Ino ino, Node& node) {
  const Ino parent = node.parent;
  Node& directory = *find(parent);
  directory.order.erase(ino);
  directory.names.erase(node.name);
  if (!node.passing) directory.attributes.st_mtim = directory.attributes.st_ctim = now();
  if (directory.passing && directory.names.empty()) count_idle(directory.user);
  if (node.passing) uncount_idle(node.user);  // it has no names, or it would stay
  node.attributes.st_nlink = 0;
  node.state = State::nameless;
  drop_if_unused(ino);
  drop_if_unused(parent);
}

void Tree::count_idle(uid_t user) {
  if (user == 0) return;
  ++idle_;
  ++idle_of_user_[user];
}

void Tree::uncount_idle(uid_t user) {
  if (user == 0) return;
  --idle_;
  if (--idle_of_user_[user] == 0) idle_of_user_.erase(user);
}

// What nobody knows and nothing needs.
void Tree::drop_if_unused(Ino ino) {
  Node* node = find(ino);
  if (node == nullptr || node->lookups > 0) return;
  if (node->state == State::nameless)
    nodes_.erase(ino & ~kFace);
  else if (node->passing && node->names.empty())
    unlink(ino, *node);
}

Ino Tree::add(Ino parent, const std::string& name, mode_t mode, Owner owner) {
  const Ino ino = ++last_ino_;
  Node& node = nodes_[ino];
  node.parent = parent;
  node.name = name;
  init_attributes(ino, mode, owner, node.attributes);
  link(ino, node);
  return ino;
}

Ino Tree::add_directory(Ino parent, const std::string& name,
                        std::shared_ptr<const Directory> directory) {
  const std::scoped_lock lock(mutex_);
  const Ino ino = add(parent, name, S_IFDIR | 0755, Owner{});
  find(ino)->directory = std::move(directory);
  return ino;
}

Ino Tree::add_text(Ino parent, const std::string& name, mode_t mode, Text text) {
  const std::scoped_lock lock(mutex_);
  return add_text_locked(parent, name, mode, std::move(text));
}

Ino Tree::add_text_locked(Ino parent, const std::string& name, mode_t mode, Text text) {
  if (Node* old = find_child(parent, name)) unlink(old->attributes.st_ino, *old);
  const Ino ino = add(parent, name, S_IFREG | mode, Owner{});
  find(ino)->text = std::move(text);
  return ino;
}

Result<void> Tree::add_text_within(Ino parent, const std::string& directory,
                                   const std::string& name, mode_t mode, Text text) {
  const std::scoped_lock lock(mutex_);
  if (directory.empty()) {
    add_text_locked(parent, name, mode, std::move(text));
    return {};
  }
  const Node* there = find_child(parent, directory);
  if (there != nullptr && !there->passing) return fail_errno(ENOTDIR, "create '{}'", name);
  const Ino ino = add_passing_locked(parent, directory, nullptr, 0);
  ++find(ino)->lookups;  // it must not go with a text that is replaced
  add_text_locked(ino, name, mode, std::move(text));
  --find(ino)->lookups;
  return {};
}

void Tree::remove_text_within(Ino parent, const std::string& directory, const std::string& name) {
  const std::scoped_lock lock(mutex_);
  const Node* within = directory.empty() ? find(parent) : find_child(parent, directory);
  if (within != nullptr) remove_text_locked(within->attributes.st_ino, name);
}

Ino Tree::add_symlink(Ino parent, const std::string& name, std::string target) {
  const std::scoped_lock lock(mutex_);
  const Ino ino = add(parent, name, S_IFLNK | 0777, Owner{});
  Node& node = *find(ino);
  node.attributes.st_size = std::ssize(target);
  node.link_target = std::move(target);
  return ino;
}

void Tree::remove_text(Ino parent, const std::string& name) {
  const std::scoped_lock lock(mutex_);
  remove_text_locked(parent, name);
}

void Tree::remove_text_locked(Ino parent, const std::string& name) {
  Node* node = find_child(parent, name);
  if (node != nullptr && node->text) unlink(node->attributes.st_ino, *node);
}

Ino Tree::add_passing_locked(Ino parent, const std::string& name,
                             std::shared_ptr<const Directory> directory, uid_t user) {
  if (const Node* there = find_child(parent, name)) return there->attributes.st_ino;
  const Ino ino = ++last_ino_;
  Node& node = nodes_[ino];
  node.parent = parent;
  node.name = name;
  node.passing = true;
  node.directory = std::move(directory);
  init_attributes(ino, S_IFDIR | 0755, Owner{}, node.attributes);
  find(parent)->attributes.st_nlink = 1;  // "unknown", as Btrfs has it: they come and go
  node.user = user;
  count_idle(node.user);
  link(ino, node);
  return ino;
}

Ino Tree::add_passing(Ino parent, const std::string& name,
                      std::shared_ptr<const Directory> directory) {
  const std::scoped_lock lock(mutex_);
  return add_passing_locked(parent, name, std::move(directory), 0);
}

Result<struct stat> Tree::lookup_passing(Ino parent, const std::string& name,
                                         std::shared_ptr<const Directory> directory, uid_t user) {
  const std::scoped_lock lock(mutex_);
  const auto of_user = idle_of_user_.find(user);
  const bool too_many = user != 0 && (idle_ >= kMostIdle || (of_user != idle_of_user_.end() &&
                                                             of_user->second >= kMostIdleOfUser));
  if (too_many && find_child(parent, name) == nullptr)
    return base::fail(ENFILE, "look at so many scopes without dumpers at once");
  const Ino ino = add_passing_locked(parent, name, std::move(directory), user);
  Node& node = *find(ino);
  ++node.lookups;
  return node.attributes;
}

Result<void> Tree::remove_passing(Ino parent, const std::string& name) {
  const std::scoped_lock lock(mutex_);
  Node* node = find_child(parent, name);
  if (node == nullptr) return not_there();
  if (!node->passing) return base::fail(EPERM, "'{}' belongs to bpfdumpd", name);
  if (!node->names.empty()) return fail_errno(ENOTEMPTY, "remove '{}'", name);
  unlink(node->attributes.st_ino, *node);
  return {};
}

Result<Ino> Tree::claim(Ino parent, const std::string& name, mode_t mode, Owner owner) {
  const std::scoped_lock lock(mutex_);
  if (!takes_names(parent)) return not_there();
  if (find_child(parent, name) != nullptr) return fail_errno(EEXIST, "create '{}'", name);
  const Ino ino = add(parent, name, S_IFREG | mode, owner);
  find(ino)->state = State::pending;
  return ino;
}

Result<void> Tree::publish(Ino ino, std::shared_ptr<Dumper> dumper) {
  const std::scoped_lock lock(mutex_);
  Node* node = find(ino);
  if (node == nullptr || node->removed) return fail_errno(ENOENT, "create a file that was removed");
  if (node->state == State::nameless) {
    if (!takes_names(node->parent)) return not_there();
    if (find_child(node->parent, node->name) != nullptr)
      return fail_errno(EEXIST, "create '{}'", node->name);
    link(ino, *node);
    node->attributes.st_nlink = 1;
  }
  node->state = State::published;
  node->dumper = std::move(dumper);
  return {};
}

void Tree::withdraw(Ino ino) {
  const std::scoped_lock lock(mutex_);
  Node* node = find(ino);
  if (node != nullptr && node->state == State::pending) unlink(ino, *node);
}

Result<void> Tree::remove(Ino parent, const std::string& name) {
  const std::scoped_lock lock(mutex_);
  Node* node = find_child(parent, name);
  if (node == nullptr) return not_there();
  if (S_ISDIR(node->attributes.st_mode)) return fail_errno(EISDIR, "remove '{}'", name);
  if (S_ISLNK(node->attributes.st_mode) || node->text)
    return base::fail(EPERM, "'{}' belongs to bpfdumpd", name);
  node->dumper = nullptr;
  node->removed = true;
  unlink(node->attributes.st_ino, *node);
  return {};
}

Result<struct stat> Tree::stat(Ino ino) const {
  const std::scoped_lock lock(mutex_);
  const Node* node = find(ino);
  if (node == nullptr) return not_there();
  struct stat attributes = node->attributes;
  if (is_face(ino)) {
    attributes.st_ino = ino;
    attributes.st_mode = S_IFDIR | 0755;
    attributes.st_nlink = 2;
  }
  return attributes;
}

Result<struct stat> Tree::lookup(Ino parent, const std::string& name) {
  const std::scoped_lock lock(mutex_);
  Node* node = find_child(parent, name);
  if (node == nullptr) return not_there();
  ++node->lookups;
  return node->attributes;
}

Result<struct stat> Tree::remember(Ino ino) {
  {
    const std::scoped_lock lock(mutex_);
    Node* node = find(ino);
    if (node == nullptr) return not_there();
    ++node->lookups;
  }
  return stat(ino);
}

void Tree::forget(Ino ino, std::uint64_t lookups) {
  const std::scoped_lock lock(mutex_);
  Node* node = find(ino);
  if (node == nullptr) return;
  node->lookups -= std::min(lookups, node->lookups);
  drop_if_unused(ino & ~kFace);
}

Result<struct stat> Tree::change(Ino ino, const AttributeChanges& changes) {
  {
    const std::scoped_lock lock(mutex_);
    Node* node = find(ino);
    if (node == nullptr) return not_there();
    struct stat& attributes = node->attributes;
    if (!is_face(ino) && changes.mode)
      attributes.st_mode = (attributes.st_mode & S_IFMT) | (*changes.mode & 07777);
    if (changes.uid) attributes.st_uid = *changes.uid;
    if (changes.gid) attributes.st_gid = *changes.gid;
    if (changes.atime) attributes.st_atim = *changes.atime;
    if (changes.mtime) attributes.st_mtim = *changes.mtime;
    attributes.st_ctim = now();
  }
  return stat(ino);
}

Result<std::string> Tree::readlink(Ino ino) const {
  const std::scoped_lock lock(mutex_);
  const Node* node = find(ino);
  if (node == nullptr) return not_there();
  if (!S_ISLNK(node->attributes.st_mode)) return fail_errno(EINVAL, "read a link");
  return node->link_target;
}

bool Tree::is_listed(const Node& node) const {
  if (node.state == State::pending) return false;
  return !node.passing ||
         std::any_of(node.names.begin(), node.names.end(),
                     [this](const auto& entry) { return is_listed(*find(entry.second)); });
}

Result<void> Tree::list_locked(Ino directory, std::uint64_t position, const Visitor& visit) const {
  const Node* node = find(directory);
  if (node == nullptr) return not_there();
  if (!S_ISDIR(node->attributes.st_mode) && !is_face(directory))
    return fail_errno(ENOTDIR, "list a directory");
  if (position < kDot && !visit(Entry{".", node->attributes, kDot, true})) return {};
  if (position < kDotDot && !visit(Entry{"..", find(node->parent)->attributes, kDotDot, true}))
    return {};
  for (auto at = node->order.upper_bound(position); at != node->order.end(); ++at) {
    const Node& child = *find(at->first);
    if (!is_listed(child)) continue;
    if (!visit(Entry{*at->second, child.attributes, at->first, false, child.text != nullptr}))
      break;
  }
  return {};
}

Result<void> Tree::list(Ino directory, std::uint64_t position, const Visitor& visit) const {
  const std::scoped_lock lock(mutex_);
  return list_locked(directory, position, visit);
}

Result<void> Tree::list_and_lookup(Ino directory, std::uint64_t position, const Visitor& visit) {
  const std::scoped_lock lock(mutex_);
  return list_locked(directory, position, [&](const Entry& entry) {
    if (!visit(entry)) return false;
    if (!entry.is_dot) ++find(entry.attributes.st_ino)->lookups;
    return true;
  });
}

Tree::View Tree::view_of(const Node& node) const {
  const mode_t type = node.attributes.st_mode & S_IFMT;
  const Node* directory = type == S_IFDIR ? &node : find(node.parent);
  return View{node.parent,
              node.name,
              type,
              node.attributes,
              directory == nullptr ? nullptr : directory->directory,
              node.text,
              node.dumper,
              !node.dumper && !node.text && type == S_IFREG,
              node.removed};
}

Result<Tree::View> Tree::view(Ino ino) const {
  const std::scoped_lock lock(mutex_);
  const Node* node = find(ino);
  if (node == nullptr) return not_there();
  return view_of(*node);
}

Result<Tree::View> Tree::child(Ino parent, const std::string& name) const {
  const std::scoped_lock lock(mutex_);
  const Node* node = find_child(parent, name);
  if (node == nullptr) return not_there();
  return view_of(*node);
}

void Tree::collect_dumpers(const Node& directory, const std::string& prefix,
                           std::vector<Listed>& all) const {
  for (const auto& [name, ino] : directory.names) {
    const Node& node = *find(ino);
    if (node.dumper) all.push_back({prefix + name, node.attributes, node.dumper});
    if (node.directory) collect_dumpers(node, prefix + name + "/", all);
  }
}

std::vector<Tree::Listed> Tree::dumpers() const {
  const std::scoped_lock lock(mutex_);
  std::vector<Listed> all;
  collect_dumpers(*find(kRoot), "", all);
  return all;
}

}  // namespace bpfdump::fsd
