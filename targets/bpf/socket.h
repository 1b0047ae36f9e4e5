// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// What sockets of all families have.
#ifndef BPFDUMP_SOCKET_H_
#define BPFDUMP_SOCKET_H_

#include "kernel.h"

// States of all families; a unix socket has some of them.
enum { TCP_ESTABLISHED = 1, TCP_TIME_WAIT = 6, TCP_LISTEN = 10, TCP_NEW_SYN_RECV = 12 };

// The seq_num of the call that ends a dump without any socket: these targets count from the start
// token, so one less than none.
#define NO_SOCKET ((__u64)-1)

static __always_inline int drops(struct sock* sk) {
  // Linux 6.18 can count per NUMA node.
  if (bpf_core_field_exists(sk->sk_drop_counters)) {
    struct numa_drop_counters* counters = sk->sk_drop_counters;

    if (counters) return counters->drops0.counter + counters->drops1.counter;
  }
  return sk->sk_drops.counter;
}

static __always_inline unsigned long inode_number(struct sock* sk) {
  if (bpf_core_field_exists(sk->sk_ino)) return sk->sk_ino;

  // A socket is the first part of the allocation that ends in its inode. Kernel sockets have none.
  struct socket_alloc* alloc = (struct socket_alloc*)sk->sk_socket;
  return alloc ? BPF_CORE_READ(alloc, vfs_inode.i_ino) : 0;
}

#endif  // BPFDUMP_SOCKET_H_
