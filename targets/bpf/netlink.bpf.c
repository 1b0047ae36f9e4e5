// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// The netlink sockets of the network namespace that opens the iterator, as /proc/net/netlink.
#include "socket.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("iter/netlink")
int bpfdump_netlink(struct bpf_iter__netlink* ctx) {
  struct seq_file* seq = ctx->meta->seq;
  struct netlink_sock* nlk = ctx->sk;

  if (!nlk) return 0;  // the kernel's own sockets are in every namespace: there is a first one
  if (ctx->meta->seq_num == 0) {
    BPF_SEQ_PRINTF(seq,
                   "sk               Eth Pid        Groups   "
                   "Rmem     Wmem     Dump  Locks    Drops    Inode\n");
  }

  struct sock* sk = &nlk->sk;
  unsigned long groups = 0;
  if (nlk->groups) bpf_probe_read_kernel(&groups, sizeof(groups), nlk->groups);

  // The kernel keeps one unit of sk_wmem_alloc for the socket itself.
  BPF_SEQ_PRINTF(seq, "%p %-3d %-10u %08x %-8d %-8d %-5d %-8d %-8u %-8lu\n", sk, sk->sk_protocol,
                 nlk->portid, (__u32)groups, sk->sk_backlog.rmem_alloc.counter,
                 sk->sk_wmem_alloc.refs.counter - 1, nlk->cb_running,
                 sk->__sk_common.skc_refcnt.refs.counter, drops(sk), inode_number(sk));
  return 0;
}
