// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#ifndef BPFDUMP_MAP_SOCKET_H_
#define BPFDUMP_MAP_SOCKET_H_

#include <bpf/bpf_endian.h>

#include "map_rows.h"
#include "socket.h"

static __always_inline void describe_socket(struct sock* sk, struct map_socket* to) {
  struct sock_common* common = &sk->__sk_common;

  // Gives the socket its cookie if nobody has asked for it yet, as every look at it does.
  to->cookie = bpf_get_socket_cookie(sk);
  to->inode = inode_number(sk);
  to->netns = common->skc_net.net->ns.inum;
  to->family = common->skc_family;
  to->type = sk->sk_type;
  to->protocol = sk->sk_protocol;
  to->state = common->skc_state;
  if (to->family == AF_INET) {
    __builtin_memcpy(to->local, &common->skc_rcv_saddr, sizeof(common->skc_rcv_saddr));
    __builtin_memcpy(to->peer, &common->skc_daddr, sizeof(common->skc_daddr));
  } else if (to->family == AF_INET6) {
    bpf_probe_read_kernel(to->local, sizeof(to->local), &common->skc_v6_rcv_saddr);
    bpf_probe_read_kernel(to->peer, sizeof(to->peer), &common->skc_v6_daddr);
  } else {
    return;
  }
  to->local_port = common->skc_num;
  to->peer_port = bpf_ntohs(common->skc_dport);
}

#endif  // BPFDUMP_MAP_SOCKET_H_
