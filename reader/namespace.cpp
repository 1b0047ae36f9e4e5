// SPDX-License-Identifier: Apache-2.0
#include "reader/namespace.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <cerrno>
#include <string_view>
#include <utility>

namespace bpfdump::reader {
namespace {

using base::fail;
using base::fail_errno;
using base::Result;
using targets::NamespaceKind;

std::string_view name_of(NamespaceKind kind) { return kind == NamespaceKind::net ? "net" : "pid"; }

std::string file_of(const std::string& process, NamespaceKind kind) {
  return fmt::format("/proc/{}/ns/{}", process, name_of(kind));
}

bool is_same(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

struct stat look_at_own(NamespaceKind kind) {
  struct stat ours = {};
  ::stat(file_of("self", kind).c_str(), &ours);  // if this fails, nothing is taken for ours
  return ours;
}

// This process stays where it is: only threads of their own go elsewhere.
bool is_ours(const struct stat& other, NamespaceKind kind) {
  static const struct stat kNetwork = look_at_own(NamespaceKind::net);
  static const struct stat kPids = look_at_own(NamespaceKind::pid);
  return is_same(kind == NamespaceKind::net ? kNetwork : kPids, other);
}

}  // namespace

Result<NamespacePtr> namespace_of(pid_t thread, NamespaceKind kind) {
  if (kind == NamespaceKind::none) return nullptr;
  struct stat theirs = {};
  // Looked at before it is opened: readers who share our namespace, nearly all, pay no more.
  const std::string file = file_of(std::to_string(thread), kind);
  if (thread <= 0 || ::stat(file.c_str(), &theirs) != 0)
    return fail(EACCES, "look at the {} namespace of a process that can't be seen", name_of(kind));
  if (is_ours(theirs, kind)) return nullptr;
  return namespace_at(file, kind);
}

Result<NamespacePtr> namespace_at(const std::string& file, NamespaceKind kind) {
  const base::UniqueFd place(::open(file.c_str(), O_PATH | O_CLOEXEC));
  if (!place.valid()) return fail_errno(errno, "open the {} namespace '{}'", name_of(kind), file);
  auto opened = namespace_behind(place, kind);
  if (!opened) return fail(opened.error().code, "'{}': {}", file, opened.error().message);
  return opened;
}

// To open a pipe waits, and to open a device may do anything: look first.
Result<NamespacePtr> namespace_behind(const base::UniqueFd& place, NamespaceKind kind,
                                      std::optional<std::uint64_t> inode) {
  struct statfs file_system = {};
  struct stat status = {};
  if (::fstatfs(place.get(), &file_system) != 0 || ::fstat(place.get(), &status) != 0)
    return fail_errno(errno, "look at a {} namespace", name_of(kind));
  if (file_system.f_type != NSFS_MAGIC) return fail(EINVAL, "this is no namespace");
  if (inode && status.st_ino != *inode)
    return fail(ENOENT, "this is another {} namespace by now", name_of(kind));
  if (is_ours(status, kind)) return nullptr;
  base::UniqueFd fd(
      ::open(fmt::format("/proc/self/fd/{}", place.get()).c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return fail_errno(errno, "open a {} namespace", name_of(kind));
  const int type = kind == NamespaceKind::net ? CLONE_NEWNET : CLONE_NEWPID;
  if (::ioctl(fd.get(), NS_GET_NSTYPE) != type)
    return fail(EINVAL, "this is no {} namespace", name_of(kind));
  return std::make_shared<const Namespace>(Namespace{kind, std::move(fd)});
}

}  // namespace bpfdump::reader
