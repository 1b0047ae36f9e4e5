// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// The TCP sockets of the network namespace that opens the iterator, as ss has them.
#include "kernel.h"

#include "inet.h"
#include "socket.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

enum {
  ICSK_TIME_RETRANS = 1,
  ICSK_TIME_PROBE0 = 3,
  ICSK_TIME_LOSS_PROBE = 5,
  ICSK_TIME_REO_TIMEOUT
};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct inet_connection_sock {
  struct inet_sock icsk_inet;
  struct timer_list icsk_keepalive_timer;
  __u8 icsk_retransmits;
  __u8 icsk_pending;
  __u8 icsk_probes_out;
};

struct tcp_sock {
  struct inet_connection_sock inet_conn;
  __u32 rcv_nxt;
  __u32 copied_seq;
  __u32 write_seq;
  __u32 snd_una;
};

struct request_sock {
  __u8 num_retrans;
};

struct inet_request_sock {
  struct request_sock req;
};

struct tcp_request_sock {
  struct inet_request_sock req;
};

struct inet_timewait_sock {
  unsigned char tw_substate;
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

// What only some states have.
struct details {
  const char* timer;
  __u32 retransmits;
  __u32 received;
  __u32 to_send;
  __u8 state;
  unsigned long inode;
};

static __always_inline bool is_pending(struct timer_list* timer) {
  return BPF_CORE_READ(timer, entry.pprev) != NULL;
}

static __always_inline void look_at_timer(struct details* details,
                                          struct inet_connection_sock* icsk) {
  struct sock* sk = &icsk->icsk_inet.sk;
  __u8 pending = icsk->icsk_pending;
  struct timer_list* keepalive;

  if (bpf_core_field_exists(icsk->icsk_keepalive_timer)) {
    keepalive = &icsk->icsk_keepalive_timer;
  } else {
    keepalive = &sk->sk_timer;
  }

  if (pending == ICSK_TIME_RETRANS || pending == ICSK_TIME_LOSS_PROBE ||
      pending == ICSK_TIME_REO_TIMEOUT) {
    details->timer = "on";
    details->retransmits = icsk->icsk_retransmits;
  } else if (pending == ICSK_TIME_PROBE0) {
    details->timer = "persist";
    details->retransmits = icsk->icsk_probes_out;
  } else if (is_pending(keepalive)) {
    details->timer = "keepalive";
    details->retransmits = icsk->icsk_probes_out;
  }
}

static __always_inline void look_at_socket(struct details* details, struct tcp_sock* tcp) {
  struct sock* sk = &tcp->inet_conn.icsk_inet.sk;

  if (details->state == TCP_LISTEN) {
    details->received = sk->sk_ack_backlog;
    details->to_send = sk->sk_max_ack_backlog;
  } else {
    __s32 received = tcp->rcv_nxt - tcp->copied_seq;

    details->received = received < 0 ? 0 : received;  // the FIN counts as read, but not as received
    details->to_send = tcp->write_seq - tcp->snd_una;
  }
  details->inode = inode_number(sk);
  look_at_timer(details, &tcp->inet_conn);
}

SEC("iter/tcp")
int bpfdump_tcp(struct bpf_iter__tcp* ctx) {
  struct seq_file* seq = ctx->meta->seq;
  struct sock_common* skc = ctx->sk_common;
  struct details details = {.timer = "-"};
  struct tcp_sock* tcp;
  struct tcp_request_sock* request;
  struct tcp_timewait_sock* timewait;

  if (skc ? ctx->meta->seq_num == 0 : ctx->meta->seq_num == NO_SOCKET) {
    BPF_SEQ_PRINTF(
        seq,
        "FAMILY STATE          RECV-Q     SEND-Q TIMER     RETRANS        UID      INODE "
        "LOCAL                          PEER\n");
  }
  if (!skc) return 0;

  details.state = skc->skc_state;
  if ((tcp = bpf_skc_to_tcp_sock(skc))) {
    look_at_socket(&details, tcp);
  } else if ((timewait = bpf_skc_to_tcp_timewait_sock(skc))) {
    // A socket that waits for the other's FIN is also kept in this small form.
    details.state = timewait->tw_sk.tw_substate;
    details.timer = "timewait";
  } else if ((request = bpf_skc_to_tcp_request_sock(skc))) {
    details.timer = "on";
    details.retransmits = request->req.req.num_retrans;
  }

  BPF_SEQ_PRINTF(seq, "%-6s %-10s %10u %10u %-9s %7u %10u %10lu", family_name(skc),
                 state_name(details.state), details.received, details.to_send, details.timer,
                 details.retransmits, ctx->uid, details.inode);
  write_ends(seq, skc);
  return 0;
}
