// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// The listening TCP sockets of the network namespace that opens the iterator: the user who owns
// each, how many connections can wait for accept(), and the address.

typedef unsigned char __u8;
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef unsigned long long __u64;
typedef int __s32;
typedef long long __s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;
enum bpf_map_type { BPF_MAP_TYPE_UNUSED };  // bpf_helpers.h wants the name

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct seq_file;

struct bpf_iter_meta {
  struct seq_file* seq;
  __u64 seq_num;
};

struct in6_addr {
  __u8 in6_u[16];
};

struct sock_common {
  __be32 skc_rcv_saddr;
  __u16 skc_num;
  __u16 skc_family;
  unsigned char skc_state;
  struct in6_addr skc_v6_rcv_saddr;
};

struct sock {
  __u32 sk_max_ack_backlog;
};

struct bpf_iter__tcp {
  struct bpf_iter_meta* meta;
  struct sock_common* sk_common;
  __u32 uid;
};

#pragma clang attribute pop

#define AF_INET6 10
#define TCP_LISTEN 10

SEC("iter/tcp")
int listeners(struct bpf_iter__tcp* ctx) {
  struct seq_file* seq = ctx->meta->seq;
  struct sock_common* common = ctx->sk_common;

  if (!common) return 0;  // the call that ends a dump
  if (ctx->meta->seq_num == 0) BPF_SEQ_PRINTF(seq, "       UID    BACKLOG ADDRESS\n");
  // Other states have other structs after the common part: struct sock only here.
  if (common->skc_state != TCP_LISTEN) return 0;

  struct sock* sk = (struct sock*)common;
  BPF_SEQ_PRINTF(seq, "%10u %10u ", ctx->uid, BPF_CORE_READ(sk, sk_max_ack_backlog));
  if (common->skc_family == AF_INET6) {
    BPF_SEQ_PRINTF(seq, "[%pI6]:%u\n", &common->skc_v6_rcv_saddr, common->skc_num);
  } else {
    BPF_SEQ_PRINTF(seq, "%pI4:%u\n", &common->skc_rcv_saddr, common->skc_num);
  }
  return 0;
}
