// SPDX-License-Identifier: Apache-2.0
#include "reader/namespace.h"

#include <fcntl.h>
#include <sys/stat.h>

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

Result<NamespacePtr> namespace_at(const std::string& file, NamespaceKind kind,
                                  std::optional<std::uint64_t> inode) {
  base::UniqueFd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return fail_errno(errno, "open the {} namespace '{}'", name_of(kind), file);
  struct stat status = {};
  if (::fstat(fd.get(), &status) != 0) return fail_errno(errno, "look at '{}'", file);
  if (inode && status.st_ino != *inode)
    return fail(ENOENT, "'{}' is another {} namespace by now", file, name_of(kind));
  if (is_ours(status, kind)) return nullptr;
  return std::make_shared<const Namespace>(Namespace{kind, std::move(fd)});
}

}  // namespace bpfdump::reader
