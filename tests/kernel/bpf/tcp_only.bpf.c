// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// An iterator for one target only.
#include "../../../targets/bpf/kernel.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct bpf_iter__tcp {
  struct bpf_iter_meta* meta;
  struct sock_common* sk_common;
};
#pragma clang attribute pop

SEC("iter/tcp")
int t_tcp_only(struct bpf_iter__tcp* ctx) {
  // The call that ends a dump: it comes once, however many sockets there are.
  if (!ctx->sk_common) BPF_SEQ_PRINTF(ctx->meta->seq, "tcp\n");
  return 0;
}
