// SPDX-License-Identifier: Apache-2.0
#include "fsd/store.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <filesystem>
#include <tuple>

namespace bpfdump::fsd {
namespace {

namespace fs = std::filesystem;
using base::fail;
using base::fail_errno;
using base::Result;

constexpr std::size_t kLongestName = 255;  // of an entry in bpffs
constexpr std::size_t kHashLength = 16;

// A name whose pin had to be shortened stands in a symlink beside the pin.
constexpr char kShortened = '~';
constexpr std::string_view kNameLink = "~name";
// A pin that does not have its attributes yet.
constexpr std::string_view kUnfinished = "~new";

std::uint64_t fnv1a(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

Result<void> make_private_directory(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
    return fail_errno(errno, "make directory '{}'", path);
  return {};
}

// Saves the name of a pin or directory that had to be shortened; before that is made, so that it
// always has one.
Result<void> save_name(const std::string& entry, const std::string& name) {
  const std::string link = entry + std::string(kNameLink);
  if (::symlink(name.c_str(), link.c_str()) != 0 && errno != EEXIST)
    return fail_errno(errno, "save the name of '{}'", entry);
  return {};
}

// A name without what it names means nothing, and the next start removes it: not worth an error.
void forget_name(const std::string& entry) { ::unlink((entry + std::string(kNameLink)).c_str()); }

// The name of an entry in bpffs, by itself or in its symlink; empty if it has none.
std::string read_name(const fs::path& entry) {
  std::string name = Store::dumper_name(entry.filename());
  if (!name.empty()) return name;
  std::error_code error;
  return fs::read_symlink(entry.string() + std::string(kNameLink), error).string();
}

Result<void> set_attributes(const std::string& path, const struct stat& attributes) {
  const std::array<timespec, 2> times = {attributes.st_atim, attributes.st_mtim};
  if (::lchown(path.c_str(), attributes.st_uid, attributes.st_gid) != 0 ||
      ::chmod(path.c_str(), attributes.st_mode & 07777) != 0 ||
      ::utimensat(AT_FDCWD, path.c_str(), times.data(), AT_SYMLINK_NOFOLLOW) != 0)
    return fail_errno(errno, "save the attributes of pin '{}'", path);
  return {};
}

}  // namespace

std::string Store::pin_name(const std::string& name, bool* shortened) {
  std::string encoded;
  for (const char c : name) {
    if (c == '.' || c == '%' || c == kShortened)
      encoded += fmt::format("%{:02x}", static_cast<unsigned char>(c));
    else
      encoded += c;
  }
  const bool too_long = encoded.size() > kLongestName - kNameLink.size();
  if (shortened != nullptr) *shortened = too_long;
  if (!too_long) return encoded;
  encoded.resize(kLongestName - kNameLink.size() - kHashLength - 1);
  return fmt::format("{}{}{:016x}", encoded, kShortened, fnv1a(name));
}

std::string Store::dumper_name(const std::string& pin_name) {
  std::string name;
  for (std::size_t at = 0; at < pin_name.size(); ++at) {
    if (pin_name[at] == kShortened) return {};
    if (pin_name[at] != '%') {
      name += pin_name[at];
      continue;
    }
    unsigned value = 0;
    const char* digits = pin_name.data() + at + 1;
    const char* end = pin_name.data() + std::min(at + 3, pin_name.size());
    if (std::from_chars(digits, end, value, 16).ptr != digits + 2) return {};
    name += static_cast<char>(value);
    at += 2;
  }
  if (Store::pin_name(name) != pin_name) return {};  // one name, one pin
  return name;
}

Result<Store> Store::open(const std::string& pins) {
  if (auto made = make_private_directory(pins); !made) return base::Failure(made.error());
  base::UniqueFd lock(::open(pins.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!lock.valid()) return fail_errno(errno, "open directory '{}'", pins);
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK)
      return fail(
          EBUSY,
          "pins '{}' are in use by another bpfdumpd; wait until it has ended, or give this one "
          "--pins of its own",
          pins);
    return fail_errno(errno, "lock directory '{}'", pins);
  }
  return Store(pins, std::move(lock));
}

Result<Store::Loaded> Store::load() const {
  Loaded loaded;
  std::error_code error;
  for (fs::directory_iterator at(pins_, error), end; !error && at != end; at.increment(error)) {
    std::error_code ignored;  // a stray symlink may lead to a name that bpffs does not even look up
    if (at->is_directory(ignored))
      load_directory({at->path().filename(), "", ""}, loaded);
    else
      loaded.strays.push_back(fmt::format("'{}' is no directory of pins", at->path().string()));
  }
  if (error) return fail_errno(error.value(), "list pins '{}'", pins_);
  return loaded;
}

std::string Store::directory_of(const DumperPath& path) const {
  const std::string target = fmt::format("{}/{}", pins_, path.target);
  return path.scope.empty() ? target : fmt::format("{}/{}", target, pin_name(path.scope));
}

std::string Store::pin_of(const DumperPath& path) const {
  return fmt::format("{}/{}", directory_of(path), pin_name(path.name));
}

// A target's directory, or a scope's in it.
void Store::load_directory(const DumperPath& path, Loaded& loaded) const {
  const fs::path directory = directory_of(path);
  std::error_code error;
  for (fs::directory_iterator at(directory, error), end; !error && at != end; at.increment(error)) {
    const std::string entry = at->path();
    // Written before what it names and removed after it: alone, it is left from a sudden end, as is
    // a pin without its attributes.
    if (entry.ends_with(kNameLink)) {
      if (!fs::exists(entry.substr(0, entry.size() - kNameLink.size()))) ::unlink(entry.c_str());
      continue;
    }
    if (entry.ends_with(kUnfinished)) {
      ::unlink(entry.c_str());
      continue;
    }
    const std::string name = read_name(entry);
    std::error_code ignored;  // as above
    if (path.scope.empty() && !name.empty() && at->is_directory(ignored)) {
      load_directory({path.target, name, ""}, loaded);
      if (::rmdir(entry.c_str()) == 0) forget_name(entry);  // one without dumpers is nothing
    } else {
      load_pin(entry, {path.target, path.scope, name}, loaded);
    }
  }
  if (error)
    loaded.strays.push_back(fmt::format("list pins '{}': {}", directory.string(), error.message()));
}

void Store::load_pin(const std::string& pin, const DumperPath& path, Loaded& loaded) const {
  struct stat attributes = {};
  const bool known = ::lstat(pin.c_str(), &attributes) == 0;
  auto iterator = loader::Iterator::reopen(pin, path.target);
  if (path.name.empty() || !iterator || !known) {
    loaded.strays.push_back(iterator ? fmt::format("pin '{}' has no readable name", pin)
                                     : iterator.error().message);
    return;
  }
  // Opening a pin counts as an access to it, but was none to the dumper. If this fails, ignoring
  // it costs no more than that.
  const std::array<timespec, 2> times = {attributes.st_atim, attributes.st_mtim};
  ::utimensat(AT_FDCWD, pin.c_str(), times.data(), AT_SYMLINK_NOFOLLOW);
  loaded.dumpers.push_back(
      {path, std::make_shared<const loader::Iterator>(std::move(*iterator)), attributes});
}

Result<void> Store::save(const DumperPath& path, const loader::Iterator& iterator,
                         const struct stat& attributes) const {
  if (auto made = make_private_directory(fmt::format("{}/{}", pins_, path.target)); !made)
    return made;
  const std::string directory = directory_of(path);
  bool shortened = false;
  if (!path.scope.empty()) {
    std::ignore = pin_name(path.scope, &shortened);
    if (auto saved = shortened ? save_name(directory, path.scope) : Result<void>(); !saved)
      return saved;
    if (auto made = make_private_directory(directory); !made) return made;
  }
  const std::string pin = fmt::format("{}/{}", directory, pin_name(path.name, &shortened));
  if (auto saved = shortened ? save_name(pin, path.name) : Result<void>(); !saved) return saved;

  // All at once: a pin that is there after a sudden end has the dumper's attributes.
  const std::string unfinished = pin + std::string(kUnfinished);
  ::unlink(unfinished.c_str());
  if (auto pinned = iterator.pin(unfinished); !pinned) return pinned;
  auto saved = set_attributes(unfinished, attributes);
  if (saved && ::renameat2(AT_FDCWD, unfinished.c_str(), AT_FDCWD, pin.c_str(), RENAME_NOREPLACE))
    saved = fail_errno(errno, "save pin '{}'", pin);
  if (!saved) ::unlink(unfinished.c_str());
  return saved;
}

Result<void> Store::save_attributes(const DumperPath& path, const struct stat& attributes) const {
  return set_attributes(pin_of(path), attributes);
}

Result<void> Store::forget(const DumperPath& path) const {
  const std::string pin = pin_of(path);
  if (::unlink(pin.c_str()) != 0) return fail_errno(errno, "remove pin '{}'", pin);
  forget_name(pin);
  // The scope's directory goes with its last dumper.
  const std::string directory = directory_of(path);
  if (!path.scope.empty() && ::rmdir(directory.c_str()) == 0) forget_name(directory);
  return {};
}

}  // namespace bpfdump::fsd
