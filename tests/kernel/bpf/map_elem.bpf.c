// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// The elements of a map whose keys are numbers of 32 bits and whose values are numbers of 64.
#include "../../../targets/bpf/kernel.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct bpf_map;

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct bpf_iter__bpf_map_elem {
  struct bpf_iter_meta* meta;
  struct bpf_map* map;
  void* key;
  void* value;
};
#pragma clang attribute pop

SEC("iter/bpf_map_elem")
int t_map_elem(struct bpf_iter__bpf_map_elem* ctx) {
  __u32* key = ctx->key;
  __u64* value = ctx->value;

  if (key && value) BPF_SEQ_PRINTF(ctx->meta->seq, "%u: %llu\n", *key, *value);
  return 0;
}
