// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// Reads the kernel's per-CPU memory. bpf_per_cpu_ptr() takes only what the kernel's BTF marks as
// per-CPU, which GCC could not express for long, and __per_cpu_offset[] is in /proc/kallsyms only
// with CONFIG_KALLSYMS_ALL. But where an own per-CPU map has its value on a CPU is known, and the
// distance from the map's per-CPU pointer to there is the same for every per-CPU pointer.
#ifndef BPFDUMP_PERCPU_H_
#define BPFDUMP_PERCPU_H_

#include "kernel.h"

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, __u64);
} percpu_probe SEC(".maps");

struct percpu_sum {
  __s64 sum;
  __u64 counters;
  __u64 probe;
};

static long percpu_add(__u32 cpu, struct percpu_sum* s) {
  __u32 key = 0;
  void* here = bpf_map_lookup_percpu_elem(&percpu_probe, &key, cpu);
  __s32 count = 0;

  if (!here) return 1;  // cpu >= nr_cpu_ids
  bpf_probe_read_kernel(&count, sizeof(count), (void*)(s->counters + address_of(here) - s->probe));
  s->sum += count;
  return 0;
}

// What the kernel's percpu_counter_sum() returns, without its lock.
static __always_inline __s64 percpu_counter_sum(struct percpu_counter* counter) {
  struct bpf_array* probe = (void*)address_of(&percpu_probe);
  struct percpu_sum s = {
      .sum = BPF_CORE_READ(counter, count),
      .counters = (__u64)BPF_CORE_READ(counter, counters),
      .probe = (__u64)BPF_CORE_READ(probe, pptrs[0]),
  };

  bpf_loop(1 << 13, percpu_add, &s, 0);
  return s.sum;
}

#endif  // BPFDUMP_PERCPU_H_
