// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// What /proc/net/tcp6 prints, line for line: to change a column of it, change it here. Times need
// the kernel's configuration (/proc/config.gz or /boot/config-*), which says how long a jiffy is.

typedef unsigned char __u8;
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef unsigned long long __u64;
typedef int __s32;
typedef long long __s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;
enum bpf_map_type { BPF_MAP_TYPE_LRU_HASH = 9 };  // bpf_helpers.h wants the name

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

extern unsigned int CONFIG_HZ __kconfig;

#define AF_INET6 10
#define USER_HZ 100
#define TCP_INFINITE_SSTHRESH 0x7fffffff

enum { TCP_SYN_RECV = 3, TCP_LISTEN = 10 };
enum { RETRANSMIT = 1, PROBE0 = 3, LOSS_PROBE = 5, REORDER = 6 };  // icsk_pending

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct seq_file;

struct bpf_iter_meta {
  struct seq_file* seq;
  __u64 session_id;
  __u64 seq_num;
};

typedef struct {
  int counter;
} atomic_t;

typedef struct {
  atomic_t refs;
} refcount_t;

struct netns_ipv4 {
  __u8 sysctl_tcp_pingpong_thresh;
};

struct net {
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

struct hlist_node {
  struct hlist_node** pprev;
};

struct timer_list {
  struct hlist_node entry;
  unsigned long expires;
};

struct inode {
  unsigned long i_ino;
};

struct socket_alloc {
  struct inode vfs_inode;
};

struct sock {
  struct sock_common __sk_common;
  struct timer_list sk_timer;
  __u32 sk_ack_backlog;
  struct socket* sk_socket;
  unsigned long sk_ino;
};

struct inet_sock {
  struct sock sk;
};

struct fastopen_queue {
  int max_qlen;
};

struct request_sock_queue {
  struct fastopen_queue fastopenq;
};

struct inet_connection_sock {
  struct inet_sock icsk_inet;
  struct request_sock_queue icsk_accept_queue;
  unsigned long icsk_timeout;
  struct timer_list icsk_retransmit_timer;
  struct timer_list icsk_keepalive_timer;
  __u32 icsk_rto;
  __u8 icsk_retransmits;
  __u8 icsk_pending;
  __u8 icsk_probes_out;
  struct {
    __u8 quick;
    __u8 pingpong;
    __u32 ato : 8;
  } icsk_ack;
};

struct tcp_sock {
  struct inet_connection_sock inet_conn;
  __u32 rcv_nxt;
  __u32 copied_seq;
  __u32 write_seq;
  __u32 snd_una;
  __u32 snd_cwnd;
  __u32 snd_ssthresh;
};

struct request_sock {
  __u8 num_timeout : 7;
  struct timer_list rsk_timer;
};

struct inet_request_sock {
  struct request_sock req;
};

struct tcp_request_sock {
  struct inet_request_sock req;
};

struct inet_timewait_sock {
  unsigned char tw_substate;
  struct timer_list tw_timer;
};

struct tcp_timewait_sock {
  struct inet_timewait_sock tw_sk;
};

struct bpf_iter__tcp {
  struct bpf_iter_meta* meta;
  struct sock_common* sk_common;
  __u32 uid;
};

#pragma clang attribute pop

// The iterator visits both families: how many lines of this one a dump has, by its session. A
// socket is visited again when its line did not fit, so its seq_num is kept, too.
struct count {
  __u64 seq_num;
  __u64 lines;
};

struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 1024);
  __type(key, __u64);
  __type(value, struct count);
} counts SEC(".maps");

static __always_inline __u64 line_number(struct bpf_iter_meta* meta) {
  struct count first = {.seq_num = meta->seq_num};
  __u64 session = meta->session_id;
  struct count* count = bpf_map_lookup_elem(&counts, &session);

  if (!count) {
    bpf_map_update_elem(&counts, &session, &first, 0);
    return 0;
  }
  if (count->seq_num != first.seq_num) {
    count->seq_num = first.seq_num;
    count->lines++;
  }
  return count->lines;
}

static __always_inline __u64 clock_ticks(__u64 jiffies) {
  const __u64 nsec_per_sec = 1000000000;

  return jiffies * ((nsec_per_sec + CONFIG_HZ / 2) / CONFIG_HZ) / (nsec_per_sec / USER_HZ);
}

static __always_inline __u64 clock_ticks_until(__u64 jiffies) {
  __s64 left = jiffies - bpf_jiffies64();

  return left > 0 ? clock_ticks(left) : 0;
}

static __always_inline void print_ends(struct seq_file* seq, struct sock_common* skc) {
  __u32 local[4], peer[4];

  bpf_probe_read_kernel(local, sizeof(local), &skc->skc_v6_rcv_saddr);
  bpf_probe_read_kernel(peer, sizeof(peer), &skc->skc_v6_daddr);
  BPF_SEQ_PRINTF(seq, "%08X%08X%08X%08X:%04X %08X%08X%08X%08X:%04X ", local[0], local[1], local[2],
                 local[3], skc->skc_num, peer[0], peer[1], peer[2], peer[3],
                 bpf_ntohs(skc->skc_dport));
}

static __always_inline unsigned long inode_number(struct sock* sk) {
  if (bpf_core_field_exists(sk->sk_ino)) return sk->sk_ino;

  struct socket_alloc* alloc = (struct socket_alloc*)sk->sk_socket;
  return alloc ? BPF_CORE_READ(alloc, vfs_inode.i_ino) : 0;
}

static __always_inline __u64 retransmit_time(struct inet_connection_sock* icsk) {
  if (bpf_core_field_exists(icsk->icsk_timeout)) return icsk->icsk_timeout;
  return icsk->icsk_retransmit_timer.expires;
}

static __always_inline struct timer_list* keepalive_timer(struct inet_connection_sock* icsk) {
  if (bpf_core_field_exists(icsk->icsk_keepalive_timer)) return &icsk->icsk_keepalive_timer;
  return &icsk->icsk_inet.sk.sk_timer;
}

static __always_inline int is_interactive(struct inet_connection_sock* icsk) {
  struct net* net = icsk->icsk_inet.sk.__sk_common.skc_net.net;
  __u8 threshold = 1;

  if (bpf_core_field_exists(net->ipv4.sysctl_tcp_pingpong_thresh))
    threshold = BPF_CORE_READ(net, ipv4.sysctl_tcp_pingpong_thresh);
  return icsk->icsk_ack.pingpong >= threshold;
}

static __always_inline void print_socket(struct seq_file* seq, struct tcp_sock* tcp, __u32 uid) {
  struct inet_connection_sock* icsk = &tcp->inet_conn;
  struct sock* sk = &icsk->icsk_inet.sk;
  __u8 state = sk->__sk_common.skc_state, pending = icsk->icsk_pending, timer = 0;
  struct timer_list* keepalive = keepalive_timer(icsk);
  __s32 received = state == TCP_LISTEN ? sk->sk_ack_backlog : tcp->rcv_nxt - tcp->copied_seq;
  __s32 threshold = tcp->snd_ssthresh;
  __u64 expires = 0;

  if (pending == RETRANSMIT || pending == REORDER || pending == LOSS_PROBE) {
    timer = 1;
    expires = retransmit_time(icsk);
  } else if (pending == PROBE0) {
    timer = 4;
    expires = retransmit_time(icsk);
  } else if (BPF_CORE_READ(keepalive, entry.pprev)) {
    timer = 2;
    expires = BPF_CORE_READ(keepalive, expires);
  }
  if (state == TCP_LISTEN) {
    threshold = icsk->icsk_accept_queue.fastopenq.max_qlen;
  } else if (threshold >= TCP_INFINITE_SSTHRESH) {
    threshold = -1;
  }

  BPF_SEQ_PRINTF(seq, "%02X %08X:%08X %02X:%08lX %08X %5u %8d ", state,
                 tcp->write_seq - tcp->snd_una, received > 0 ? received : 0, timer,
                 timer ? clock_ticks_until(expires) : 0, icsk->icsk_retransmits, uid,
                 icsk->icsk_probes_out);
  // The iterator holds a reference of its own.
  BPF_SEQ_PRINTF(seq, "%lu %d %p %lu %lu %u %u %d", inode_number(sk),
                 sk->__sk_common.skc_refcnt.refs.counter - 1, sk, clock_ticks(icsk->icsk_rto),
                 clock_ticks(BPF_CORE_READ_BITFIELD(icsk, icsk_ack.ato)),
                 icsk->icsk_ack.quick << 1 | is_interactive(icsk), tcp->snd_cwnd, threshold);
}

static __always_inline void print_request(struct seq_file* seq, struct request_sock* request,
                                          __u32 uid) {
  BPF_SEQ_PRINTF(seq, "%02X %08X:%08X %02X:%08lX %08X %5u %8d %u %d %p", TCP_SYN_RECV, 0, 0, 1,
                 clock_ticks_until(request->rsk_timer.expires),
                 BPF_CORE_READ_BITFIELD(request, num_timeout), uid, 0, 0, 0, request);
}

static __always_inline void print_timewait(struct seq_file* seq,
                                           struct inet_timewait_sock* timewait,
                                           struct sock_common* skc) {
  BPF_SEQ_PRINTF(seq, "%02X %08X:%08X %02X:%08lX %08X %5d %8d %d %d %p", timewait->tw_substate, 0,
                 0, 3, clock_ticks_until(timewait->tw_timer.expires), 0, 0, 0, 0,
                 skc->skc_refcnt.refs.counter - 1, timewait);
}

SEC("iter/tcp")
int tcp6(struct bpf_iter__tcp* ctx) {
  struct bpf_iter_meta* meta = ctx->meta;
  struct seq_file* seq = meta->seq;
  struct sock_common* skc = ctx->sk_common;
  struct tcp_sock* tcp;
  struct tcp_request_sock* request;
  struct tcp_timewait_sock* timewait;

  // The call that ends a dump has no socket; it counts as -1 where there was none.
  if (meta->seq_num == (skc ? 0 : (__u64)-1)) {
    BPF_SEQ_PRINTF(
        seq,
        "  sl  local_address                         remote_address                        "
        "st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n");
  }
  if (!skc) {
    __u64 session = meta->session_id;

    bpf_map_delete_elem(&counts, &session);
    return 0;
  }
  if (skc->skc_family != AF_INET6) return 0;

  BPF_SEQ_PRINTF(seq, "%4llu: ", line_number(meta));
  print_ends(seq, skc);
  if ((tcp = bpf_skc_to_tcp_sock(skc))) {
    print_socket(seq, tcp, ctx->uid);
  } else if ((timewait = bpf_skc_to_tcp_timewait_sock(skc))) {
    print_timewait(seq, &timewait->tw_sk, skc);
  } else if ((request = bpf_skc_to_tcp_request_sock(skc))) {
    print_request(seq, &request->req.req, ctx->uid);
  }
  bpf_seq_write(seq, "\n", 1);
  return 0;
}
