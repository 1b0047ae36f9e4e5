// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// All BPF maps, with the memory that `bpftool map` shows as memlock. Since Linux commit
// 90a5527d7686 ("bpf: add new map ops ->map_mem_usage") (in v6.4) each map type calculates that in
// a function of its own. A program cannot call these, so memory() calculates what they do.
#include "percpu.h"
#include "possible_cpus.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

// As bpftool names them.
const char type_names[][22] = {
    [BPF_MAP_TYPE_HASH] = "hash",
    [BPF_MAP_TYPE_ARRAY] = "array",
    [BPF_MAP_TYPE_PROG_ARRAY] = "prog_array",
    [BPF_MAP_TYPE_PERF_EVENT_ARRAY] = "perf_event_array",
    [BPF_MAP_TYPE_PERCPU_HASH] = "percpu_hash",
    [BPF_MAP_TYPE_PERCPU_ARRAY] = "percpu_array",
    [BPF_MAP_TYPE_STACK_TRACE] = "stack_trace",
    [BPF_MAP_TYPE_CGROUP_ARRAY] = "cgroup_array",
    [BPF_MAP_TYPE_LRU_HASH] = "lru_hash",
    [BPF_MAP_TYPE_LRU_PERCPU_HASH] = "lru_percpu_hash",
    [BPF_MAP_TYPE_LPM_TRIE] = "lpm_trie",
    [BPF_MAP_TYPE_ARRAY_OF_MAPS] = "array_of_maps",
    [BPF_MAP_TYPE_HASH_OF_MAPS] = "hash_of_maps",
    [BPF_MAP_TYPE_DEVMAP] = "devmap",
    [BPF_MAP_TYPE_SOCKMAP] = "sockmap",
    [BPF_MAP_TYPE_CPUMAP] = "cpumap",
    [BPF_MAP_TYPE_XSKMAP] = "xskmap",
    [BPF_MAP_TYPE_SOCKHASH] = "sockhash",
    [BPF_MAP_TYPE_CGROUP_STORAGE] = "cgroup_storage",
    [BPF_MAP_TYPE_REUSEPORT_SOCKARRAY] = "reuseport_sockarray",
    [BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE] = "percpu_cgroup_storage",
    [BPF_MAP_TYPE_QUEUE] = "queue",
    [BPF_MAP_TYPE_STACK] = "stack",
    [BPF_MAP_TYPE_SK_STORAGE] = "sk_storage",
    [BPF_MAP_TYPE_DEVMAP_HASH] = "devmap_hash",
    [BPF_MAP_TYPE_STRUCT_OPS] = "struct_ops",
    [BPF_MAP_TYPE_RINGBUF] = "ringbuf",
    [BPF_MAP_TYPE_INODE_STORAGE] = "inode_storage",
    [BPF_MAP_TYPE_TASK_STORAGE] = "task_storage",
    [BPF_MAP_TYPE_BLOOM_FILTER] = "bloom_filter",
    [BPF_MAP_TYPE_USER_RINGBUF] = "user_ringbuf",
    [BPF_MAP_TYPE_CGRP_STORAGE] = "cgrp_storage",
    [BPF_MAP_TYPE_ARENA] = "arena",
};

#define UNKNOWN (~0ULL)

// The size of a type in the running kernel.
#define KERNEL_SIZE(type) ((__u64)bpf_core_type_size(type))

// A field of a map type that the kernel may be built without.
#define READ(map, field) (bpf_core_field_exists((map)->field) ? BPF_CORE_READ(map, field) : 0)

static __always_inline __u64 array_memory(struct bpf_map* map, __u64 cpus) {
  struct bpf_array* array = (void*)map;
  __u64 elements = (__u64)map->max_entries * BPF_CORE_READ(array, elem_size);
  __u64 header = KERNEL_SIZE(struct bpf_array);

  if (map->map_type == BPF_MAP_TYPE_PERCPU_ARRAY) {
    return header + map->max_entries * sizeof(void*) + elements * cpus;
  }
  if (map->map_flags & BPF_F_MMAPABLE) {
    return round_up(header, BPFDUMP_PAGE_SIZE) + round_up(elements, BPFDUMP_PAGE_SIZE);
  }
  return header + elements;
}

static __always_inline __u64 hash_memory(struct bpf_map* map, __u64 cpus) {
  struct bpf_htab* htab = (void*)map;
  bool lru =
      map->map_type == BPF_MAP_TYPE_LRU_HASH || map->map_type == BPF_MAP_TYPE_LRU_PERCPU_HASH;
  bool percpu =
      map->map_type == BPF_MAP_TYPE_PERCPU_HASH || map->map_type == BPF_MAP_TYPE_LRU_PERCPU_HASH;
  __u64 values = percpu ? round_up(map->value_size, 8) * cpus : 0;
  __u64 element = BPF_CORE_READ(htab, elem_size);

  // Eight locks per CPU: Linux commit 4fa8d68aa53e ("bpf: Convert hashtab.c to rqspinlock") (in
  // v6.15) removes them, but not from the sum.
  __u64 memory = KERNEL_SIZE(struct bpf_htab) +
                 KERNEL_SIZE(struct bucket) * BPF_CORE_READ(htab, n_buckets) +
                 8 * sizeof(__s32) * cpus;

  if (map->map_flags & BPF_F_NO_PREALLOC) {
    // Elements come with a list node from the allocator, the values of all CPUs with another.
    const __u64 node = KERNEL_SIZE(struct llist_node);
    __u64 count = BPF_CORE_READ(htab, use_percpu_counter) ? percpu_counter_sum(&htab->pcount)
                                                          : BPF_CORE_READ(htab, count.counter);

    if (percpu) values += node + sizeof(void*);
    return memory + count * (element + node + values);
  }

  // Where elements are replaced there is a spare one per CPU. Newer hashes of maps have none.
  __u64 spare = BPF_CORE_READ(htab, extra_elems) ? cpus : 0;
  __u64 pointers = percpu || lru ? 0 : cpus;
  return memory + (map->max_entries + spare) * element + map->max_entries * values +
         pointers * sizeof(void*);
}

static __always_inline __u64 struct_ops_memory(struct bpf_map* map) {
  struct bpf_struct_ops_map* ops = (void*)map;
  __u64 functions, pointers = 1;

  if (bpf_core_field_exists(ops->funcs_cnt)) {
    functions = BPF_CORE_READ(ops, funcs_cnt);
    if (bpf_core_field_exists(ops->ksyms)) pointers = 2;
  } else {
    struct bpf_struct_ops_map___old* old = (void*)map;
    const struct btf_type* type = bpf_core_field_exists(ops->st_ops_desc)
                                      ? BPF_CORE_READ(ops, st_ops_desc, value_type)
                                      : BPF_CORE_READ(old, st_ops, value_type);

    functions = BPF_CORE_READ(type, info) & 0xffff;  // the number of the type's members
  }
  return KERNEL_SIZE(struct bpf_struct_ops_map) - KERNEL_SIZE(struct bpf_struct_ops_value) +
         2 * (__u64)map->value_size + functions * pointers * sizeof(void*) + BPFDUMP_PAGE_SIZE;
}

// What the map's map_mem_usage() returns.
static __always_inline __u64 memory(struct bpf_map* map, __u64 cpus) {
  const __u64 pointer = sizeof(void*);
  __u64 max_entries = map->max_entries;

  switch (map->map_type) {
    case BPF_MAP_TYPE_ARRAY:
    case BPF_MAP_TYPE_PROG_ARRAY:
    case BPF_MAP_TYPE_PERF_EVENT_ARRAY:
    case BPF_MAP_TYPE_PERCPU_ARRAY:
    case BPF_MAP_TYPE_CGROUP_ARRAY:
    case BPF_MAP_TYPE_ARRAY_OF_MAPS:
      return array_memory(map, cpus);

    case BPF_MAP_TYPE_HASH:
    case BPF_MAP_TYPE_PERCPU_HASH:
    case BPF_MAP_TYPE_LRU_HASH:
    case BPF_MAP_TYPE_LRU_PERCPU_HASH:
    case BPF_MAP_TYPE_HASH_OF_MAPS:
      return hash_memory(map, cpus);

    case BPF_MAP_TYPE_STACK_TRACE: {
      struct bpf_stack_map* stacks = (void*)map;

      return KERNEL_SIZE(struct bpf_stack_map) + READ(stacks, n_buckets) * pointer +
             max_entries * (KERNEL_SIZE(struct stack_map_bucket) + map->value_size);
    }

    case BPF_MAP_TYPE_LPM_TRIE: {  // without the trie itself and its inner nodes
      struct lpm_trie* trie = (void*)map;

      return BPF_CORE_READ(trie, n_entries) *
             (KERNEL_SIZE(struct lpm_trie_node) + BPF_CORE_READ(trie, data_size) + map->value_size);
    }

    case BPF_MAP_TYPE_DEVMAP:
    case BPF_MAP_TYPE_DEVMAP_HASH: {
      struct bpf_dtab* dtab = (void*)map;
      __u64 heads = map->map_type == BPF_MAP_TYPE_DEVMAP_HASH ? READ(dtab, n_buckets) : max_entries;

      return KERNEL_SIZE(struct bpf_dtab) + heads * pointer +
             READ(dtab, items) * KERNEL_SIZE(struct bpf_dtab_netdev);
    }

    case BPF_MAP_TYPE_SOCKMAP:
      return KERNEL_SIZE(struct bpf_stab) + max_entries * pointer;
    case BPF_MAP_TYPE_CPUMAP:
      return KERNEL_SIZE(struct bpf_cpu_map) + max_entries * pointer;
    case BPF_MAP_TYPE_XSKMAP:
      return KERNEL_SIZE(struct xsk_map) + max_entries * pointer;
    case BPF_MAP_TYPE_REUSEPORT_SOCKARRAY:
      return KERNEL_SIZE(struct reuseport_array) + max_entries * pointer;

    case BPF_MAP_TYPE_SOCKHASH: {
      struct bpf_shtab* htab = (void*)map;

      return KERNEL_SIZE(struct bpf_shtab) +
             READ(htab, buckets_num) * KERNEL_SIZE(struct bpf_shtab_bucket) +
             (__u64)READ(htab, count.counter) * READ(htab, elem_size);
    }

    case BPF_MAP_TYPE_CGROUP_STORAGE:
    case BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE:
      return KERNEL_SIZE(struct bpf_cgroup_storage_map);

    case BPF_MAP_TYPE_QUEUE:
    case BPF_MAP_TYPE_STACK: {
      struct bpf_queue_stack* queue = (void*)map;

      return KERNEL_SIZE(struct bpf_queue_stack) +
             (__u64)BPF_CORE_READ(queue, size) * map->value_size;
    }

    case BPF_MAP_TYPE_SK_STORAGE:
    case BPF_MAP_TYPE_INODE_STORAGE:
    case BPF_MAP_TYPE_TASK_STORAGE:
    case BPF_MAP_TYPE_CGRP_STORAGE: {  // without the stored elements
      struct bpf_local_storage_map* storage = (void*)map;

      return KERNEL_SIZE(struct bpf_local_storage_map) +
             (KERNEL_SIZE(struct bpf_local_storage_map_bucket)
              << (BPF_CORE_READ(storage, bucket_log) & 63));
    }

    case BPF_MAP_TYPE_STRUCT_OPS:
      return struct_ops_memory(map);

    case BPF_MAP_TYPE_RINGBUF:
    case BPF_MAP_TYPE_USER_RINGBUF: {
      struct bpf_ringbuf_map* ringbuf = (void*)map;
      __u64 pages = BPF_CORE_READ(ringbuf, rb, nr_pages);

      // The data pages are mapped twice in a row, so that no record is split.
      return KERNEL_SIZE(struct bpf_ringbuf_map) + pages * (BPFDUMP_PAGE_SIZE + pointer) +
             max_entries / BPFDUMP_PAGE_SIZE * pointer;
    }

    case BPF_MAP_TYPE_BLOOM_FILTER: {
      struct bpf_bloom_filter* bloom = (void*)map;
      __u64 bits = (__u64)BPF_CORE_READ(bloom, bitset_mask) + 1;

      return KERNEL_SIZE(struct bpf_bloom_filter) + round_up(round_up(bits, 8) / 8, sizeof(long));
    }

    case BPF_MAP_TYPE_ARENA:
      return 0;  // its pages are not counted

    default:
      return UNKNOWN;
  }
}

// The estimate of Linux before 6.4, the same for all types.
static __always_inline __u64 old_memory(struct bpf_map* map, __u64 cpus) {
  __u64 value = map->value_size;

  switch (map->map_type) {
    case BPF_MAP_TYPE_PERCPU_HASH:
    case BPF_MAP_TYPE_PERCPU_ARRAY:
    case BPF_MAP_TYPE_LRU_PERCPU_HASH:
    case BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE:
      value = round_up(value, 8) * cpus;
      break;
    default:
      break;
  }
  return round_up(map->max_entries * round_up(map->key_size + value, 8), BPFDUMP_PAGE_SIZE);
}

SEC("iter/bpf_map")
int bpfdump_bpf_map(struct bpf_iter__bpf_map* ctx) {
  struct seq_file* seq = ctx->meta->seq;
  struct bpf_map* map = ctx->map;

  if (!map) return 0;
  if (ctx->meta->seq_num == 0) {
    BPF_SEQ_PRINTF(seq,
                   "        ID TYPE                  NAME                   KEY      VALUE"
                   " MAX_ENTRIES           BYTES\n");
  }

  __u64 cpus = possible_cpu_count();
  __u64 bytes =
      bpf_core_field_exists(map->ops->map_mem_usage) ? memory(map, cpus) : old_memory(map, cpus);
  __u32 type = map->map_type;

  if (type < sizeof(type_names) / sizeof(type_names[0]) && type_names[type][0]) {
    BPF_SEQ_PRINTF(seq, "%10u %-21s ", map->id, type_names[type]);
  } else {
    BPF_SEQ_PRINTF(seq, "%10u %-21u ", map->id, type);
  }
  // A map's name has no blanks and no control characters, but it can be empty.
  BPF_SEQ_PRINTF(seq, "%-15s %10u %10u %11u ", map->name[0] ? map->name : "-", map->key_size,
                 map->value_size, map->max_entries);
  if (bytes == UNKNOWN) {
    BPF_SEQ_PRINTF(seq, "%15s\n", "-");
  } else {
    BPF_SEQ_PRINTF(seq, "%15llu\n", bytes);
  }
  return 0;
}
