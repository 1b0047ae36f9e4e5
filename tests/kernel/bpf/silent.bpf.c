// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// Looks at every open file and says nothing.
#include "../../../targets/bpf/kernel.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("iter/task_file")
int t_silent(struct bpf_iter__task_file* ctx __attribute__((unused))) { return 0; }
