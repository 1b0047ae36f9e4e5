// SPDX-License-Identifier: Apache-2.0
#include "loader/named_objects.h"

#include <bpf/bpf.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include "base/mounts.h"

namespace bpfdump::loader {
namespace {

using base::fail;
using base::fail_errno;
using base::Result;
using base::UniqueFd;

UniqueFd open_beneath(const std::string& directory, const std::string& path, std::uint64_t flags) {
  const UniqueFd root(::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  open_how how = {};
  how.flags = flags | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS;
  return UniqueFd(static_cast<int>(
      ::syscall(SYS_openat2, root.get(), path.empty() ? "." : path.c_str(), &how, sizeof(how))));
}

// The kernel tells about any object of BPF when it is asked about a map.
bool is_map(int fd) {
  std::error_code error;
  const auto link = std::filesystem::read_symlink(fmt::format("/proc/self/fd/{}", fd), error);
  return link == "anon_inode:bpf-map";
}

// The name that the kernel keeps of a map's: as much of it as fits.
std::string_view kernel_name(std::string_view name) { return name.substr(0, BPF_OBJ_NAME_LEN - 1); }

std::optional<std::string> name_of_map(int map) {
  bpf_map_info info = {};
  __u32 size = sizeof(info);
  if (bpf_obj_get_info_by_fd(map, &info, &size) != 0) return std::nullopt;
  return std::string(info.name);
}

Result<UniqueFd> map_by_name(const std::string& name) {
  UniqueFd found;
  __u32 found_id = 0;
  for (__u32 id = 0; bpf_map_get_next_id(id, &id) == 0;) {
    UniqueFd map(bpf_map_get_fd_by_id(id));
    if (!map.valid() && errno != ENOENT) return fail_errno(errno, "open BPF map {}", id);
    if (!map.valid() || name_of_map(map.get()) != kernel_name(name)) continue;
    if (found.valid())
      return fail(EINVAL, "several BPF maps are called '{}', {} and {} among them; give an id",
                  name, found_id, id);
    found = std::move(map);
    found_id = id;
  }
  if (!found.valid())
    return fail(ENOENT, "there is no BPF map '{}'; bpftool map list shows those that are", name);
  return found;
}

Result<UniqueFd> map_by_path(const std::string& path) {
  for (const auto& mount : base::mounts_of()) {
    if (mount.type != "bpf" || !path.starts_with(mount.point + "/")) continue;
    const UniqueFd file = open_beneath(mount.point, path.substr(mount.point.size() + 1), O_PATH);
    if (!file.valid() && (errno == EMFILE || errno == ENFILE))
      return fail_errno(errno, "open BPF map '{}'", path);
    if (!file.valid()) continue;
    UniqueFd map(bpf_obj_get(fmt::format("/proc/self/fd/{}", file.get()).c_str()));
    if (!map.valid()) return fail_errno(errno, "open BPF map '{}'", path);
    if (!is_map(map.get())) return fail(EINVAL, "'{}' is not a BPF map", path);
    return map;
  }
  return fail(ENOENT, "there is no BPF map '{}' in a bpffs; symlinks are not followed", path);
}

}  // namespace

Result<UniqueFd> open_map(const targets::ObjectName& name) {
  switch (name.form) {
    case targets::ObjectName::Form::name:
      return map_by_name(name.text);
    case targets::ObjectName::Form::path:
      return map_by_path(name.text);
    case targets::ObjectName::Form::id:
      break;
  }
  UniqueFd map(bpf_map_get_fd_by_id(static_cast<__u32>(name.id)));
  if (!map.valid() && errno == ENOENT)
    return fail(ENOENT, "there is no BPF map {}; bpftool map list shows those that are", name.id);
  if (!map.valid()) return fail_errno(errno, "open BPF map {}", name.id);
  return map;
}

Result<UniqueFd> open_cgroup(const std::string& path) {
  int code = 0;
  for (const auto& mount : base::mounts_of()) {
    if (mount.type != "cgroup2" || mount.root != "/") continue;
    UniqueFd cgroup = open_beneath(mount.point, path, O_RDONLY | O_DIRECTORY);
    if (cgroup.valid()) return cgroup;
    code = errno;
  }
  if (code == 0) return fail(ENOENT, "find cgroup '{}': no cgroup2 hierarchy is mounted", path);
  return fail(code == ENOTDIR ? ENOENT : code, "open cgroup '{}' below the cgroup2 root: {}", path,
              base::errno_text(code));
}

}  // namespace bpfdump::loader
