// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// A line of 100 bytes for each unix socket.
#include "../../../targets/bpf/kernel.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct unix_sock;

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct bpf_iter__unix {
  struct bpf_iter_meta* meta;
  struct unix_sock* unix_sk;
};
#pragma clang attribute pop

SEC("iter/unix")
int t_unix_lines(struct bpf_iter__unix* ctx) {
  if (ctx->unix_sk) BPF_SEQ_PRINTF(ctx->meta->seq, "%99d\n", 0);
  return 0;
}
