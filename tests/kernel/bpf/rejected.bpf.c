// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// Loads its map and is then refused by the verifier: the kernel's tasks are not to be written.
#include "../../../targets/bpf/kernel.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, __u64);
} t_rejected_map SEC(".maps");

SEC("iter/task")
int t_rejected(struct bpf_iter__task* ctx) {
  __u32 zero = 0;
  __u64* value = bpf_map_lookup_elem(&t_rejected_map, &zero);
  struct task_struct* task = ctx->task;

  if (value && task) task->pid = (int)*value;
  return 0;
}
