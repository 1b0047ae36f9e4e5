// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// Lines of 15,000 bytes for every netlink socket, so that a dump is long where sockets are few. A
// test changes the word.
#include "../../../targets/bpf/kernel.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("iter/netlink")
int t_wide(struct bpf_iter__netlink* ctx) {
  if (ctx->sk) BPF_SEQ_PRINTF(ctx->meta->seq, "first %14993llu\n", ctx->meta->seq_num);
  return 0;
}
