// SPDX-License-Identifier: Apache-2.0
#include "reader/networks.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string_view>

#include "base/mounts.h"

namespace bpfdump::reader {
namespace {

namespace fs = std::filesystem;
using base::fail;
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

/// Collects namespaces; the first file that leads to one stays.
class Search {
 public:
  void look_at_mounts(const std::string& process) {
    std::error_code error;
    const fs::path mounts = fs::read_symlink("/proc/" + process + "/ns/mnt", error);
    if (error || !mount_namespaces_.insert(mounts).second) return;
    for (const auto& mount : base::mounts_of(process)) {
      const auto inode = mount.type == "nsfs" ? inode_in(mount.root) : std::nullopt;
      if (!inode) continue;
      const bool is_ours = process == "self";
      const fs::path point = mount.point;
      const bool is_named = is_ours && (point.parent_path() == kNames ||
                                        point.parent_path() == fs::path("/var") / "run/netns");
      add(*inode, is_named ? point.filename() : fs::path(),
          is_ours ? mount.point : fmt::format("/proc/{}/root{}", process, mount.point));
    }
  }

  void look_at_threads(const std::string& process) {
    const std::string tasks = fmt::format("/proc/{}/task", process);
    for (const auto& thread : numbers_in(tasks)) {
      const std::string file = fmt::format("{}/{}/ns/net", tasks, thread);
      std::error_code error;
      const auto inode = inode_in(fs::read_symlink(file, error).native());
      if (inode) add(*inode, {}, file);
    }
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
  void add(std::uint64_t inode, const std::string& name, const std::string& file) {
    const std::string label = name.empty() ? std::to_string(inode) : name;
    auto& network = found_.try_emplace(inode, Network{inode, label, file}).first->second;
    // It may be mounted elsewhere, too, and before it got its name.
    if (!name.empty() && network.label == std::to_string(inode)) network.label = name;
  }

  std::map<std::uint64_t, Network> found_;
  std::set<std::string> mount_namespaces_;
};

}  // namespace

std::vector<Network> all_networks() {
  Search search;
  search.look_at_mounts("self");
  for (const auto& process : numbers_in("/proc")) {
    search.look_at_threads(process);
    search.look_at_mounts(process);
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
  auto opened = namespace_at(network.file, NamespaceKind::net, network.inode);
  if (opened) return opened;
  for (const auto& other : all_networks()) {
    if (other.inode == network.inode)
      return namespace_at(other.file, NamespaceKind::net, network.inode);
  }
  return opened;
}

}  // namespace bpfdump::reader
