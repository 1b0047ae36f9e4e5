// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// What bpf_map_elem, bpf_sk_storage_map and sockmap write for each element, and loader/map_rows
// makes text of: only user space knows the types of keys and values. Shared by both.
#ifndef BPFDUMP_MAP_ROWS_H_
#define BPFDUMP_MAP_ROWS_H_

#ifndef __bpf__
#include <linux/types.h>
#endif

// Followed by `socket_size` bytes of a struct map_socket, by the key and by the value, without
// gaps.
struct map_row {
  __u32 size;         // of all, this header included
  __u32 socket_size;  // 0, or that of struct map_socket
  __u32 key_size;     // 0 where the element has no key
  __u32 value_size;   // 0 where it has no value; per-CPU maps: of all, each rounded up to 8
};

// Who a socket is, in the kernel's own numbers. The addresses are in the network's byte order, the
// ports are not.
struct map_socket {
  __u64 cookie;
  __u64 inode;  // 0 where no descriptor refers to it
  __u32 netns;  // the inode number of its network namespace
  __u16 family;
  __u16 type;
  __u16 protocol;
  __u16 state;
  __u16 local_port;  // the ports and addresses are those of AF_INET and AF_INET6 only
  __u16 peer_port;
  __u8 local[16];  // AF_INET: the first four
  __u8 peer[16];
};

#endif  // BPFDUMP_MAP_ROWS_H_
