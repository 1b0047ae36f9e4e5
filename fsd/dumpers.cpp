// SPDX-License-Identifier: Apache-2.0
#include "fsd/dumpers.h"

#include <spdlog/spdlog.h>

#include <cerrno>

#include "loader/program.h"
#include "reader/networks.h"
#include "reader/source.h"

namespace bpfdump::fsd {
namespace {

using base::fail;
using base::Result;

std::string describe(const Place& place, Kind kind, const Result<void>& outcome) {
  const std::string subject = fmt::format("{} ({})", place.path().text(), to_string(kind));
  return outcome ? subject + ": loaded"
                 : fmt::format("{}: failed: {}", subject, outcome.error().message);
}

// A namespace need only be there when it is read, but one that never was is a mistake.
Result<void> check_network(const targets::Scope& scope) {
  if (scope.netns.empty() || scope.netns == targets::Scope::kAllNetworks) return {};
  const auto network = reader::network_named(scope.netns);
  return network ? Result<void>() : base::Failure(network.error());
}

}  // namespace

Result<void> Dumpers::create_builtin(const Place& place) {
  loader::LoadLog log;
  const auto& builtin = place.target().known.builtin;
  if (builtin.empty()) {
    return report(
        place, Kind::builtin,
        fail(EOPNOTSUPP, "target '{}' has no built-in program; copy one in: cp PROGRAM.bpf.o {}",
             place.target().name, place.path().text()),
        log);
  }
  return report(place, Kind::builtin, make(place, Kind::builtin, builtin, log), log);
}

Result<void> Dumpers::commit(const Place& place, std::span<const std::byte> object) {
  loader::LoadLog log;
  return report(place, Kind::object, make(place, Kind::object, object, log), log);
}

base::Failure Dumpers::refuse(const Place& place, const base::Error& error) {
  const Result<void> outcome = base::Failure(error);
  // Not for the daemon's log: shells close a copy of the file before they write, each time.
  logs_.write(place.path(), describe(place, Kind::object, outcome) + "\n");
  return base::Failure(error);
}

base::Failure Dumpers::refuse_empty(const Place& place) {
  return refuse(place,
                {ENOEXEC, "nothing was written; copy a BPF object, or create it with mkdir"});
}

Result<void> Dumpers::make(const Place& place, Kind kind, std::span<const std::byte> object,
                           loader::LoadLog& log) {
  const auto program =
      loader::Program::load(object, place.target(), place.name, place.scope().variables, log);
  if (!program) return base::Failure(program.error());
  const std::scoped_lock lock(mutex_);
  const auto view = tree_.view(place.ino);
  if (!view) return base::Failure(view.error());
  return view->dumper ? replace(place, kind, *view->dumper, *program)
                      : create(place, kind, *program);
}

Result<std::shared_ptr<Dumper>> Dumpers::make_dumper(
    const Directory& directory, Kind kind,
    const std::shared_ptr<const loader::Iterator>& iterator) {
  auto begin =
      reader::begin_of(iterator, kind == Kind::builtin, *directory.target, directory.scope, entry_);
  if (!begin) return base::Failure(begin.error());
  return std::make_shared<Dumper>(
      Dumper{kind, iterator, std::make_shared<reader::Dumper>(std::move(*begin))});
}

Result<void> Dumpers::replace(const Place& place, Kind kind, const Dumper& old,
                              const loader::Program& program) {
  auto begin =
      reader::begin_of(old.iterator, kind == Kind::builtin, place.target(), place.scope(), entry_);
  if (!begin) return base::Failure(begin.error());
  if (auto replaced =
          old.reader->replace([&] { return old.iterator->update(program); }, std::move(*begin));
      !replaced)
    return replaced;
  return tree_.publish(place.ino, std::make_shared<Dumper>(Dumper{kind, old.iterator, old.reader}));
}

Result<void> Dumpers::create(const Place& place, Kind kind, const loader::Program& program) {
  if (count_ >= limit_)
    return fail(ENOSPC, "there are {} dumpers; limits.dumpers allows no more", count_);
  if (auto checked = check_network(place.scope()); !checked) return checked;
  auto attached = loader::Iterator::attach(program, place.target(), place.scope());
  if (!attached) return base::Failure(attached.error());
  const auto iterator = std::make_shared<const loader::Iterator>(std::move(*attached));
  const auto dumper = make_dumper(*place.directory, kind, iterator);
  if (!dumper) return base::Failure(dumper.error());

  const auto attributes = tree_.stat(place.ino);
  if (!attributes) return base::Failure(attributes.error());
  if (auto saved = store_.save(place.path(), *iterator, *attributes); !saved) return saved;
  if (auto published = tree_.publish(place.ino, *dumper); !published) {
    if (auto forgotten = store_.forget(place.path()); !forgotten)
      spdlog::error("{}", forgotten.error().message);
    return published;
  }
  ++count_;
  return {};
}

// What a person can read afterwards: the whole story in the log book, a line in the daemon's log.
Result<void> Dumpers::report(const Place& place, Kind kind, Result<void> outcome,
                             const loader::LoadLog& log) {
  const std::string line = describe(place, kind, outcome);
  logs_.write(place.path(), line + "\n" + log.text());
  if (outcome)
    spdlog::info("{}", line);
  else
    spdlog::warn("{}", line);
  return outcome;
}

Result<void> Dumpers::remove(Ino ino, const Directory& directory, const std::string& name) {
  const std::scoped_lock lock(mutex_);
  const auto found = tree_.child(ino, name);
  if (!found) return base::Failure(found.error());
  const DumperPath path = {directory.target->name, directory.scope.name, name};
  if (found->dumper) {
    // A pin that someone else removed is no reason to keep the name.
    auto forgotten = store_.forget(path);
    if (!forgotten && forgotten.error().code != ENOENT) return forgotten;
  }
  if (auto removed = tree_.remove(ino, name); !removed) return removed;
  logs_.erase(path);
  if (found->dumper) {
    --count_;
    spdlog::info("{}: removed", path.text());
  }
  return {};
}

Result<struct stat> Dumpers::change(const Place& place, const AttributeChanges& changes) {
  const std::scoped_lock lock(mutex_);
  const auto before = tree_.view(place.ino);
  if (!before) return base::Failure(before.error());
  auto changed = tree_.change(place.ino, changes);
  if (!changed || !before->dumper || before->removed) return changed;
  if (auto saved = store_.save_attributes(place.path(), *changed); !saved) {
    const struct stat& old = before->attributes;
    if (auto undone = tree_.change(place.ino,
                                   {old.st_mode, old.st_uid, old.st_gid, old.st_atim, old.st_mtim});
        !undone)
      return undone;
    return base::Failure(saved.error());
  }
  return changed;
}

Result<void> Dumpers::adopt(Ino directory_ino, const std::shared_ptr<const Directory>& directory,
                            const Store::Saved& saved) {
  const std::scoped_lock lock(mutex_);
  const struct stat& old = saved.attributes;
  // The kernel keeps no more than this of what a dumper was made from.
  const auto program = saved.iterator->program_name();
  if (!program) return base::Failure(program.error());
  const Kind kind = reader::is_builtin(*program, *directory->target) ? Kind::builtin : Kind::object;
  const auto dumper = make_dumper(*directory, kind, saved.iterator);
  if (!dumper) return base::Failure(dumper.error());
  const auto ino =
      tree_.claim(directory_ino, saved.path.name, old.st_mode & 0777, {old.st_uid, old.st_gid});
  if (!ino) return base::Failure(ino.error());
  AttributeChanges times;
  times.atime = old.st_atim;
  times.mtime = old.st_mtim;
  if (auto changed = tree_.change(*ino, times); !changed) return base::Failure(changed.error());
  if (auto published = tree_.publish(*ino, *dumper); !published) return published;
  ++count_;
  return {};
}

}  // namespace bpfdump::fsd
