// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// Dumps of a fixed number of lines, whatever the machine holds: the first open files only.
#include "../../targets/bpf/kernel.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

static __always_inline int first(struct bpf_iter__task_file* ctx, __u64 lines) {
  struct task_struct* task = ctx->task;
  __u64 line = ctx->meta->seq_num;

  if (!task || !ctx->file || line >= lines) return 0;
  BPF_SEQ_PRINTF(ctx->meta->seq, "%8llu %8d %8d %8d\n", line, task->tgid, task->pid, ctx->fd);
  return 0;
}

SEC("iter/task_file")
int lines_100(struct bpf_iter__task_file* ctx) { return first(ctx, 100); }

SEC("iter/task_file")
int lines_100000(struct bpf_iter__task_file* ctx) { return first(ctx, 100000); }
