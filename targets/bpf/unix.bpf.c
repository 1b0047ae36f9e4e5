// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// The unix sockets of the network namespace that opens the iterator, as /proc/net/unix.
#include "kernel.h"

#include "socket.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define SO_ACCEPTCON (1 << 16)

enum { SS_UNCONNECTED = 1, SS_CONNECTING, SS_CONNECTED, SS_DISCONNECTING };

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct sockaddr_un {
  __u16 sun_family;
  char sun_path[108];
};

struct unix_address {
  int len;
  struct sockaddr_un name[0];
};

struct unix_sock {
  struct sock sk;
  struct unix_address* addr;
};

struct bpf_unix_iter_state {
  unsigned int cur_sk;
  unsigned int end_sk;
};

struct seq_file {
  __u64 count;
  void* private;
};

struct bpf_iter__unix {
  struct bpf_iter_meta* meta;
  struct unix_sock* unix_sk;
};

#pragma clang attribute pop

// A socket's line, in two parts.
struct line {
  __u32 head_size;
  __u32 name_size;
  char head[80];
  union {
    char name[128];
    __u64 words[128 / sizeof(__u64)];
  };
};

// The iterator takes a whole hash bucket at a time, and when the seq buffer is full, it goes on
// with the next bucket: what was left of this one is lost (seen on Linux 6.18).
// So the buffer must never be full within a bucket. At the last socket of a bucket, when
// there is enough to make way for, the program keeps that socket's line and gives the rest to the
// reader, as if the line did not fit; it comes first the next time. Where the buffer is full all
// the same, the dump must fail.
#define ENOUGH 4096

struct kept {
  struct sock* sk;  // not to be looked into: it may be gone
  bool lost;
  struct line line;
};

// By session. Those of readers that gave up are the ones that go when there are too many.
struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 16384);  // well above the files that may be open
  __type(key, __u64);
  __type(value, struct kept);
} kept_lines SEC(".maps");

static __always_inline long write_line(struct seq_file* seq, struct line* line) {
  __u32 head_size = line->head_size, name_size = line->name_size;

  barrier_var(head_size);  // or clang reads them again after the check
  barrier_var(name_size);
  if (head_size > sizeof(line->head) || name_size > sizeof(line->name)) return 0;
  bpf_seq_write(seq, line->head, head_size);
  return bpf_seq_write(seq, line->name, name_size);
}

// Puts '@' for NUL, eight bytes at a time. Unrolled, since Linux 6.1 refuses some loops by how they
// lie in the program.
static __always_inline void fill_zeros(__u64 words[16]) {
  const __u64 ones = 0x0101010101010101, low = 0x7f * ones;

#pragma unroll
  for (int i = 0; i < 16; i++) {
    __u64 zero = ~(((words[i] & low) + low) | words[i] | low);  // 0x80 in each byte that is 0

    words[i] |= (zero >> 7) * '@';
  }
}

// " NAME\n", or only the line's end where the socket has none.
static __always_inline void format_name(struct line* line, struct unix_address* addr) {
  // The path and, of a path that fills sun_path, the NUL that the kernel adds.
  const __u32 longest = sizeof(((struct sockaddr_un*)NULL)->sun_path) + 1;
  __u32 size = addr ? addr->len - __builtin_offsetof(struct sockaddr_un, sun_path) : 0;
  char* name = line->name;

  if (size == 0 || size > longest) {
    name[0] = '\n';
    line->name_size = 1;
    return;
  }
  name[0] = ' ';
  bpf_probe_read_kernel(name + 1, size, addr->name[0].sun_path);
  // A path ends in NUL, which makes room for the line's end. An abstract name begins with one, and
  // may have more of them.
  if (name[1]) size--;
  fill_zeros(line->words);
  name[1 + size] = '\n';
  line->name_size = size + 2;
}

static __always_inline void format_line(struct line* line, struct unix_sock* u) {
  struct sock* sk = &u->sk;
  __u8 state = sk->__sk_common.skc_state;
  bool connected = state == TCP_ESTABLISHED;
  int socket_state = connected ? SS_CONNECTING : SS_DISCONNECTING;

  if (sk->sk_socket) socket_state = connected ? SS_CONNECTED : SS_UNCONNECTED;

  // The iterator holds a reference of its own.
  line->head_size =
      BPF_SNPRINTF(line->head, sizeof(line->head), "%p: %08X %08X %08X %04X %02X %5lu", sk,
                   sk->__sk_common.skc_refcnt.refs.counter - 1, 0,
                   state == TCP_LISTEN ? SO_ACCEPTCON : 0, sk->sk_type, socket_state,
                   inode_number(sk)) -
      1;  // without the NUL
  format_name(line, u->addr);
}

static __always_inline bool is_last_of_bucket(struct seq_file* seq) {
  struct bpf_unix_iter_state* state = seq->private;

  return BPF_CORE_READ(state, cur_sk) + 1 == BPF_CORE_READ(state, end_sk);
}

// E2BIG for the reader, at the beginning of a buffer.
static __always_inline void fail(struct seq_file* seq, struct line* line) {
  for (int i = 0; i < 1000; i++) bpf_seq_write(seq, line->name, sizeof(line->name));
}

SEC("iter/unix")
int bpfdump_unix(struct bpf_iter__unix* ctx) {
  struct seq_file* seq = ctx->meta->seq;
  struct unix_sock* u = ctx->unix_sk;
  __u64 session = ctx->meta->session_id;
  struct kept now = {.sk = (struct sock*)u};
  struct kept* kept = bpf_map_lookup_elem(&kept_lines, &session);

  if (u ? ctx->meta->seq_num == 0 : ctx->meta->seq_num == NO_SOCKET) {
    BPF_SEQ_PRINTF(seq, "Num       RefCount Protocol Flags    Type St Inode Path\n");
  }
  if (kept && kept->sk != now.sk) {
    if (kept->lost) {
      fail(seq, &kept->line);
      return 0;
    }
    write_line(seq, &kept->line);
  }
  // A kernel that does go on within the bucket comes to the same socket again.
  if (kept) bpf_map_delete_elem(&kept_lines, &session);
  if (!u) return 0;

  format_line(&now.line, u);
  if (seq->count >= ENOUGH && is_last_of_bucket(seq)) {
    if (bpf_map_update_elem(&kept_lines, &session, &now, 0) == 0) return 1;
  }
  if (write_line(seq, &now.line)) {
    now.lost = 1;
    bpf_map_update_elem(&kept_lines, &session, &now, 0);
  }
  return 0;
}
