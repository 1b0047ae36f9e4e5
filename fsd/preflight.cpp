// SPDX-License-Identifier: Apache-2.0
#include "fsd/preflight.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/mounts.h"
#include "base/unique_fd.h"

namespace bpfdump::fsd {
namespace {

namespace fs = std::filesystem;
using base::fail;
using base::fail_errno;
using base::Result;

constexpr const char* kBpffs = "/sys/fs/bpf";

Result<std::uint64_t> effective_capabilities() {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> data = {};
  if (::syscall(SYS_capget, &header, data.data()) != 0)
    return fail_errno(errno, "read this process's capabilities");
  return data[0].effective | std::uint64_t{data[1].effective} << 32;
}

bool lies_below(const fs::path& path, const fs::path& directory) {
  const auto relative = path.lexically_relative(directory);
  return !relative.empty() && *relative.begin() != "..";
}

bool is_mounted(const fs::path& point) {
  const auto mounts = base::mounts_of();
  return std::any_of(mounts.begin(), mounts.end(),
                     [&](const base::MountEntry& mount) { return mount.point == point; });
}

}  // namespace

Result<void> check_privileges() {
  const auto capabilities = effective_capabilities();
  if (!capabilities) return base::Failure(capabilities.error());
  const auto has = [&](int capability) { return (*capabilities >> capability & 1) != 0; };
  if (!has(CAP_SYS_ADMIN))
    return fail(EPERM, "bpfdumpd needs root (CAP_SYS_ADMIN to mount); start it with sudo");
  return {};
}

Result<void> check_fuse() {
  const base::UniqueFd fuse(::open("/dev/fuse", O_RDWR | O_CLOEXEC));
  if (fuse.valid()) return {};
  return fail(errno,
              "open '/dev/fuse': {}; load it with 'modprobe fuse', or give the container "
              "'--device /dev/fuse'",
              base::errno_text(errno));
}

std::string resolve(const std::string& path) {
  fs::path normal = fs::absolute(path).lexically_normal();
  if (!normal.has_filename()) normal = normal.parent_path();
  std::error_code error;
  // The last name may be a dead mount, which answers nothing but errors: it is no symlink then.
  if (fs::is_symlink(normal, error)) {
    const fs::path whole = fs::weakly_canonical(normal, error);
    return error ? normal : whole;
  }
  const fs::path parent = fs::weakly_canonical(normal.parent_path(), error);
  return error ? normal : parent / normal.filename();
}

Result<void> check_paths(const std::string& point, const config::Paths& paths) {
  const fs::path directory = resolve(point);
  for (const std::string& path : {paths.pins, paths.state}) {
    if (lies_below(resolve(path), directory))
      return fail(EINVAL, "'{}' lies below the mount point '{}'; choose another place for it", path,
                  point);
  }
  return {};
}

Result<gid_t> group_number(const std::string& group) {
  gid_t number = 0;
  const char* end = group.data() + group.size();
  if (std::from_chars(group.data(), end, number).ptr == end) return number;
  const struct group* entry = ::getgrnam(group.c_str());
  if (entry == nullptr) return fail(EINVAL, "there is no group '{}'", group);
  return entry->gr_gid;
}

Result<void> check_mount_point(const std::string& point) {
  const fs::path directory = resolve(point);
  struct stat status = {};
  if (is_mounted(directory)) {
    // A dead mount answers at once; a live one is busy whatever it answers.
    if (::stat(directory.c_str(), &status) != 0 && errno == ENOTCONN)
      return fail(ENOTCONN, "a dead mount is in the way; clear it with 'umount -l {}'", point);
    return fail(EBUSY, "mount point '{0}' is busy; unmount what is there with 'umount {0}'", point);
  }
  if (::stat(directory.c_str(), &status) != 0) {
    return fail(errno, "mount point '{0}': {1}; make it with 'mkdir -p {0}'", point,
                base::errno_text(errno));
  }
  if (!S_ISDIR(status.st_mode))
    return fail(ENOTDIR, "mount point '{}': {}; choose a directory", point,
                base::errno_text(ENOTDIR));
  return {};
}

Result<void> prepare_bpffs(const std::string& pins) {
  std::error_code error;
  fs::path existing = resolve(pins);
  while (!fs::exists(existing, error) && existing != existing.root_path())
    existing = existing.parent_path();
  struct statfs filesystem = {};
  if (::statfs(existing.c_str(), &filesystem) != 0)
    return fail_errno(errno, "look at '{}'", existing.string());
  if (filesystem.f_type == BPF_FS_MAGIC) return {};

  if (resolve(pins) != kBpffs && !lies_below(resolve(pins), kBpffs))
    return fail(EINVAL, "pins '{}' are not in a bpffs; put them below '{}'", pins, kBpffs);
  if (::mount("bpf", kBpffs, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=700") != 0) {
    return fail(errno, "mount bpffs on '{0}': {1}; do it with 'mount -t bpf bpf {0}'", kBpffs,
                base::errno_text(errno));
  }
  return {};
}

}  // namespace bpfdump::fsd
