// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// Visits every open file and says nothing: what iterating alone costs.
#include "../../targets/bpf/kernel.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("iter/task_file")
int nothing(struct bpf_iter__task_file* ctx) {
  (void)ctx;
  return 0;
}
