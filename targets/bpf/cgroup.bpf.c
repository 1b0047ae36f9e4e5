// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// The cgroups of the cgroup2 hierarchy, with what cgroup.stat and cgroup.events say. The kernel
// ends this dump after 32 KiB with an error, so the lines are short.
#include "session.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define NAME_MAX 255
#define CGRP_FROZEN 3

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct kernfs_node {
  const char* name;
  __u64 id;
};

struct cgroup {
  unsigned long flags;
  int level;
  int nr_descendants;
  int nr_dying_descendants;
  int nr_populated_csets;
  int nr_populated_domain_children;
  int nr_populated_threaded_children;
  struct kernfs_node* kn;
  struct cgroup* ancestors[0];
};

struct bpf_iter__cgroup {
  struct bpf_iter_meta* meta;
  struct cgroup* cgroup;
};

#pragma clang attribute pop

struct path_writer {
  struct seq_file* seq;
  struct cgroup** ancestors;  // as a number to the verifier
};

// A path of any length: from the root, which has no name, down.
static long write_name(__u32 above, struct path_writer* w) {
  union {
    __u64 words[(NAME_MAX + 1) / sizeof(__u64)];
    char text[NAME_MAX + 1];
  } name;
  struct cgroup* cgroup = NULL;

  bpf_probe_read_kernel(&cgroup, sizeof(cgroup), w->ancestors + above + 1);
  long size = bpf_probe_read_kernel_str(name.text, sizeof(name), BPF_CORE_READ(cgroup, kn, name));
  if (size <= 0 || size > NAME_MAX + 1) return 0;
  replace_control(name.words, sizeof(name) / sizeof(name.words[0]));
  bpf_seq_write(w->seq, "/", 1);
  bpf_seq_write(w->seq, name.text, size - 1);
  return 0;
}

SEC("iter/cgroup")
int bpfdump_cgroup(struct bpf_iter__cgroup* ctx) {
  struct seq_file* seq = ctx->meta->seq;
  struct cgroup* cgroup = ctx->cgroup;

  if (!cgroup) return 0;
  // Dead cgroups are skipped and counted, so the first one shown need not have the number 0. A dump
  // is a single read: the kernel does not resume it.
  if (seq->count == 0) {
    BPF_SEQ_PRINTF(seq, "      ID  LV  DESC DYING P F PATH\n");
  }

  int level = cgroup->level;
  bool populated = cgroup->nr_populated_csets + cgroup->nr_populated_domain_children +
                   cgroup->nr_populated_threaded_children;

  BPF_SEQ_PRINTF(seq, "%8llu %3d %5d %5d %d %d ", cgroup->kn->id, level, cgroup->nr_descendants,
                 cgroup->nr_dying_descendants, populated, cgroup->flags >> CGRP_FROZEN & 1);
  if (level > 0) {
    struct path_writer w = {.seq = seq, .ancestors = (void*)address_of(cgroup->ancestors)};

    bpf_loop(level, write_name, &w, 0);
  } else {
    BPF_SEQ_PRINTF(seq, "/");
  }
  BPF_SEQ_PRINTF(seq, "\n");
  return 0;
}
