// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// The UDP sockets of the network namespace that opens the iterator, as ss has them.
#include "kernel.h"

#include "inet.h"
#include "socket.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct udp_sock {
  struct inet_sock inet;
  int forward_deficit;
};

struct bpf_iter__udp {
  struct bpf_iter_meta* meta;
  struct udp_sock* udp_sk;
  __u32 uid;
};

#pragma clang attribute pop

SEC("iter/udp")
int bpfdump_udp(struct bpf_iter__udp* ctx) {
  struct seq_file* seq = ctx->meta->seq;
  struct udp_sock* udp = ctx->udp_sk;

  if (udp ? ctx->meta->seq_num == 0 : ctx->meta->seq_num == NO_SOCKET) {
    BPF_SEQ_PRINTF(seq,
                   "FAMILY STATE          RECV-Q     SEND-Q      DROPS        UID      INODE "
                   "LOCAL                          PEER\n");
  }
  if (!udp) return 0;

  struct sock* sk = &udp->inet.sk;
  struct sock_common* skc = &sk->__sk_common;

  // Bytes that were read are given back in batches; until then they are in forward_deficit. The
  // kernel keeps one unit of sk_wmem_alloc for the socket itself.
  BPF_SEQ_PRINTF(seq, "%-6s %-10s %10d %10d %10u %10u %10lu", family_name(skc),
                 state_name(skc->skc_state),
                 sk->sk_backlog.rmem_alloc.counter - udp->forward_deficit,
                 sk->sk_wmem_alloc.refs.counter - 1, drops(sk), ctx->uid, inode_number(sk));
  write_ends(seq, skc);
  return 0;
}
