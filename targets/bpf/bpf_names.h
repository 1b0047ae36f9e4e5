// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// Names as bpftool shows them.
#ifndef BPFDUMP_BPF_NAMES_H_
#define BPFDUMP_BPF_NAMES_H_

#include "bpf_objects.h"

// A name that is not there.
const char none[] = "-";

#define PRINT_NAME_OR_NUMBER(seq, names, number, format, number_format) \
  do {                                                                  \
    __u32 n_ = (number);                                                \
                                                                        \
    if (n_ < sizeof(names) / sizeof((names)[0]) && (names)[n_][0]) {    \
      BPF_SEQ_PRINTF(seq, format, (names)[n_]);                         \
    } else {                                                            \
      BPF_SEQ_PRINTF(seq, number_format, n_);                           \
    }                                                                   \
  } while (0)

// The kernel keeps 15 bytes of the name; the whole is the name of the first function.
static __always_inline const char* program_name(struct bpf_prog_aux* aux) {
  struct bpf_func_info* function = aux->func_info;
  struct btf* btf = aux->btf;

  if (!aux->name[0]) return none;
  if (!aux->name[sizeof(aux->name) - 2] || !btf || !function || !aux->func_info_cnt)
    return aux->name;

  __u32 id = BPF_CORE_READ(function, type_id);
  struct btf_type___named* type = NULL;

  if (id >= BPF_CORE_READ(btf, nr_types)) return aux->name;
  bpf_probe_read_kernel(&type, sizeof(type), BPF_CORE_READ(btf, types) + id);
  return BPF_CORE_READ(btf, strings) + BPF_CORE_READ(type, name_off);
}

#endif  // BPFDUMP_BPF_NAMES_H_
