// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// Two programs that fit the same target.
#include "../../../targets/bpf/kernel.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("iter/task")
int first(struct bpf_iter__task* ctx) {
  if (ctx->meta->seq_num == 0) BPF_SEQ_PRINTF(ctx->meta->seq, "first\n");
  return 0;
}

SEC("iter/task")
int second(struct bpf_iter__task* ctx) {
  if (ctx->meta->seq_num == 0) BPF_SEQ_PRINTF(ctx->meta->seq, "second\n");
  return 0;
}
