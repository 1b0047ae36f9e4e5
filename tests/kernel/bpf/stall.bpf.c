// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// Asks for the same object again for ever.
#include "../../../targets/bpf/kernel.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("iter/task")
int t_stall(struct bpf_iter__task* ctx __attribute__((unused))) { return 1; }
