// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// Room for a text that does not fit the stack. Each reading thread has its own: readers can preempt
// one another, so a global or per-CPU buffer would mix them. The kernel frees it with the thread.
#ifndef BPFDUMP_TEXT_H_
#define BPFDUMP_TEXT_H_

#include "kernel.h"

#define PATH_MAX 4096
#define TEXT_SIZE (2 * PATH_MAX)

struct text {
  union {
    __u64 words[TEXT_SIZE / sizeof(__u64)];
    char bytes[TEXT_SIZE];
  };
};

struct {
  __uint(type, BPF_MAP_TYPE_TASK_STORAGE);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, int);
  __type(value, struct text);
} texts SEC(".maps");

// NULL: there is no memory at the moment.
static __always_inline struct text* get_text(void) {
  return bpf_task_storage_get(&texts, bpf_get_current_task_btf(), NULL,
                              BPF_LOCAL_STORAGE_GET_F_CREATE);
}

#endif  // BPFDUMP_TEXT_H_
