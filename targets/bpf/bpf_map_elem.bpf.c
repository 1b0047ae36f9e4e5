// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// The elements of a map, as records that loader/map_rows makes text of.
#include "map_bytes.h"
#include "map_iterators.h"
#include "map_rows.h"
#include "possible_cpus.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("iter/bpf_map_elem")
int bpfdump_bpf_map_elem(struct bpf_iter__bpf_map_elem* ctx) {
  struct seq_file* seq = ctx->meta->seq;
  struct bpf_map* map = ctx->map;
  void* key = ctx->key;
  void* value = ctx->value;

  if (!map || !key || !value) return 0;

  struct map_row row = {.key_size = map->key_size, .value_size = map->value_size};
  switch (map->map_type) {
    case BPF_MAP_TYPE_PERCPU_HASH:
    case BPF_MAP_TYPE_PERCPU_ARRAY:
    case BPF_MAP_TYPE_LRU_PERCPU_HASH:
      row.value_size = round_up(row.value_size, 8) * possible_cpu_count();
      break;
    default:
      break;
  }
  row.size = sizeof(row) + row.key_size + row.value_size;

  bpf_seq_write(seq, &row, sizeof(row));
  write_bytes(seq, address_of(key), row.key_size);
  write_bytes(seq, address_of(value), row.value_size);
  return 0;
}
