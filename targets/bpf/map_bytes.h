// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#ifndef BPFDUMP_MAP_BYTES_H_
#define BPFDUMP_MAP_BYTES_H_

#include "kernel.h"

#define BYTES_AT_ONCE 256

struct bytes_to_write {
  struct seq_file* seq;
  __u64 address;
  __u32 size;
};

static __noinline long write_some_bytes(struct seq_file* seq, __u64 address, __u32 size) {
  __u64 bytes[BYTES_AT_ONCE / sizeof(__u64)] = {};

  if (size > sizeof(bytes)) return 1;
  bpf_probe_read_kernel(bytes, size, (void*)address);
  return bpf_seq_write(seq, bytes, size);
}

static long write_part(__u32 index, struct bytes_to_write* all) {
  __u32 offset = index * BYTES_AT_ONCE;
  __u32 size = all->size - offset;

  if (size > BYTES_AT_ONCE) size = BYTES_AT_ONCE;
  return write_some_bytes(all->seq, all->address + offset, size) ? 1 : 0;
}

// Writes a key or value of any size; what does not fit is the kernel's to report. The kernel
// attaches a program only to maps whose keys and values are as large as the accesses that the
// verifier saw, so this must not be an access: it reads at a plain address.
static __always_inline void write_bytes(struct seq_file* seq, __u64 address, __u32 size) {
  if (size <= BYTES_AT_ONCE) {
    write_some_bytes(seq, address, size);
  } else {
    struct bytes_to_write all = {.seq = seq, .address = address, .size = size};

    bpf_loop((size + BYTES_AT_ONCE - 1) / BYTES_AT_ONCE, write_part, &all, 0);
  }
}

#endif  // BPFDUMP_MAP_BYTES_H_
