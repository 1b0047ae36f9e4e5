// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// Counts how often it was called, in a map and in global data.
#include "../../../targets/bpf/kernel.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, __u64);
} t_calls SEC(".maps");

__u64 sessions = 40;  // .data

SEC("iter/task")
int t_counted(struct bpf_iter__task* ctx) {
  __u32 zero = 0;
  __u64* calls = bpf_map_lookup_elem(&t_calls, &zero);

  if (calls) __sync_fetch_and_add(calls, 1);
  if (ctx->meta->seq_num == 0) {
    __sync_fetch_and_add(&sessions, 1);
    BPF_SEQ_PRINTF(ctx->meta->seq, "session %llu\n", sessions);
  }
  return 0;
}
