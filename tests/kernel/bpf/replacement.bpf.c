// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// Another program for the same target as numbers.bpf.c.
#include "ksym.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("iter/ksym")
int t_replacement(struct bpf_iter__ksym* ctx) {
  if (ctx->meta->seq_num == 0) BPF_SEQ_PRINTF(ctx->meta->seq, "replaced\n");
  return 0;
}
