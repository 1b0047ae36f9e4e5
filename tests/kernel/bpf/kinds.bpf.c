// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// Programs of many types, each of which is loaded by itself.
#include "../../../targets/bpf/kernel.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, __u64);
} t_kinds SEC(".maps");

static __noinline int count(void* ctx) {
  __u32 zero = 0;
  __u64* calls = bpf_map_lookup_elem(&t_kinds, &zero);

  if (calls) __sync_fetch_and_add(calls, 1);
  return ctx && calls ? 1 : 0;
}

#define PROGRAM(section, name) \
  SEC(section)                 \
  int name(void* ctx) { return count(ctx); }

PROGRAM("socket", t_socket_filter)
PROGRAM("tc", t_tc_with_a_name_that_is_longer_than_the_kernel_keeps)
PROGRAM("xdp", t_15_bytes_name)
PROGRAM("cgroup_skb/egress", t_egress)
PROGRAM("cgroup/getsockopt", t_getsockopt)
PROGRAM("sk_lookup", t_sk_lookup)
PROGRAM("sk_skb/stream_verdict", t_verdict)
PROGRAM("perf_event", t_perf_event)
PROGRAM("kprobe", t_kprobe)
PROGRAM("raw_tp/sched_switch", t_raw_tp)
PROGRAM("flow_dissector", t_dissector)

SEC("tp_btf/sched_switch")
int t_tp_btf(void* ctx) { return count(ctx) * 0; }

SEC("syscall")
int t_syscall(void* ctx) { return ctx == NULL; }

// On another program, which the test says.
SEC("fentry/t_egress")
int t_fentry(void* ctx) { return count(ctx) * 0; }
