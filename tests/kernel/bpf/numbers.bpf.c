// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// Numbered lines: few, many, and many that say which session they are of.
#include "ksym.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

static __always_inline int print(struct bpf_iter__ksym* ctx, __u64 lines) {
  __u64 number = ctx->meta->seq_num;

  if (ctx->ksym && number < lines) {
    BPF_SEQ_PRINTF(ctx->meta->seq, "%llu The quick brown fox jumps over the lazy dog\n", number);
  }
  return 0;
}

SEC("iter/ksym")
int few(struct bpf_iter__ksym* ctx) { return print(ctx, 100); }

SEC("iter/ksym")
int many(struct bpf_iter__ksym* ctx) { return print(ctx, 60000); }

SEC("iter/ksym")
int sessions(struct bpf_iter__ksym* ctx) {
  __u64 number = ctx->meta->seq_num;

  if (ctx->ksym && number < 20000) {
    BPF_SEQ_PRINTF(ctx->meta->seq, "%llu %llu\n", ctx->meta->session_id, number);
  }
  return 0;
}
