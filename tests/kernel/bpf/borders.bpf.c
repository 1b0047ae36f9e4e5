// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// Records of sizes around the borders of the kernel's buffer of 32 KiB and of the daemon's chunks.
// Record N is the letter 'A' + N % 26, repeated, and a line end.
#include "ksym.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

// One byte less than the kernel's buffer is the largest record that fits. Sixteen of them, so that
// the verifier sees an index that can't be too large.
const __u32 t_sizes[16] = {1,     32767, 2,    32766, 1,     16384, 16384, 100,
                           32767, 32767, 4096, 28672, 28671, 3,     32765, 7};

struct record {
  char bytes[32768];
};

// A record of each letter.
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 26);
  __type(key, __u32);
  __type(value, struct record);
} t_letters SEC(".maps");

static __always_inline int print(struct bpf_iter__ksym* ctx, __u64 records, __u64 too_large) {
  __u64 number = ctx->meta->seq_num;
  __u32 letter = number % 26;

  if (!ctx->ksym || number >= records) return 0;
  struct record* record = bpf_map_lookup_elem(&t_letters, &letter);
  if (!record) return 0;

  // The first object of each letter makes its record; it is the same however often it is made.
  if (number < 26) {
    for (__u32 i = 0; i < sizeof(record->bytes); i++) record->bytes[i] = 'A' + letter;
  }
  __u32 size = number == too_large ? 32768 : t_sizes[number & 15];
  bpf_seq_write(ctx->meta->seq, record, (size - 1) & 0x7fff);
  bpf_seq_write(ctx->meta->seq, "\n", 1);
  return 0;
}

SEC("iter/ksym")
int borders(struct bpf_iter__ksym* ctx) { return print(ctx, 300, ~0ULL); }

SEC("iter/ksym")
int large_first(struct bpf_iter__ksym* ctx) { return print(ctx, 20, 0); }

SEC("iter/ksym")
int large_middle(struct bpf_iter__ksym* ctx) { return print(ctx, 20, 10); }

SEC("iter/ksym")
int large_last(struct bpf_iter__ksym* ctx) { return print(ctx, 20, 19); }
