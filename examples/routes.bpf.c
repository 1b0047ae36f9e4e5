// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// The IPv6 routes of the network namespace that opens the iterator, in words. Routes that use a
// nexthop object (ip route ... nhid N) name its number.

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

struct net_device {
  char name[16];
};

struct fib_nh_common {
  struct net_device* nhc_dev;
  __u8 nhc_gw_family;
  union {
    struct in6_addr ipv6;
  } nhc_gw;
};

struct fib6_nh {
  struct fib_nh_common nh_common;
};

struct nexthop {
  __u32 id;
};

struct rt6key {
  struct in6_addr addr;
  int plen;
};

struct fib6_info {
  struct rt6key fib6_dst;
  __u32 fib6_metric;
  struct nexthop* nh;
  struct fib6_nh fib6_nh[0];
};

struct bpf_iter__ipv6_route {
  struct bpf_iter_meta* meta;
  struct fib6_info* rt;
};

#pragma clang attribute pop

SEC("iter/ipv6_route")
int routes(struct bpf_iter__ipv6_route* ctx) {
  struct seq_file* seq = ctx->meta->seq;
  struct fib6_info* rt = ctx->rt;

  if (!rt) return 0;  // the call that ends a dump
  if (ctx->meta->seq_num == 0)
    BPF_SEQ_PRINTF(seq, "DESTINATION [via GATEWAY] dev DEVICE metric N\n");

  BPF_SEQ_PRINTF(seq, "%pI6/%d ", &rt->fib6_dst.addr, rt->fib6_dst.plen);
  if (rt->nh) {
    BPF_SEQ_PRINTF(seq, "nhid %u ", rt->nh->id);
  } else {
    struct fib_nh_common* nh = &rt->fib6_nh[0].nh_common;

    if (nh->nhc_gw_family) BPF_SEQ_PRINTF(seq, "via %pI6 ", &nh->nhc_gw.ipv6);
    if (nh->nhc_dev) BPF_SEQ_PRINTF(seq, "dev %s ", nh->nhc_dev->name);
  }
  BPF_SEQ_PRINTF(seq, "metric %u\n", rt->fib6_metric);
  return 0;
}
