// SPDX-License-Identifier: Apache-2.0
#include "fsd/caller.h"

#include <linux/capability.h>
#include <sys/stat.h>

#include <cerrno>
#include <charconv>
#include <cstdint>
#include <fstream>
#include <optional>
#include <string>

namespace bpfdump::fsd {
namespace {

using base::fail;

std::optional<std::uint64_t> effective_capabilities(pid_t thread) {
  constexpr std::string_view kLabel = "CapEff:\t";
  std::ifstream status(fmt::format("/proc/{}/status", thread));
  for (std::string line; std::getline(status, line);) {
    if (!line.starts_with(kLabel)) continue;
    std::uint64_t value = 0;
    const char* end = line.data() + line.size();
    const auto parsed = std::from_chars(line.data() + kLabel.size(), end, value, 16);
    if (parsed.ec == std::errc()) return value;
  }
  return std::nullopt;
}

// Capabilities mean something in their own user namespace only.
bool is_in_our_user_namespace(pid_t thread) {
  struct stat ours = {};
  struct stat theirs = {};
  return ::stat("/proc/self/ns/user", &ours) == 0 &&
         ::stat(fmt::format("/proc/{}/ns/user", thread).c_str(), &theirs) == 0 &&
         ours.st_ino == theirs.st_ino && ours.st_dev == theirs.st_dev;
}

}  // namespace

base::Result<void> may_load_programs(pid_t thread) {
  const auto capabilities = thread > 0 ? effective_capabilities(thread) : std::nullopt;
  if (!capabilities) return fail(EACCES, "load a program for a process that can't be seen");
  if (!is_in_our_user_namespace(thread))
    return fail(EPERM, "load a program for a process in another user namespace");
  const auto has = [&](int capability) { return (*capabilities >> capability & 1) != 0; };
  if (has(CAP_SYS_ADMIN)) return {};
  for (const auto& [capability, name] :
       {std::pair{CAP_BPF, "CAP_BPF"}, {CAP_PERFMON, "CAP_PERFMON"}}) {
    if (!has(capability))
      return fail(EPERM, "load a program for a user without {}; do it as root", name);
  }
  return {};
}

}  // namespace bpfdump::fsd
