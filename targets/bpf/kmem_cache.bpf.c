// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// The slab caches, with what /proc/slabinfo has as num_objs, objsize, objperslab, pagesperslab and
// num_slabs. The objects in use are not here: to count them means to walk lists of slabs under a
// lock that a program cannot take.
#include "kernel.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct kmem_cache_order_objects {
  unsigned int x;
};

struct kmem_cache_node {
  atomic_long_t nr_slabs;
  atomic_long_t total_objects;
};

struct kmem_cache {
  unsigned int size;
  unsigned int object_size;
  unsigned int align;
  struct kmem_cache_order_objects oo;
  const char* name;
  struct kmem_cache_node* node[0];
};

struct bpf_iter__kmem_cache {
  struct bpf_iter_meta* meta;
  struct kmem_cache* s;
};

#pragma clang attribute pop

// As old as this target (Linux 6.13).
extern struct kmem_cache* bpf_get_kmem_cache(__u64 address) __ksym;

#define MAX_NODES 1024
#define OBJECTS_BITS 16  // of oo, the order is in the bits above

struct totals {
  struct kmem_cache_node** nodes;  // as a number to the verifier
  __u64 count;
  __s64 slabs;
  __s64 objects;
};

static long add_node(__u32 at, struct totals* t) {
  struct kmem_cache_node* node = NULL;

  if (at >= t->count) return 1;
  bpf_probe_read_kernel(&node, sizeof(node), t->nodes + at);
  if (!node) return 0;
  t->slabs += BPF_CORE_READ(node, nr_slabs.counter);
  t->objects += BPF_CORE_READ(node, total_objects.counter);
  return 0;
}

// A cache is followed by a pointer for each NUMA node that is possible here. Caches are objects of
// a cache themselves, so how long they are, that one knows.
static __always_inline __u64 node_count(struct kmem_cache* cache) {
  struct kmem_cache* caches = bpf_get_kmem_cache(address_of(cache));
  __u64 fixed = bpf_core_field_offset(cache->node);

  return caches ? (caches->object_size - fixed) / sizeof(cache->node[0]) : 0;
}

SEC("iter/kmem_cache")
int bpfdump_kmem_cache(struct bpf_iter__kmem_cache* ctx) {
  struct seq_file* seq = ctx->meta->seq;
  struct kmem_cache* cache = ctx->s;
  struct kmem_cache_node* node = NULL;  // for the question whether a field exists
  __u64 name[32];

  if (!cache) return 0;
  if (ctx->meta->seq_num == 0) {
    BPF_SEQ_PRINTF(seq,
                   "NAME                        OBJECTS      SLABS    OBJSIZE     USABLE  ALIGN"
                   " OBJS/SLAB PAGES/SLAB\n");
  }

  bpf_probe_read_kernel_str(name, sizeof(name), cache->name);
  replace_control(name, sizeof(name) / sizeof(name[0]));

  __u32 order_objects = cache->oo.x;

  BPF_SEQ_PRINTF(seq, "%-24s ", name);
  // Without CONFIG_SLUB_DEBUG nobody counts.
  if (bpf_core_field_exists(node->nr_slabs)) {
    struct totals t = {.nodes = (void*)address_of(cache->node), .count = node_count(cache)};

    bpf_loop(MAX_NODES, add_node, &t, 0);
    BPF_SEQ_PRINTF(seq, "%10lld %10lld ", t.objects, t.slabs);
  } else {
    BPF_SEQ_PRINTF(seq, "%10s %10s ", "-", "-");
  }
  BPF_SEQ_PRINTF(seq, "%10u %10u %6u %9u %10u\n", cache->size, cache->object_size, cache->align,
                 order_objects & ((1 << OBJECTS_BITS) - 1), 1U << (order_objects >> OBJECTS_BITS));
  return 0;
}
