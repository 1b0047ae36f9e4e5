// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// States and addresses of internet sockets, as ss writes them. Include it after kernel.h.
#ifndef BPFDUMP_INET_H_
#define BPFDUMP_INET_H_

#include <bpf/bpf_endian.h>

#define NETDEV_HASHENTRIES 256

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct inet_sock {
  struct sock sk;
};

#pragma clang attribute pop

// Not static: clang 14 merges static strings into a section that its BTF does not describe rightly.
// By the number of the state, which is not more than 15.
const char state_names[16][12] = {"?",          "ESTAB",      "SYN-SENT",  "SYN-RECV",
                                  "FIN-WAIT-1", "FIN-WAIT-2", "TIME-WAIT", "UNCONN",
                                  "CLOSE-WAIT", "LAST-ACK",   "LISTEN",    "CLOSING",
                                  "SYN-RECV",   "BOUND",      "?",         "?"};

static __always_inline const char* state_name(__u8 state) { return state_names[state & 15]; }

static __always_inline const char* family_name(struct sock_common* skc) {
  return skc->skc_family == AF_INET6 ? "inet6" : "inet";
}

// An IPv6 address as RFC 5952 has it, which bpf_seq_printf() can't print. One that may hold an IPv4
// address is written like that. 46 bytes at most, with the NUL. Without branches but for that,
// since the verifier would follow every way through them.
static __always_inline void format_ipv6(char text[64], const __u8 address[16]) {
  __u32 words[8], zeros = 0, skipped = 0, at = 0;  // in the two in the middle, a bit is a word

  for (int i = 0; i < 8; i++) {
    words[i] = (__u32)address[2 * i] << 8 | address[2 * i + 1];
    zeros |= (words[i] - 1) >> 31 << i;
  }
  // The longest run of zeros; of several, the first.
  for (__u32 length = 2, runs = zeros; length <= 8; length++) {
    runs &= runs >> 1;  // where a run of this length begins

    __u32 mask = -((runs + 0xff) >> 8);  // all ones, if there is one
    skipped = (skipped & ~mask) | (runs & -runs) * ((1 << length) - 1);
  }
  if (skipped == 0x3f || (skipped == 0x1f && words[5] == 0xffff)) {
    BPF_SNPRINTF(text, 64, "%s%pI4", skipped == 0x3f ? "::" : "::ffff:", &address[12]);
    return;
  }
  for (int i = 0; i < 8; i++) {
    __u32 shown = ~(skipped >> i) & 1, begins = (skipped & -skipped) >> i & 1;

    text[at & 63] = ':';
    at += begins | (shown & (i > 0));
    for (int shift = 12; shift >= 0; shift -= 4) {
      __u32 digit = words[i] >> shift & 15;
      __u32 significant = shift ? ((words[i] >> shift) + 0xffff) >> 16 : 1;

      text[at & 63] = digit + '0' + (digit + 6) / 16 * ('a' - '0' - 10);
      at += shown & significant;
    }
  }
  text[at & 63] = ':';
  at += skipped >> 7;
  text[at & 63] = 0;
}

// The name of the device that a socket is bound to, after a '%'; its number where it has gone.
static __always_inline void format_device(char text[24], struct sock_common* skc) {
  int index = skc->skc_bound_dev_if;
  struct net* net = skc->skc_net.net;
  struct hlist_head* heads = BPF_CORE_READ(net, dev_index_head);
  struct hlist_node* node = NULL;
  __u64 name[3] = {};

  if (index == 0) return;
  bpf_probe_read_kernel(&node, sizeof(node), heads + (__u32)index % NETDEV_HASHENTRIES);
  for (int i = 0; i < 64 && node; i++) {
    struct net_device* device = (void*)node - bpf_core_field_offset(struct net_device, index_hlist);

    if (BPF_CORE_READ(device, ifindex) == index) {
      bpf_probe_read_kernel_str(name, 16, &device->name);
      replace_control(name, 2);
      BPF_SNPRINTF(text, 24, "%%%s", name);
      return;
    }
    node = BPF_CORE_READ(node, next);
  }
  BPF_SNPRINTF(text, 24, "%%%d", index);
}

// Writes "LOCAL PEER" and the line's end in two calls. All states of a socket have the common part.
// A function, not inline, for the sake of the stack.
static __noinline int write_end(struct seq_file* seq, struct sock_common* skc, bool peer) {
  __u16 number = peer ? bpf_ntohs(skc->skc_dport) : skc->skc_num;
  char end[72];  // "[ADDRESS]%DEVICE:PORT": 70 bytes at most, with the NUL
  char address[64] = "*", device[24] = "", port[8] = "*";
  bool brackets = 0;

  if (skc->skc_family == AF_INET6) {
    __u64 ipv6[2] = {};

    bpf_probe_read_kernel(ipv6, sizeof(ipv6), peer ? &skc->skc_v6_daddr : &skc->skc_v6_rcv_saddr);
    // "*": any address, also of IPv4.
    brackets = ipv6[0] || ipv6[1] || BPF_CORE_READ_BITFIELD(skc, skc_ipv6only);
    if (brackets) format_ipv6(address, (const __u8*)ipv6);
  } else {
    BPF_SNPRINTF(address, sizeof(address), "%pI4", peer ? &skc->skc_daddr : &skc->skc_rcv_saddr);
  }
  if (!peer) format_device(device, skc);
  if (number) BPF_SNPRINTF(port, sizeof(port), "%u", number);

  BPF_SNPRINTF(end, sizeof(end), "%s%s%s%s:%s", brackets ? "[" : "", address, brackets ? "]" : "",
               device, port);
  if (peer) {
    BPF_SEQ_PRINTF(seq, " %s\n", end);
  } else {
    BPF_SEQ_PRINTF(seq, " %-30s", end);
  }
  return 0;
}

static __always_inline void write_ends(struct seq_file* seq, struct sock_common* skc) {
  write_end(seq, skc, 0);
  write_end(seq, skc, 1);
}

#endif  // BPFDUMP_INET_H_
