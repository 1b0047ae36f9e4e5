// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// The kernel's symbols, as /proc/kallsyms.
#include "kernel.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct kallsym_iter {
  __s64 pos;
  unsigned long value;
  char type;
  char name[512];
  char module_name[56];
  int exported;
  int show_value;
};

struct bpf_iter__ksym {
  struct bpf_iter_meta* meta;
  struct kallsym_iter* ksym;
};

#pragma clang attribute pop

SEC("iter/ksym")
int bpfdump_ksym(struct bpf_iter__ksym* ctx) {
  struct seq_file* seq = ctx->meta->seq;
  struct kallsym_iter* symbol = ctx->ksym;

  if (!symbol || !symbol->name[0]) return 0;  // of some modules there are some without a name

  // Unlike others this iterator has an object in its last call too, with what is left of the symbol
  // before. Its position is then beyond that symbol's, which is seq_num but for the kernel's own.
  bool of_module = symbol->module_name[0];
  if (of_module && symbol->pos != (__s64)ctx->meta->seq_num) return 0;

  // The kernel's decision, made at the opening: kptr_restrict can keep addresses even from root.
  unsigned long value = symbol->show_value ? symbol->value : 0;
  char type = symbol->type;

  // A module's symbol has the letter of a global one if the module exports it.
  if (of_module) type = symbol->exported ? type & ~0x20 : type | 0x20;

  // A name can fill the 512 bytes that one call has for strings.
  BPF_SEQ_PRINTF(seq, "%016lx %c %s", value, type, symbol->name);
  if (of_module) BPF_SEQ_PRINTF(seq, "\t[%s]", symbol->module_name);
  BPF_SEQ_PRINTF(seq, "\n");
  return 0;
}
