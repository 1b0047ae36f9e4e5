// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// Open files without a name: their space is free again only when the last process closes them.

typedef unsigned char __u8;
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef unsigned long long __u64;
typedef int __s32;
typedef long long __s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;
enum bpf_map_type { BPF_MAP_TYPE_UNUSED };  // bpf_helpers.h wants the name

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct seq_file;

struct bpf_iter_meta {
  struct seq_file* seq;
  __u64 seq_num;
};

struct task_struct {
  int tgid;
  char comm[16];
};

struct inode {
  __s64 i_size;
  unsigned int i_nlink;
};

struct path {
  void* dentry;
};

struct file {
  struct inode* f_inode;
  struct path f_path;
};

struct bpf_iter__task_file {
  struct bpf_iter_meta* meta;
  struct task_struct* task;
  __u32 fd;
  struct file* file;
};

#pragma clang attribute pop

SEC("iter/task_file")
int deleted_files(struct bpf_iter__task_file* ctx) {
  struct seq_file* seq = ctx->meta->seq;
  struct task_struct* task = ctx->task;
  struct file* file = ctx->file;
  char path[256];  // of 512 bytes of stack

  if (!task || !file) return 0;  // the call that ends a dump
  if (ctx->meta->seq_num == 0) {
    BPF_SEQ_PRINTF(seq, "      TGID         FD                 SIZE COMM            PATH\n");
  }
  if (file->f_inode->i_nlink) return 0;

  if (bpf_d_path(&file->f_path, path, sizeof(path)) < 0) {
    BPF_SNPRINTF(path, sizeof(path), "(more than %u bytes)", (__u32)sizeof(path) - 1);
  }
  BPF_SEQ_PRINTF(seq, "%10d %10u %20lld %-15s %s\n", task->tgid, ctx->fd, file->f_inode->i_size,
                 task->comm, path);
  return 0;
}
