// SPDX-License-Identifier: Apache-2.0
#include "targets/known.h"

// The objects of targets/bpf, as the build embeds them: first byte and the byte after the last.
#define BPFDUMP_BUILTIN(name)                                      \
  extern "C" const std::byte bpfdump_builtin_##name[];             \
  extern "C" const std::byte bpfdump_builtin_##name##_end[];       \
  static std::span<const std::byte> builtin_##name() {             \
    return {bpfdump_builtin_##name, bpfdump_builtin_##name##_end}; \
  }

BPFDUMP_BUILTIN(bpf_link)
BPFDUMP_BUILTIN(bpf_map)
BPFDUMP_BUILTIN(bpf_map_elem)
BPFDUMP_BUILTIN(bpf_prog)
BPFDUMP_BUILTIN(bpf_sk_storage_map)
BPFDUMP_BUILTIN(cgroup)
BPFDUMP_BUILTIN(dmabuf)
BPFDUMP_BUILTIN(ipv6_route)
BPFDUMP_BUILTIN(kmem_cache)
BPFDUMP_BUILTIN(ksym)
BPFDUMP_BUILTIN(netlink)
BPFDUMP_BUILTIN(sockmap)
BPFDUMP_BUILTIN(task)
BPFDUMP_BUILTIN(task_file)
BPFDUMP_BUILTIN(task_vma)
BPFDUMP_BUILTIN(tcp)
BPFDUMP_BUILTIN(udp)
BPFDUMP_BUILTIN(unix)

namespace bpfdump::targets {

const std::vector<Known>& known_targets() {
  using enum NamespaceKind;
  static const std::vector<Parameter> kTask = {
      {"pid", "the number of a process, in the reader's pid namespace"},
      {"tid", "the number of a thread, in the reader's pid namespace"}};
  static const std::vector<Parameter> kMap = {
      {.key = "map",
       .form =
           "the id or name of a BPF map, or its path in bpffs as systemd-escape --path gives it",
       .required = true}};
  static const std::vector<Parameter> kCgroup = {
      {"cgroup",
       "the id of a cgroup, or its path below the cgroup2 root as systemd-escape --path "
       "gives it"},
      {"order", "pre, post, up or self"}};
  static const std::vector<Parameter> kNet = {
      {"netns", "a name of ip-netns(8), the number of a process, or all"}};
  // clang-format off
  static const std::vector<Known> table = {
      {.name = "bpf_link", .builtin = builtin_bpf_link()},
      {.name = "bpf_map", .builtin = builtin_bpf_map()},
      {.name = "bpf_map_elem", .parameters = kMap, .builtin = builtin_bpf_map_elem(),
       .writes_map_rows = true},
      {.name = "bpf_prog", .builtin = builtin_bpf_prog()},
      {.name = "bpf_sk_storage_map", .parameters = kMap, .builtin = builtin_bpf_sk_storage_map(),
       .writes_map_rows = true},
      {.name = "cgroup", .parameters = kCgroup, .builtin = builtin_cgroup(),
       .notes = "from the root of the cgroup2 hierarchy, parents first; at most 32 KiB of output"},
      {.name = "dmabuf", .builtin = builtin_dmabuf(), .notes = "at most 16 KiB of output",
       .resumes = false, .builtin_resumes = false},
      {.name = "ipv6_route", .namespace_kind = net, .parameters = kNet,
       .builtin = builtin_ipv6_route(), .notes = "the built-in is /proc/net/ipv6_route"},
      {.name = "kmem_cache", .builtin = builtin_kmem_cache()},
      {.name = "ksym", .builtin = builtin_ksym(), .notes = "the built-in is /proc/kallsyms"},
      {.name = "netlink", .namespace_kind = net, .parameters = kNet,
       .builtin = builtin_netlink(), .headed = true, .notes = "the built-in is /proc/net/netlink"},
      {.name = "sockmap", .parameters = kMap, .builtin = builtin_sockmap(),
       .writes_map_rows = true},
      {.name = "task", .namespace_kind = pid, .parameters = kTask, .builtin = builtin_task()},
      {.name = "task_file", .namespace_kind = pid, .parameters = kTask,
       .builtin = builtin_task_file(), .nested_in = "task", .nested_name = "file"},
      {.name = "task_vma", .namespace_kind = pid, .parameters = kTask,
       .builtin = builtin_task_vma(), .nested_in = "task", .nested_name = "vma",
       .notes = "of one process, the built-in is /proc/PID/maps"},
      {.name = "tcp", .namespace_kind = net, .parameters = kNet, .builtin = builtin_tcp(),
       .headed = true},
      {.name = "udp", .namespace_kind = net, .parameters = kNet, .builtin = builtin_udp(),
       .headed = true},
      {.name = "unix", .namespace_kind = net, .parameters = kNet,
       .builtin = builtin_unix(), .headed = true,
       .notes = "the built-in is /proc/net/unix; other programs: at most 16 KiB of output",
       .resumes = false},
  };
  // clang-format on
  return table;
}

}  // namespace bpfdump::targets
