// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// The contexts of the iterators over one map.
#ifndef BPFDUMP_MAP_ITERATORS_H_
#define BPFDUMP_MAP_ITERATORS_H_

#include "kernel.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct bpf_iter__bpf_map_elem {
  struct bpf_iter_meta* meta;
  struct bpf_map* map;
  void* key;
  void* value;
};

struct bpf_iter__bpf_sk_storage_map {
  struct bpf_iter_meta* meta;
  struct bpf_map* map;
  struct sock* sk;
  void* value;
};

struct bpf_iter__sockmap {
  struct bpf_iter_meta* meta;
  struct bpf_map* map;
  void* key;
  struct sock* sk;
};

#pragma clang attribute pop

#endif  // BPFDUMP_MAP_ITERATORS_H_
