// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// Prints more for one object than the kernel's buffer of 32 KiB can hold.
#include "../../../targets/bpf/kernel.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct record {
  char bytes[48 * 1024];
};

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct record);
} t_record SEC(".maps");

SEC("iter/task")
int t_too_large(struct bpf_iter__task* ctx) {
  __u64 number = ctx->meta->seq_num;
  __u32 zero = 0;

  if (!ctx->task) return 0;
  if (number < 3) BPF_SEQ_PRINTF(ctx->meta->seq, "record %llu\n", number);
  if (number == 3) {
    struct record* record = bpf_map_lookup_elem(&t_record, &zero);

    if (record) bpf_seq_write(ctx->meta->seq, record, sizeof(*record));
  }
  return 0;
}
