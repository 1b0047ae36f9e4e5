// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#ifndef BPFDUMP_POSSIBLE_CPUS_H_
#define BPFDUMP_POSSIBLE_CPUS_H_

#include "kernel.h"

// The kernel rounds the size of an LRU map with this flag up to a multiple of the number of
// possible CPUs. So max_entries of this one is that number, without holes as nr_cpu_ids has.
struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(map_flags, BPF_F_NO_COMMON_LRU);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, __u32);
} possible_cpus SEC(".maps");

static __always_inline __u64 possible_cpu_count(void) {
  struct bpf_map* map = (void*)address_of(&possible_cpus);

  return BPF_CORE_READ(map, max_entries);
}

static __always_inline __u64 round_up(__u64 n, __u64 unit) { return (n + unit - 1) / unit * unit; }

#endif  // BPFDUMP_POSSIBLE_CPUS_H_
