// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// Four numbers for every open file, as the 2020 letter's example printed them.
#include "../../targets/bpf/kernel.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("iter/task_file")
int printing(struct bpf_iter__task_file* ctx) {
  struct task_struct* task = ctx->task;
  struct file* file = ctx->file;

  if (!task || !file) return 0;
  BPF_SEQ_PRINTF(ctx->meta->seq, "%8d %8d %8d %llx\n", task->tgid, task->pid, ctx->fd, file->f_pos);
  return 0;
}
