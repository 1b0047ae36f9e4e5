// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// Maps of many types, with keys and values of many types. The test fills them.
#include "../../../targets/bpf/kernel.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

enum t_color { T_RED = 1, T_GREEN = 2, T_NEGATIVE = -3 };

typedef __u32 t_counter;

struct t_point {
  short x;
  short y;
};

struct t_value {
  __u8 u8;
  signed char s8;
  __u16 u16;
  short s16;
  __u32 u32;
  int s32;
  __u64 u64;
  __s64 s64;
  __int128 s128;
  char text[16];
  char letters[4][4];
  volatile const t_counter counter;
  enum t_color color;
  struct t_point points[2];
  unsigned int three : 3;
  int ten : 10;
  __u64 forty : 40;
  union {
    __u32 number;
    __u8 bytes[4];
  };
  struct {
    t_counter list[2][3];
  } named;
  struct {
  } empty;
  __u8 none[0];
};

#define MAP(name, map_type, key_type, value_type) \
  struct {                                        \
    __uint(type, map_type);                       \
    __uint(max_entries, 300);                     \
    __type(key, key_type);                        \
    __type(value, value_type);                    \
  } name SEC(".maps")

MAP(t_hash, BPF_MAP_TYPE_HASH, struct t_point, struct t_value);
MAP(t_lru, BPF_MAP_TYPE_LRU_HASH, enum t_color, struct t_value);
MAP(t_array, BPF_MAP_TYPE_ARRAY, __u32, struct t_value);
MAP(t_percpu_hash, BPF_MAP_TYPE_PERCPU_HASH, __u64, struct t_point);
MAP(t_percpu_array, BPF_MAP_TYPE_PERCPU_ARRAY, __u32, __u8);
MAP(t_lru_percpu, BPF_MAP_TYPE_LRU_PERCPU_HASH, __u32, struct t_value);
MAP(t_numbers, BPF_MAP_TYPE_HASH, t_counter, __s64);
MAP(t_sockmap, BPF_MAP_TYPE_SOCKMAP, __u32, __u64);
MAP(t_sockhash, BPF_MAP_TYPE_SOCKHASH, struct t_point, __u64);

struct {
  __uint(type, BPF_MAP_TYPE_SK_STORAGE);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, int);
  __type(value, struct t_point);
} t_storage SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 300);
  __uint(key_size, 3);
  __uint(value_size, 1000);
} t_untyped SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 2);
  __uint(key_size, 700);
  __uint(value_size, 30000);
} t_large SEC(".maps");

struct t_value data = {.u8 = 7, .text = "global", .color = T_NEGATIVE};
int answer = 42;
__u64 zero;

SEC("iter/task")
int t_typed_maps(struct bpf_iter__task* ctx) {
  if (ctx->task) answer++, zero++, data.u32++;
  return 0;
}
