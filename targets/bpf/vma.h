// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// The kernel's types around memory mappings, reduced as those in kernel.h.
#ifndef BPFDUMP_VMA_H_
#define BPFDUMP_VMA_H_

#include "kernel.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

// What keeps the rb tree can share its place with the name.
struct anon_vma_name {
  char name[0];
};

struct vm_operations_struct {
  void* name;
};

struct vm_special_mapping {
  const char* name;
};

struct vm_area_struct {
  unsigned long vm_start;
  unsigned long vm_end;
  struct mm_struct* vm_mm;
  unsigned long vm_flags;
  struct {
  } shared;
  const struct vm_operations_struct* vm_ops;
  unsigned long vm_pgoff;
  struct file* vm_file;
  void* vm_private_data;
  struct anon_vma_name* anon_name;
};

struct bpf_iter__task_vma {
  struct bpf_iter_meta* meta;
  struct task_struct* task;
  struct vm_area_struct* vma;
};

// The file system's part of a path.

struct qstr {
  const unsigned char* name;
};

struct hlist_bl_node {
  void* pprev;
};

struct dentry {
  struct hlist_bl_node d_hash;
  struct dentry* d_parent;
  struct qstr d_name;
  struct inode* d_inode;
  struct super_block* d_sb;
};

struct vfsmount {
  struct dentry* mnt_root;
  struct super_block* mnt_sb;
};

struct mount {
  struct mount* mnt_parent;
  struct dentry* mnt_mountpoint;
  struct vfsmount mnt;
};

struct fs_struct {
  struct path root;
};

// Since Linux 6.8 the mapping of a file of a stacked file system (overlayfs) has a file below, and
// beside that the path that the user mapped.
struct backing_file {
  struct path user_path;
};

struct backing_file___new {
  struct file user_path_file;
};

#pragma clang attribute pop

#endif  // BPFDUMP_VMA_H_
