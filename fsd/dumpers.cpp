// SPDX-License-Identifier: Apache-2.0
#include "fsd/dumpers.h"

#include <spdlog/spdlog.h>

#include <cerrno>

#include "loader/program.h"

namespace bpfdump::fsd {
namespace {

using base::fail;
using base::Result;

std::shared_ptr<Dumper> make_dumper(Kind kind, std::shared_ptr<const loader::Iterator> iterator) {
  auto reader = std::make_shared<reader::Dumper>([iterator] { return iterator->open(); });
  return std::make_shared<Dumper>(Dumper{kind, std::move(iterator), std::move(reader)});
}

std::string describe(const Place& place, Kind kind, const Result<void>& outcome) {
  const std::string subject =
      fmt::format("{}/{} ({})", place.target->name, place.name, to_string(kind));
  return outcome ? subject + ": loaded"
                 : fmt::format("{}: failed: {}", subject, outcome.error().message);
}

}  // namespace

Result<void> Dumpers::create_builtin(const Place& place) {
  loader::LoadLog log;
  const auto& builtin = place.target->known.builtin;
  if (builtin.empty()) {
    return report(
        place, Kind::builtin,
        fail(EOPNOTSUPP,
             "target '{0}' has no built-in program; copy one in: cp PROGRAM.bpf.o {0}/{1}",
             place.target->name, place.name),
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
  logs_.write(place.target->name, place.name, describe(place, Kind::object, outcome) + "\n");
  return base::Failure(error);
}

base::Failure Dumpers::refuse_empty(const Place& place) {
  return refuse(place,
                {ENOEXEC, "nothing was written; copy a BPF object, or create it with mkdir"});
}

Result<void> Dumpers::make(const Place& place, Kind kind, std::span<const std::byte> object,
                           loader::LoadLog& log) {
  const auto program = loader::Program::load(object, *place.target, place.name, log);
  if (!program) return base::Failure(program.error());
  const std::scoped_lock lock(mutex_);
  const auto view = tree_.view(place.ino);
  if (!view) return base::Failure(view.error());
  return view->dumper ? replace(place, kind, *view->dumper, *program)
                      : create(place, kind, *program);
}

Result<void> Dumpers::replace(const Place& place, Kind kind, const Dumper& old,
                              const loader::Program& program) {
  if (auto updated = old.iterator->update(program); !updated) return updated;
  return tree_.publish(place.ino, std::make_shared<Dumper>(Dumper{kind, old.iterator, old.reader}));
}

Result<void> Dumpers::create(const Place& place, Kind kind, const loader::Program& program) {
  if (count_ >= limit_)
    return fail(ENOSPC, "there are {} dumpers; limits.dumpers allows no more", count_);
  auto attached = loader::Iterator::attach(program, *place.target);
  if (!attached) return base::Failure(attached.error());
  const auto iterator = std::make_shared<const loader::Iterator>(std::move(*attached));

  const auto attributes = tree_.stat(place.ino);
  if (!attributes) return base::Failure(attributes.error());
  if (auto saved = store_.save(place.target->name, place.name, *iterator, *attributes); !saved)
    return saved;
  if (auto published = tree_.publish(place.ino, make_dumper(kind, iterator)); !published) {
    if (auto forgotten = store_.forget(place.target->name, place.name); !forgotten)
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
  logs_.write(place.target->name, place.name, line + "\n" + log.text());
  if (outcome)
    spdlog::info("{}", line);
  else
    spdlog::warn("{}", line);
  return outcome;
}

Result<void> Dumpers::remove(Ino directory, const targets::Target& target,
                             const std::string& name) {
  const std::scoped_lock lock(mutex_);
  const auto found = tree_.child(directory, name);
  if (!found) return base::Failure(found.error());
  if (found->dumper) {
    // A pin that someone else removed is no reason to keep the name.
    auto forgotten = store_.forget(target.name, name);
    if (!forgotten && forgotten.error().code != ENOENT) return forgotten;
  }
  if (auto removed = tree_.remove(directory, name); !removed) return removed;
  logs_.erase(target.name, name);
  if (found->dumper) {
    --count_;
    spdlog::info("{}/{}: removed", target.name, name);
  }
  return {};
}

Result<struct stat> Dumpers::change(const Place& place, const AttributeChanges& changes) {
  const std::scoped_lock lock(mutex_);
  const auto before = tree_.view(place.ino);
  if (!before) return base::Failure(before.error());
  auto changed = tree_.change(place.ino, changes);
  if (!changed || !before->dumper || before->removed) return changed;
  if (auto saved = store_.save_attributes(place.target->name, place.name, *changed); !saved) {
    const struct stat& old = before->attributes;
    if (auto undone = tree_.change(place.ino,
                                   {old.st_mode, old.st_uid, old.st_gid, old.st_atim, old.st_mtim});
        !undone)
      return undone;
    return base::Failure(saved.error());
  }
  return changed;
}

Result<void> Dumpers::adopt(Ino directory, const Store::Saved& saved) {
  const std::scoped_lock lock(mutex_);
  const struct stat& old = saved.attributes;
  const auto ino = tree_.claim(directory, saved.name, old.st_mode & 0777, {old.st_uid, old.st_gid});
  if (!ino) return base::Failure(ino.error());
  AttributeChanges times;
  times.atime = old.st_atim;
  times.mtime = old.st_mtim;
  if (auto changed = tree_.change(*ino, times); !changed) return base::Failure(changed.error());
  if (auto published = tree_.publish(*ino, make_dumper(Kind::adopted, saved.iterator)); !published)
    return published;
  ++count_;
  return {};
}

}  // namespace bpfdump::fsd
