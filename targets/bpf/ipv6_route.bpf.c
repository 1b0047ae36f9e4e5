// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// The IPv6 routes of the network namespace that opens the iterator, as /proc/net/ipv6_route.
#include "kernel.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define RTF_GATEWAY 0x0002

static const struct in6_addr unspecified;

// The next hop that stands for the route: of a group, the first. The verifier does not know which
// member of the union in struct nexthop is in use, so all reads are probe reads.
static __always_inline struct fib6_nh* next_hop(struct fib6_info* rt) {
  struct nexthop* nh = rt->nh;

  if (!nh) return &rt->fib6_nh[0];
  if (BPF_CORE_READ(nh, is_group)) nh = BPF_CORE_READ(nh, nh_grp, nh_entries[0].nh);

  struct nh_info* info = BPF_CORE_READ(nh, nh_info);
  return BPF_CORE_READ(info, family) == AF_INET6 ? &info->fib6_nh : NULL;
}

SEC("iter/ipv6_route")
int bpfdump_ipv6_route(struct bpf_iter__ipv6_route* ctx) {
  struct fib6_info* rt = ctx->rt;

  if (!rt) return 0;

  struct fib6_nh* nh = next_hop(rt);
  struct net_device* dev = BPF_CORE_READ(nh, nh_common.nhc_dev);
  bool gateway = BPF_CORE_READ(nh, nh_common.nhc_gw_family);

  // Without CONFIG_IPV6_SUBTREES fib6_src is there all the same, and always zero.
  BPF_SEQ_PRINTF(ctx->meta->seq, "%pi6 %02x %pi6 %02x %pi6 %08x %08x %08x %08x %8s\n",
                 &rt->fib6_dst.addr, rt->fib6_dst.plen, &rt->fib6_src.addr, rt->fib6_src.plen,
                 gateway ? &nh->nh_common.nhc_gw.ipv6 : &unspecified, rt->fib6_metric,
                 rt->fib6_ref.refs.counter, 0, rt->fib6_flags | (gateway ? RTF_GATEWAY : 0),
                 dev ? dev->name : "");
  return 0;
}
