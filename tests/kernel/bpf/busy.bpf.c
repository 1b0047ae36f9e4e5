// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// Works for seconds inside one read: tens of milliseconds for every task.
#include "../../../targets/bpf/kernel.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

static long work(__u32 turn, __u64* sum) {
  *sum += turn;
  return 0;
}

SEC("iter/task")
int t_busy(struct bpf_iter__task* ctx) {
  __u64 sum = 0;

  bpf_loop(1 << 23, work, &sum, 0);
  if (!ctx->task) BPF_SEQ_PRINTF(ctx->meta->seq, "%llu\n", sum);
  return 0;
}
