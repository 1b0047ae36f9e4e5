// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// What /proc/net/udp6 prints: to change a column of it, change it here. On newer kernels the lines
// come in another order: the iterator walks the table that is hashed by address and port, while
// /proc walks the one that is hashed by port.

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
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define AF_INET6 10

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct seq_file;

struct bpf_iter_meta {
  struct seq_file* seq;
  __u64 seq_num;
};

typedef struct {
  int counter;
} atomic_t;

typedef struct {
  atomic_t refs;
} refcount_t;

struct udp_table {
  unsigned int mask;
};

struct netns_ipv4 {
  struct udp_table* udp_table;
};

struct net {
  __u32 hash_mix;
  struct netns_ipv4 ipv4;
};

struct in6_addr {
  __u8 in6_u[16];
};

struct sock_common {
  __be16 skc_dport;
  __u16 skc_num;
  __u16 skc_family;
  unsigned char skc_state;
  struct {
    struct net* net;
  } skc_net;
  struct in6_addr skc_v6_daddr;
  struct in6_addr skc_v6_rcv_saddr;
  refcount_t skc_refcnt;
};

struct inode {
  unsigned long i_ino;
};

struct socket_alloc {
  struct inode vfs_inode;
};

struct numa_drop_counters {
  atomic_t drops0;
  atomic_t drops1;
};

struct sock {
  struct sock_common __sk_common;
  struct {
    atomic_t rmem_alloc;
  } sk_backlog;
  refcount_t sk_wmem_alloc;
  atomic_t sk_drops;
  struct numa_drop_counters* sk_drop_counters;
  struct socket* sk_socket;
  unsigned long sk_ino;
};

struct inet_sock {
  struct sock sk;
};

struct udp_sock {
  struct inet_sock inet;
  int forward_deficit;
};

struct bpf_iter__udp {
  struct bpf_iter_meta* meta;
  struct udp_sock* udp_sk;
  __u32 uid;
  int bucket;
};

struct bpf_udp_iter_state {};

#pragma clang attribute pop

// The iterator that walks the other table does so in batches, and has a state for them.
static __always_inline int walks_by_address(void) {
  return bpf_core_type_exists(struct bpf_udp_iter_state);
}

// Where the socket is in the table that is hashed by port.
static __always_inline __u32 bucket(struct sock_common* skc, int visited) {
  struct net* net = skc->skc_net.net;

  if (!walks_by_address()) return visited;
  return (skc->skc_num + BPF_CORE_READ(net, hash_mix)) & BPF_CORE_READ(net, ipv4.udp_table, mask);
}

static __always_inline __u32 drops(struct sock* sk) {
  if (bpf_core_field_exists(sk->sk_drop_counters)) {
    struct numa_drop_counters* counters = sk->sk_drop_counters;

    if (counters) return counters->drops0.counter + counters->drops1.counter;
  }
  return sk->sk_drops.counter;
}

static __always_inline unsigned long inode_number(struct sock* sk) {
  if (bpf_core_field_exists(sk->sk_ino)) return sk->sk_ino;

  struct socket_alloc* alloc = (struct socket_alloc*)sk->sk_socket;
  return alloc ? BPF_CORE_READ(alloc, vfs_inode.i_ino) : 0;
}

static __always_inline void print_ends(struct seq_file* seq, struct sock_common* skc) {
  __u32 local[4], peer[4];

  bpf_probe_read_kernel(local, sizeof(local), &skc->skc_v6_rcv_saddr);
  bpf_probe_read_kernel(peer, sizeof(peer), &skc->skc_v6_daddr);
  BPF_SEQ_PRINTF(seq, "%08X%08X%08X%08X:%04X %08X%08X%08X%08X:%04X ", local[0], local[1], local[2],
                 local[3], skc->skc_num, peer[0], peer[1], peer[2], peer[3],
                 bpf_ntohs(skc->skc_dport));
}

SEC("iter/udp")
int udp6(struct bpf_iter__udp* ctx) {
  struct bpf_iter_meta* meta = ctx->meta;
  struct seq_file* seq = meta->seq;
  struct udp_sock* udp = ctx->udp_sk;

  // The call that ends a dump has no socket; it counts as -1 where there was none.
  if (meta->seq_num == (udp ? 0 : (__u64)-1)) {
    BPF_SEQ_PRINTF(
        seq,
        "  sl  local_address                         remote_address                        "
        "st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n");
  }
  if (!udp) return 0;

  struct sock* sk = &udp->inet.sk;
  struct sock_common* skc = &sk->__sk_common;
  if (skc->skc_family != AF_INET6) return 0;

  BPF_SEQ_PRINTF(seq, "%5u: ", bucket(skc, ctx->bucket));
  print_ends(seq, skc);
  // The kernel keeps one unit of sk_wmem_alloc for the socket itself, and bytes that were read in
  // forward_deficit, until it gives many back at once.
  BPF_SEQ_PRINTF(seq, "%02X %08X:%08X %02X:%08lX %08X %5u %8d ", skc->skc_state,
                 sk->sk_wmem_alloc.refs.counter - 1,
                 sk->sk_backlog.rmem_alloc.counter - udp->forward_deficit, 0, 0UL, 0, ctx->uid, 0);
  // To walk by address, the iterator holds a reference of its own.
  BPF_SEQ_PRINTF(seq, "%lu %d %p %u\n", inode_number(sk),
                 skc->skc_refcnt.refs.counter - walks_by_address(), sk, drops(sk));
  return 0;
}
