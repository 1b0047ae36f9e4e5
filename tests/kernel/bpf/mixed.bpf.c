// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// Programs for several targets and of another type; those that do not fit could not be loaded.
#include "../../../targets/bpf/kernel.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("iter/task")
int t_mixed_task(struct bpf_iter__task* ctx) {
  if (ctx->meta->seq_num == 0) BPF_SEQ_PRINTF(ctx->meta->seq, "task\n");
  return 0;
}

SEC("iter/bpf_map")
int t_mixed_map(struct bpf_iter__bpf_map* ctx) {
  if (ctx->map) ctx->map->id = 0;
  return 0;
}

SEC("socket")
int t_mixed_filter(void* ctx) { return *(int*)(ctx + 100000); }
