// SPDX-License-Identifier: Apache-2.0
#include "fsd/filesystem.h"

#include <fcntl.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cerrno>

#include "fsd/introspection.h"
#include "fsd/preflight.h"

namespace bpfdump::fsd {
namespace {

using base::fail;
using base::fail_errno;
using base::Result;

constexpr std::size_t kLongestName = 255;

Result<void> check_name(const std::string& name) {
  if (name.size() > kLongestName)
    return fail_errno(ENAMETOOLONG, "create a name of {} bytes", name.size());
  if (name.find('=') != std::string::npos)
    return fail(EINVAL, "a dumper's name has no '=': '{}'", name);
  return {};
}

}  // namespace

// --- The tree at start ---------------------------------------------------------------------------

Filesystem::Filesystem(const targets::Catalog& catalog, const config::Config& config, Store store,
                       reader::NamespaceEntry& entry)
    : catalog_(catalog),
      config_(config),
      own_directory_(tree_.add_directory(Tree::kRoot, ".bpfdump")),
      store_(std::move(store)),
      logs_(tree_, own_directory_),
      dumpers_(tree_, store_, logs_, entry, config.limits.dumpers) {}

Result<std::unique_ptr<Filesystem>> Filesystem::create(const targets::Catalog& catalog,
                                                       const config::Config& config, Store store,
                                                       reader::NamespaceEntry& entry) {
  std::unique_ptr<Filesystem> filesystem(new Filesystem(catalog, config, std::move(store), entry));
  if (auto built = filesystem->build(); !built) return base::Failure(built.error());
  return filesystem;
}

Result<void> Filesystem::build() {
  add_own_text("targets", [this] { return targets_text(catalog_); });
  add_own_text("dumpers", [this] { return dumpers_text(tree_); });
  add_own_text("version", version_text);
  for (const auto& [name, settings] : config_.targets) {
    if (catalog_.find(name) == nullptr)
      spdlog::warn("[target.{}]: this kernel has no such target, ignoring", name);
  }
  for (const auto& target : catalog_.targets()) {
    if (auto added = add_target(target); !added) return added;
  }
  add_nested_names();
  adopt_saved();
  return {};
}

Result<void> Filesystem::add_target(const targets::Target& target) {
  TargetSettings settings;
  if (const auto at = config_.targets.find(target.name); at != config_.targets.end()) {
    const config::Target& configured = at->second;
    if (!configured.enabled) return {};
    settings.mode = configured.mode.value_or(settings.mode);
    settings.in_callers_namespace = configured.in_callers_namespace;
    if (configured.group) {
      const auto group = group_number(*configured.group);
      if (!group) return fail(EINVAL, "[target.{}]: {}", target.name, group.error().message);
      settings.group = *group;
    }
  }
  auto directory = std::make_shared<const Directory>(Directory{&target, settings, {}});
  targets_[target.name] = tree_.add_directory(Tree::kRoot, target.name, std::move(directory));
  logs_.add_target(target.name);
  return {};
}

void Filesystem::add_nested_names() {
  for (const auto& target : catalog_.targets()) {
    const auto outer = targets_.find(std::string(target.known.nested_in));
    if (outer != targets_.end() && targets_.count(target.name) != 0)
      tree_.add_symlink(outer->second, std::string(target.known.nested_name), "../" + target.name);
  }
}

void Filesystem::adopt_saved() {
  const auto loaded = store_.load();
  if (!loaded) {
    spdlog::error("{}; the dumpers pinned there are not shown", loaded.error().message);
    return;
  }
  for (const auto& stray : loaded->strays) spdlog::warn("{}, ignoring it", stray);
  for (const auto& saved : loaded->dumpers) {
    if (auto adopted = adopt(saved); !adopted)
      spdlog::warn("{}: {}, ignoring its pin", saved.path.text(), adopted.error().message);
  }
}

Result<void> Filesystem::adopt(const Store::Saved& saved) {
  const auto at = targets_.find(saved.path.target);
  if (at == targets_.end()) return fail(ENOENT, "its target is not shown");
  if (saved.path.scope.empty()) return dumpers_.adopt(at->second, *directory_of(at->second), saved);
  auto directory = scope_in(at->second, saved.path.scope);
  if (!directory) return base::Failure(directory.error());
  const Ino ino = tree_.add_passing(at->second, saved.path.scope, *directory);
  return dumpers_.adopt(ino, *directory, saved);
}

// --- Names and attributes ------------------------------------------------------------------------

Result<std::shared_ptr<const Directory>> Filesystem::directory_of(Ino ino) const {
  const auto view = tree_.view(ino);
  if (!view || view->type != S_IFDIR || !view->directory)
    return fail(EPERM, "dumpers are created in a target's directory only");
  return view->directory;
}

// The directory that a name means in a target's own. ENOENT: it is no name of a scope.
Result<std::shared_ptr<const Directory>> Filesystem::scope_in(Ino parent,
                                                              const std::string& name) const {
  const auto outer = directory_of(parent);
  if (!outer || !(*outer)->scope.name.empty() || !targets::Scope::is_scope(name))
    return fail_errno(ENOENT, "look up '{}'", name);
  if (name.size() > kLongestName)
    return fail_errno(ENAMETOOLONG, "look up a name of {} bytes", name.size());
  auto scope = targets::Scope::parse(*(*outer)->target, name);
  if (!scope) return base::Failure(scope.error());
  return std::make_shared<const Directory>(
      Directory{(*outer)->target, (*outer)->settings, std::move(*scope)});
}

Result<Place> Filesystem::place_of(Ino ino) const {
  const auto view = tree_.view(ino);
  if (!view) return base::Failure(view.error());
  if (!view->directory || view->type != S_IFREG)
    return fail(EPERM, "'{}' belongs to bpfdumpd", view->name);
  return Place{view->directory, view->name, ino};
}

Result<struct stat> Filesystem::lookup(Ino parent, const std::string& name, uid_t user) {
  auto found = tree_.lookup(parent, name);
  if (found || found.error().code != ENOENT || !targets::Scope::is_scope(name)) return found;
  auto directory = scope_in(parent, name);
  if (directory) return tree_.lookup_passing(parent, name, std::move(*directory), user);
  if (directory.error().code == EINVAL) {
    const std::string& target = (*directory_of(parent))->target->name;
    logs_.write_scope(target, name,
                      fmt::format("{}/{}: {}\n", target, name, directory.error().message));
  }
  return base::Failure(directory.error());
}

bool Filesystem::is_pending(Ino ino) const {
  const auto view = tree_.view(ino);
  return !view || view->pending;
}

bool Filesystem::is_fleeting(Ino ino) const {
  const auto view = tree_.view(ino);
  return !view || view->pending || view->text;
}

Result<struct stat> Filesystem::change(Ino ino, const AttributeChanges& changes,
                                       std::optional<std::uint64_t> size, bool touches,
                                       Handle* handle) {
  const auto place = place_of(ino);
  if (!place) return base::Failure(place.error());
  if (size) {
    // truncate(2) by name: the program that is there stays until another one was written.
    const auto sized = handle != nullptr && handle->staging ? handle->staging->truncate(*size)
                       : *size == 0                         ? Result<void>()
                                                            : fail_errno(EINVAL, "resize a dumper");
    if (!sized) return base::Failure(sized.error());
  }
  // The kernel does not say through which open file: any that is about to create this name.
  if (touches) {
    const std::scoped_lock lock(mutex_);
    for (const auto& [number, open] : handles_) {
      if (open->ino == ino && open->staging) open->staging->touch();
    }
  }
  return dumpers_.change(*place, changes);
}

// --- Dumpers -------------------------------------------------------------------------------------

Result<Place> Filesystem::claim(Ino parent, const std::string& name, Owner owner) {
  const auto directory = directory_of(parent);
  if (!directory) return base::Failure(directory.error());
  if (auto checked = check_name(name); !checked) return base::Failure(checked.error());
  const TargetSettings& settings = (*directory)->settings;
  owner.gid = settings.group.value_or(owner.gid);
  const auto ino = tree_.claim(parent, name, settings.mode, owner);
  if (!ino) return base::Failure(ino.error());
  return Place{*directory, name, *ino};
}

Result<struct stat> Filesystem::mkdir(Ino parent, const std::string& name, Owner owner) {
  const auto place = claim(parent, name, owner);
  if (!place) return base::Failure(place.error());
  if (auto created = dumpers_.create_builtin(*place); !created) {
    tree_.withdraw(place->ino);
    return base::Failure(created.error());
  }
  return tree_.remember(Tree::face_of(place->ino));
}

Result<void> Filesystem::unlink(Ino parent, const std::string& name) {
  const auto directory = directory_of(parent);
  if (!directory) return base::Failure(directory.error());
  return dumpers_.remove(parent, **directory, name);
}

Result<void> Filesystem::rmdir(Ino parent, const std::string& name) {
  const auto directory = directory_of(parent);
  if (!directory) return fail(EPERM, "'{}' belongs to bpfdumpd", name);
  return tree_.remove_passing(parent, name);
}

// --- Open files ----------------------------------------------------------------------------------

std::unique_ptr<Staging> Filesystem::stage(bool replaces) const {
  return std::make_unique<Staging>(config_.limits.source_bytes, replaces);
}

// Each open file holds a descriptor and, once it was read, some memory.
Result<void> Filesystem::check_open_files(uid_t uid) const {
  const std::scoped_lock lock(mutex_);
  if (handles_.size() >= config_.limits.open_files)
    return fail(ENFILE, "open more than {} files; limits.open_files allows no more",
                config_.limits.open_files);
  const auto of_user = handles_per_uid_.find(uid);
  if (of_user != handles_per_uid_.end() && of_user->second >= config_.limits.open_files_per_uid)
    return fail(EMFILE, "open more than {} files; limits.open_files_per_uid allows no more",
                config_.limits.open_files_per_uid);
  return {};
}

std::uint64_t Filesystem::add_handle(std::shared_ptr<Handle> handle) {
  const std::scoped_lock lock(mutex_);
  ++handles_per_uid_[handle->uid];
  handles_.emplace(++last_handle_, std::move(handle));
  return last_handle_;
}

std::shared_ptr<Handle> Filesystem::handle(std::uint64_t number) const {
  const std::scoped_lock lock(mutex_);
  const auto at = handles_.find(number);
  return at == handles_.end() ? nullptr : at->second;
}

Result<Filesystem::Opened> Filesystem::create_file(Ino parent, const std::string& name,
                                                   const Caller& caller, int flags) {
  if ((flags & O_ACCMODE) == O_RDONLY)
    return fail(EINVAL, "create a dumper by writing its program, or by mkdir");
  if (auto allowed = check_open_files(caller.owner.uid); !allowed)
    return base::Failure(allowed.error());
  const auto place = claim(parent, name, caller.owner);
  if (!place) return base::Failure(place.error());
  auto handle = std::make_shared<Handle>();
  handle->ino = place->ino;
  handle->uid = caller.owner.uid;
  handle->may_load = caller.may_load;
  handle->staging = stage(true);
  const auto attributes = tree_.remember(place->ino);
  if (!attributes) return base::Failure(attributes.error());
  return Opened{add_handle(std::move(handle)), *attributes};
}

Result<Filesystem::Opened> Filesystem::open(Ino ino, const Caller& caller, int flags) {
  const auto view = tree_.view(ino);
  if (!view) return base::Failure(view.error());
  if (auto allowed = check_open_files(caller.owner.uid); !allowed)
    return base::Failure(allowed.error());
  auto handle = std::make_shared<Handle>();
  handle->ino = ino;
  handle->uid = caller.owner.uid;
  handle->may_load = caller.may_load;
  const bool reads = (flags & O_ACCMODE) != O_WRONLY;
  const bool writes = (flags & O_ACCMODE) != O_RDONLY;
  if (view->text) {
    if (writes) return fail(EPERM, "'{}' belongs to bpfdumpd", view->name);
    handle->make_text = view->text;
  } else if (view->removed) {
    return fail(ENOENT, "'{}' was removed", view->name);
  } else if (view->pending) {
    return fail(EBUSY, "'{}' is being created", view->name);
  }
  if (view->dumper && writes) handle->staging = stage((flags & O_TRUNC) != 0);
  bool must_begin = false;
  if (view->dumper && reads) {
    const Directory& directory = *view->directory;
    if (directory.settings.in_callers_namespace && directory.scope.netns.empty()) {
      auto where = reader::namespace_of(caller.thread, directory.target->known.namespace_kind);
      if (!where) return base::Failure(where.error());
      handle->where = std::move(*where);
    }
    handle->reader = view->dumper->reader;
    handle->settings = {.stall_timeout = config_.read.stall_timeout,
                        .ahead_bytes = config_.read.ahead_bytes};
    must_begin = directory.scope.netns == targets::Scope::kAllNetworks ||
                 (handle->where && handle->where->kind == targets::NamespaceKind::pid);
    if (!must_begin) {
      if (auto begun = begin(*handle); !begun) return base::Failure(begun.error());
    }
  }
  return Opened{add_handle(std::move(handle)), view->attributes, must_begin};
}

Result<void> Filesystem::begin(Handle& handle) {
  auto session = handle.reader->open(handle.settings, handle.where);
  if (!session) return base::Failure(session.error());
  handle.session.emplace(std::move(*session));
  return {};
}

Result<std::optional<std::span<const char>>> Filesystem::read(Handle& handle, std::uint64_t offset,
                                                              std::size_t size,
                                                              const std::stop_token& stop) {
  if (!handle.session) {
    if (!handle.make_text) return fail(EBUSY, "read a dumper that is being created");
    if (!handle.text) handle.text = handle.make_text();
    const std::span<const char> text(*handle.text);
    const auto rest = text.subspan(std::min<std::uint64_t>(offset, text.size()));
    return rest.first(std::min(size, rest.size()));
  }
  auto bytes = handle.session->read(offset, size, stop);
  if (bytes) {
    if (*bytes) handle.reader->count((*bytes)->size());
  } else {
    handle.reader->count(bytes.error());
    complain(handle, bytes.error());
  }
  return bytes;
}

// Once for each open file: a reader may try again as often as it likes.
void Filesystem::complain(Handle& handle, const base::Error& error) {
  if (error.code == EINTR || std::exchange(handle.complained, true)) return;
  if (const auto place = place_of(handle.ino))
    spdlog::warn("{}: {}", place->path().text(), error.message);
}

void Filesystem::read_ahead(Handle& handle) {
  if (handle.session && !handle.released.stop_requested())
    handle.session->read_ahead(handle.released.get_token());
}

Result<void> Filesystem::write(Handle& handle, std::uint64_t offset,
                               std::span<const std::byte> bytes) {
  if (!handle.staging) return fail_errno(EBADF, "write");
  if (!handle.may_load) handle.staging->note(handle.may_load.error());
  auto written = handle.may_load ? handle.staging->write(offset, bytes) : handle.may_load;
  if (written) return written;
  const auto place = place_of(handle.ino);
  return place ? dumpers_.refuse(*place, written.error()) : written;
}

Result<void> Filesystem::flush(Handle& handle) {
  if (!handle.staging) return {};
  const auto place = place_of(handle.ino);
  if (!place) return base::Failure(place.error());
  if (const auto failure = handle.staging->failure())
    handle.verdict = dumpers_.refuse(*place, *failure);
  else if (const auto bytes = handle.staging->take_bytes())
    handle.verdict = dumpers_.commit(*place, *bytes);
  else if (!handle.verdict && is_pending(handle.ino) && handle.staging->take_touch())
    handle.verdict = dumpers_.create_builtin(*place);
  else if (!handle.verdict && handle.staging->replaces())
    return dumpers_.refuse_empty(*place);  // this is not settled: bytes may follow
  else
    return handle.verdict.value_or(Result<void>());
  if (!*handle.verdict) tree_.withdraw(handle.ino);
  return *handle.verdict;
}

void Filesystem::release(std::uint64_t number) {
  const auto released = handle(number);
  if (!released) return;
  released->released.request_stop();
  if (released->staging) tree_.withdraw(released->ino);
  const std::scoped_lock lock(mutex_);
  if (handles_.erase(number) == 0) return;
  if (--handles_per_uid_[released->uid] == 0) handles_per_uid_.erase(released->uid);
}

}  // namespace bpfdump::fsd
