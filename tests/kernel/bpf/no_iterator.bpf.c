// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// A program that loads, but is no iterator.
#include "../../../targets/bpf/kernel.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("socket")
int t_filter(void* ctx __attribute__((unused))) { return 0; }
