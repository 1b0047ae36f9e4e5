// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// The kernel's symbols: objects in a number that is large and, for the first ones, does not change.
#ifndef BPFDUMP_TESTS_KSYM_H_
#define BPFDUMP_TESTS_KSYM_H_

#include "../../../targets/bpf/kernel.h"

struct kallsym_iter;

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct bpf_iter__ksym {
  struct bpf_iter_meta* meta;
  struct kallsym_iter* ksym;
};
#pragma clang attribute pop

#endif  // BPFDUMP_TESTS_KSYM_H_
