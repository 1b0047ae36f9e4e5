// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// A line of about 1000 bytes for every cgroup: soon more than the 32 KiB after which a cgroup
// iterator can't go on.
#include "../../../targets/bpf/kernel.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct cgroup;

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct bpf_iter__cgroup {
  struct bpf_iter_meta* meta;
  struct cgroup* cgroup;
};
#pragma clang attribute pop

SEC("iter/cgroup")
int t_cgroups(struct bpf_iter__cgroup* ctx) {
  if (ctx->cgroup) BPF_SEQ_PRINTF(ctx->meta->seq, "%999llu\n", ctx->meta->seq_num);
  return 0;
}
