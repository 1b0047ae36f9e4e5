// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// Prints its constants of all types that can be set, and has some that can't be.
#include "../../../targets/bpf/kernel.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

enum color { blue = 1, red = 7 };
enum offset { left = -3, right = 3 };
typedef __u16 port_t;

const volatile __u8 u8 = 1;
const volatile port_t u16 = 2;
const volatile __u32 u32 = 3;
const volatile __u64 u64 = 4;
const volatile signed char s8 = -1;
const volatile short s16 = -2;
const volatile int s32 = -3;
const volatile long long s64 = -4;
const volatile _Bool flag = 0;
const volatile enum color color = blue;
const volatile enum offset offset = right;
const volatile char text[256] = "abc";

const volatile struct { int member; } record = {5};
const volatile __u32 numbers[2] = {6, 7};
const __u32 plain = 8;

SEC("iter/task")
int t_variables(struct bpf_iter__task* ctx) {
  struct seq_file* seq = ctx->meta->seq;

  if (ctx->meta->seq_num != 0) return 0;
  BPF_SEQ_PRINTF(seq, "%u %u %u %llu %d %d %d %lld %d %d %d ", u8, u16, u32, u64, s8, s16, s32, s64,
                 flag, color, offset);
  BPF_SEQ_PRINTF(seq, "%s %d %u %u\n", (const char*)text, record.member, numbers[1], plain);
  return 0;
}
