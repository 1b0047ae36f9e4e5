// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// The path of a struct path as the kernel's d_path() makes it, for where the verifier does not let
// bpf_d_path() at it. Without the locks of that: what is renamed right now can have a mixed path.
#ifndef BPFDUMP_CLIMB_H_
#define BPFDUMP_CLIMB_H_

#include "text.h"
#include "vma.h"

#define NAME_SIZE 256

struct climb {
  struct text* text;
  struct mount* mount;
  struct dentry* dentry;
  struct mount* root_mount;
  struct dentry* root;
  __u32 at;  // where in text->bytes the path begins, which ends at PATH_MAX
  bool cut;  // what is there is only its end
};

static __always_inline struct mount* mount_of(struct vfsmount* mnt) {
  return (void*)address_of(mnt) - bpf_core_field_offset(struct mount, mnt);
}

// Names are put before one another; the second half of the text takes the length of the next one.
static __always_inline bool prepend(struct climb* c, const void* name) {
  char* scratch = &c->text->bytes[PATH_MAX];
  long size = bpf_probe_read_kernel_str(scratch, NAME_SIZE, name);
  if (size < 1 || size > NAME_SIZE || c->at < size) return false;

  __u32 length = size - 1;
  __u32 at = (c->at - size) & (PATH_MAX - 1);
  c->text->bytes[at] = '/';
  bpf_probe_read_kernel(&c->text->bytes[at + 1], length & (NAME_SIZE - 1), scratch);
  c->at = at;
  return true;
}

static long climb_step(__u32 __attribute__((unused)) step, struct climb* c) {
  struct mount* mount = c->mount;
  struct dentry* dentry = c->dentry;

  if (dentry == c->root && mount == c->root_mount) return 1;

  if (dentry == BPF_CORE_READ(mount, mnt.mnt_root)) {
    struct mount* above = BPF_CORE_READ(mount, mnt_parent);

    if (above == mount) return 1;  // the root of all
    c->dentry = BPF_CORE_READ(mount, mnt_mountpoint);
    c->mount = above;
    return 0;
  }

  struct dentry* parent = BPF_CORE_READ(dentry, d_parent);
  if (parent == dentry) return 1;  // not below the mount any more
  if (!prepend(c, BPF_CORE_READ(dentry, d_name.name))) {
    c->cut = true;
    return 1;
  }
  c->dentry = parent;
  return 0;
}

// Fills text->bytes from the returned offset, which is below PATH_MAX, up to there. Of a path that
// is longer it is a question mark and the end.
static __always_inline __u32 climb(struct text* text, struct path* path) {
  struct fs_struct* fs = bpf_get_current_task_btf()->fs;
  struct climb c = {
      .text = text,
      .mount = mount_of(BPF_CORE_READ(path, mnt)),
      .dentry = BPF_CORE_READ(path, dentry),
      .root_mount = mount_of(fs->root.mnt),
      .root = (void*)address_of(fs->root.dentry),
      .at = PATH_MAX,
  };

  bpf_loop(PATH_MAX, climb_step, &c, 0);
  if (c.at == PATH_MAX || (c.cut && c.at > 0)) {
    c.at--;
    text->bytes[c.at & (PATH_MAX - 1)] = c.cut ? '?' : '/';
  }
  return c.at & (PATH_MAX - 1);
}

static __always_inline bool is_deleted(struct path* path) {
  struct dentry* dentry = BPF_CORE_READ(path, dentry);

  return !BPF_CORE_READ(dentry, d_hash.pprev) && BPF_CORE_READ(dentry, d_parent) != dentry;
}

#endif  // BPFDUMP_CLIMB_H_
