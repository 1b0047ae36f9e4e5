// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// The sockets in a map, as records that loader/map_rows makes text of.
#include "map_bytes.h"
#include "map_iterators.h"
#include "map_socket.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("iter/sockmap")
int bpfdump_sockmap(struct bpf_iter__sockmap* ctx) {
  struct seq_file* seq = ctx->meta->seq;
  struct bpf_map* map = ctx->map;
  void* key = ctx->key;
  struct sock* sk = ctx->sk;
  struct {
    struct map_row row;
    struct map_socket socket;
  } start = {};

  if (!map || !key || !sk) return 0;  // a place in a SOCKMAP may have no socket

  start.row.socket_size = sizeof(start.socket);
  start.row.key_size = map->key_size;
  start.row.size = sizeof(start) + start.row.key_size;
  describe_socket(sk, &start.socket);

  bpf_seq_write(seq, &start, sizeof(start));
  write_bytes(seq, address_of(key), start.row.key_size);
  return 0;
}
