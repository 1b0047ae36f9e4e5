// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// The DMA buffers, with what debugfs has in dma_buf/bufinfo as size, flags, ino, exp_name and name.
#include "kernel.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct dma_buf {
  unsigned long size;
  struct file* file;
  const char* exp_name;
  const char* name;
};

struct bpf_iter__dmabuf {
  struct bpf_iter_meta* meta;
  struct dma_buf* dmabuf;
};

#pragma clang attribute pop

SEC("iter/dmabuf")
int bpfdump_dmabuf(struct bpf_iter__dmabuf* ctx) {
  struct seq_file* seq = ctx->meta->seq;
  struct dma_buf* buffer = ctx->dmabuf;
  __u64 exporter[8] = {}, name[4] = {};  // a name has at most 31 bytes

  if (!buffer) return 0;
  if (ctx->meta->seq_num == 0) {
    BPF_SEQ_PRINTF(seq, "        SIZE FLAGS         INODE EXPORTER         NAME\n");
  }

  struct file* file = buffer->file;

  bpf_probe_read_kernel_str(exporter, sizeof(exporter), buffer->exp_name);
  replace_control(exporter, sizeof(exporter) / sizeof(exporter[0]));
  if (buffer->name) bpf_probe_read_kernel_str(name, sizeof(name), buffer->name);
  replace_control(name, sizeof(name) / sizeof(name[0]));

  BPF_SEQ_PRINTF(seq, "%12lu %08x %10lu %-16s %s\n", buffer->size, file->f_flags,
                 file->f_inode->i_ino, exporter, buffer->name ? (char*)name : "<none>");
  return 0;
}
