// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// Every TCP socket with state, addresses and queues: what `ss -tan` shows.
#include "../../targets/bpf/kernel.h"

#include <bpf/bpf_endian.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct sock_common___tcp {
  __be32 skc_daddr;
  __be32 skc_rcv_saddr;
  __be16 skc_dport;
  __u16 skc_num;
  __u16 skc_family;
  unsigned char skc_state;
  struct in6_addr skc_v6_daddr;
  struct in6_addr skc_v6_rcv_saddr;
};

struct bpf_iter__tcp {
  struct bpf_iter_meta* meta;
  struct sock_common* sk_common;
};

#pragma clang attribute pop

SEC("iter/tcp")
int connections(struct bpf_iter__tcp* ctx) {
  struct sock_common___tcp* sk = (void*)ctx->sk_common;

  if (!sk) return 0;
  __u16 port = bpf_ntohs(sk->skc_dport);
  if (sk->skc_family == AF_INET6) {
    BPF_SEQ_PRINTF(ctx->meta->seq, "%2u [%pI6c]:%u [%pI6c]:%u\n", sk->skc_state,
                   &sk->skc_v6_rcv_saddr, sk->skc_num, &sk->skc_v6_daddr, port);
  } else {
    BPF_SEQ_PRINTF(ctx->meta->seq, "%2u %pI4:%u %pI4:%u\n", sk->skc_state, &sk->skc_rcv_saddr,
                   sk->skc_num, &sk->skc_daddr, port);
  }
  return 0;
}
