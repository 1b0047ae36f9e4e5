// SPDX-License-Identifier: Apache-2.0
#include "reader/networks.h"

#include <fcntl.h>
#include <linux/nsfs.h>
#include <linux/openat2.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <tuple>
#include <utility>

#include "base/mounts.h"

namespace bpfdump::reader {
namespace {

namespace fs = std::filesystem;
using base::fail;
using base::fail_errno;
using base::Result;
using targets::NamespaceKind;

constexpr const char* kNames = "/run/netns";

bool is_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

// The inode number in "net:[4026531840]".
std::optional<std::uint64_t> inode_in(std::string_view text) {
  constexpr std::string_view kPrefix = "net:[";
  std::uint64_t inode = 0;
  if (!text.starts_with(kPrefix)) return std::nullopt;
  text.remove_prefix(kPrefix.size());
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), inode);
  if (parsed.ec != std::errc()) return std::nullopt;
  return inode;
}

std::vector<std::string> numbers_in(const fs::path& directory) {
  std::vector<std::string> numbers;
  std::error_code error;
  for (fs::directory_iterator at(directory, error), end; !error && at != end; at.increment(error)) {
    if (std::string name = at->path().filename(); is_number(name))
      numbers.push_back(std::move(name));
  }
  return numbers;
}

// What a link of /proc says; nothing of a process or thread that is gone.
Result<std::optional<std::string>> read_link(const std::string& file, const std::string& process) {
  std::error_code error;
  std::string text = fs::read_symlink(file, error);
  if (!error) return text;
  if (error.value() == ENOENT || error.value() == ESRCH) return std::nullopt;
  if (error.value() == EACCES && process == "1") return std::nullopt;
  return fail(error.value(), "look at the namespaces of process {}: {}", process, error.message());
}

// Whether a mount namespace belongs to this user namespace: others' mounts are others' word.
bool is_trusted(const std::string& process) {
  const base::UniqueFd mounts(
      ::open(fmt::format("/proc/{}/ns/mnt", process).c_str(), O_RDONLY | O_CLOEXEC));
  const base::UniqueFd owner(::ioctl(mounts.get(), NS_GET_USERNS));
  struct stat theirs = {};
  struct stat ours = {};
  return owner.valid() && ::fstat(owner.get(), &theirs) == 0 &&
         ::stat("/proc/self/ns/user", &ours) == 0 && theirs.st_ino == ours.st_ino &&
         theirs.st_dev == ours.st_dev;
}

/// Collects namespaces and the places that lead to them.
class Search {
 public:
  Result<void> look_at_threads(const std::string& process) {
    for (const auto& thread : numbers_in(fmt::format("/proc/{}/task", process))) {
      const auto link = read_link(fmt::format("/proc/{}/task/{}/ns/net", process, thread), process);
      if (!link) return base::Failure(link.error());
      if (const auto inode = *link ? inode_in(**link) : std::nullopt)
        add(*inode, {}, {process, thread, {}});
    }
    return {};
  }

  Result<void> look_at_mounts(const std::string& process) {
    const auto mounts = read_link(fmt::format("/proc/{}/ns/mnt", process), process);
    if (!mounts) return base::Failure(mounts.error());
    if (!*mounts || !mount_namespaces_.insert(**mounts).second || !is_trusted(process)) return {};
    for (const auto& mount : base::mounts_of(process)) {
      const auto inode = mount.type == "nsfs" ? inode_in(mount.root) : std::nullopt;
      if (!inode) continue;
      const fs::path point = mount.point;
      const bool is_named = process == "self" && (point.parent_path() == kNames ||
                                                  point.parent_path() == "/var/run/netns");
      add(*inode, is_named ? point.filename().string() : std::string(), {process, {}, mount.point});
    }
    return {};
  }

  [[nodiscard]] std::vector<Network> take() {
    std::vector<Network> networks;
    for (auto& [inode, network] : found_) networks.push_back(std::move(network));
    const auto order = [](const Network& network) {
      return std::tuple(is_number(network.label), network.label);
    };
    std::sort(networks.begin(), networks.end(),
              [&](const Network& a, const Network& b) { return order(a) < order(b); });
    return networks;
  }

 private:
  static constexpr std::size_t kMostPlaces = 8;  // that are kept of one

  void add(std::uint64_t inode, std::string name, Network::Place place) {
    for (char& c : name) {
      if (static_cast<unsigned char>(c) <= ' ' || c == 0x7f) c = '?';
    }
    const std::string number = std::to_string(inode);
    Network& network = found_.try_emplace(inode, Network{inode, number, {}}).first->second;
    if (!name.empty() && network.label == number) network.label = name;
    if (network.places.size() < kMostPlaces) network.places.push_back(std::move(place));
  }

  std::map<std::uint64_t, Network> found_;
  std::set<std::string> mount_namespaces_;
};

base::UniqueFd open_place(const Network::Place& place) {
  if (!place.thread.empty()) {
    const std::string file = fmt::format("/proc/{}/task/{}/ns/net", place.process, place.thread);
    return base::UniqueFd(::open(file.c_str(), O_PATH | O_CLOEXEC));
  }
  const base::UniqueFd root(
      ::open(fmt::format("/proc/{}/root", place.process).c_str(), O_PATH | O_CLOEXEC));
  open_how how = {};
  how.flags = O_PATH | O_CLOEXEC;
  // A mount's place is known to the kernel, so it never has to ask another file system for it.
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_CACHED;
  return base::UniqueFd(
      static_cast<int>(::syscall(SYS_openat2, root.get(), place.point.c_str(), &how, sizeof(how))));
}

}  // namespace

Result<std::vector<Network>> all_networks() {
  Search search;
  const auto processes = numbers_in("/proc");
  for (const auto& process : processes) {
    if (auto looked = search.look_at_threads(process); !looked)
      return base::Failure(looked.error());
  }
  if (auto looked = search.look_at_mounts("self"); !looked) return base::Failure(looked.error());
  for (const auto& process : processes) {
    if (auto looked = search.look_at_mounts(process); !looked) return base::Failure(looked.error());
  }
  return search.take();
}

Result<NamespacePtr> network_named(const std::string& name) {
  auto network = namespace_at(fmt::format("{}/{}", kNames, name), NamespaceKind::net);
  if (network || network.error().code != ENOENT) return network;
  if (is_number(name)) {
    network = namespace_at(fmt::format("/proc/{}/ns/net", name), NamespaceKind::net);
    if (network || network.error().code != ENOENT) return network;
    return fail(ENOENT, "there is no network namespace '{0}' in {1}, nor a process {0}", name,
                kNames);
  }
  return fail(ENOENT,
              "there is no network namespace '{}' in {}; ip netns list shows those that are", name,
              kNames);
}

Result<NamespacePtr> open_network(const Network& network) {
  for (const auto& place : network.places) {
    const base::UniqueFd file = open_place(place);
    if (!file.valid() && (errno == EMFILE || errno == ENFILE || errno == ENOMEM))
      return fail_errno(errno, "open network namespace {}", network.label);
    if (!file.valid()) continue;
    auto opened = namespace_behind(file, NamespaceKind::net, network.inode);
    if (opened) return opened;
    const int code = opened.error().code;
    if (code != ENOENT && code != EINVAL && code != ESRCH) return opened;
  }
  return fail(ENOENT, "network namespace {} is not there any more", network.label);
}

}  // namespace bpfdump::reader
