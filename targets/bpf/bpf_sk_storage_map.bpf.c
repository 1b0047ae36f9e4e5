// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// The values that a map keeps for sockets, as records that loader/map_rows makes text of.
#include "map_bytes.h"
#include "map_iterators.h"
#include "map_socket.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("iter/bpf_sk_storage_map")
int bpfdump_bpf_sk_storage_map(struct bpf_iter__bpf_sk_storage_map* ctx) {
  struct seq_file* seq = ctx->meta->seq;
  struct bpf_map* map = ctx->map;
  struct sock* sk = ctx->sk;
  void* value = ctx->value;
  struct {
    struct map_row row;
    struct map_socket socket;
  } start = {};

  if (!map || !sk || !value) return 0;

  start.row.socket_size = sizeof(start.socket);
  start.row.value_size = map->value_size;
  start.row.size = sizeof(start) + start.row.value_size;
  describe_socket(sk, &start.socket);

  bpf_seq_write(seq, &start, sizeof(start));
  write_bytes(seq, address_of(value), start.row.value_size);
  return 0;
}
