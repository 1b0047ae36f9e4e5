// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// The memory mappings of all processes. Of one process, where the iterator is confined to it, as
// /proc/<pid>/maps; of all, the same with a column for the process.
#include "climb.h"
#include "session.h"
#include "text.h"
#include "vma.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define PF_KTHREAD 0x00200000

#define VM_READ 0x01
#define VM_WRITE 0x02
#define VM_EXEC 0x04
#define VM_MAYSHARE 0x80

#define MINOR_BITS 20

#define NAME_COLUMN 73

const char blanks[] = "                                                                          ";
const char escaped_newline[] = "\\012";

// Linux commit f0d74c4da1f0 ("bpf: Parameterize task iterators.") (in v6.1).
static __always_inline enum bpf_iter_task_type iterated(struct seq_file* seq) {
  struct bpf_iter_seq_task_common* session = seq->private;

  return bpf_core_field_exists(session->type) ? BPF_CORE_READ(session, type) : BPF_TASK_ITER_ALL;
}

// The iterator also visits threads, those that do not share their process's open files. Their
// memory is the process's, and is shown once: with the leader or, after its death, with the next.
static __always_inline bool stands_for_process(struct task_struct* task) {
  struct task_struct* leader = task->group_leader;

  if (task->flags & PF_KTHREAD) return false;  // it can borrow a process's memory (kthread_use_mm)
  if (leader->pid == task->pid) return true;
  return !leader->mm && leader->thread_node.next == &task->thread_node;
}

// The name that a process gave to anonymous memory, in place of rb tree nodes on Linux before 6.2,
// where only memory without a file could have one.
static __always_inline struct anon_vma_name* given_name(struct vm_area_struct* vma) {
  if (!bpf_core_field_exists(vma->anon_name)) return NULL;
  if (bpf_core_field_offset(vma->anon_name) == bpf_core_field_offset(vma->shared) && vma->vm_file)
    return NULL;
  return vma->anon_name;
}

// The path that the user mapped, of a file of a stacked file system; else NULL. The flag that tells
// such files (FMODE_BACKING) is another bit in every few kernels, so this looks whether there is a
// path: behind any other file, a mount and a directory entry of the same file system is not.
static __always_inline struct path* user_path(struct file* file) {
  struct backing_file* backing = (void*)address_of(file);
  struct backing_file___new* newer = (void*)backing;
  struct path* path;

  if (bpf_core_field_exists(backing->user_path)) {
    path = &backing->user_path;
  } else if (bpf_core_field_exists(newer->user_path_file)) {
    path = &newer->user_path_file.f_path;
  } else {
    return NULL;
  }

  struct super_block* of_mount = BPF_CORE_READ(path, mnt, mnt_sb);
  return of_mount && of_mount == BPF_CORE_READ(path, dentry, d_sb) ? path : NULL;
}

struct span {
  struct seq_file* seq;
  struct text* text;
  __u32 begin;
};

static long write_byte(__u32 at, struct span* s) {
  const char* byte = &s->text->bytes[(s->begin + at) & (TEXT_SIZE - 1)];

  if (*byte == '\n') {
    bpf_seq_write(s->seq, escaped_newline, sizeof(escaped_newline) - 1);
  } else {
    bpf_seq_write(s->seq, byte, 1);
  }
  return 0;
}

// Prints the bytes from `begin` < PATH_MAX to `end` < TEXT_SIZE with newlines as the kernel
// escapes them, which are rare: a byte that is zero after the xor shows as a borrow.
static __always_inline void write_path(struct seq_file* seq, struct text* text, __u32 begin,
                                       __u32 end) {
  const __u64 ones = 0x0101010101010101, high = 0x80 * ones;
  __u32 length = end - begin;
  __u64 newlines = 0;

  for (__u32 i = begin / 8; i < (end + 7) / 8 && i < TEXT_SIZE / 8; i++) {
    __u64 word = text->words[i] ^ '\n' * ones;

    newlines |= (word - ones) & ~word & high;
  }
  if (newlines) {
    struct span s = {.seq = seq, .text = text, .begin = begin};

    bpf_loop(length, write_byte, &s, 0);
  } else {
    bpf_seq_write(seq, &text->bytes[begin], length);
  }
}

// Of [vdso] and its like. Only they take their name from a function, which finds it here.
static __always_inline bool has_special_name(struct vm_area_struct* vma, char* name, __u32 size) {
  const struct vm_operations_struct* ops = vma->vm_ops;
  struct vm_special_mapping* special = vma->vm_private_data;

  if (!ops || !ops->name) return false;
  bpf_probe_read_kernel_str(name, size, BPF_CORE_READ(special, name));
  return name[0] == '[';
}

// False: there is no memory at the moment.
static __always_inline bool write_file(struct seq_file* seq, struct file* file,
                                       struct path* mapped) {
  struct text* text = get_text();

  if (!text) return false;

  if (mapped) {
    write_path(seq, text, climb(text, mapped), PATH_MAX);
    if (is_deleted(mapped)) BPF_SEQ_PRINTF(seq, " (deleted)");
    return true;
  }

  // An error is a large number.
  __u64 length = bpf_d_path(&file->f_path, text->bytes, sizeof(text->bytes)) - 1;
  if (length < TEXT_SIZE) {
    write_path(seq, text, 0, length);
  } else {
    BPF_SEQ_PRINTF(seq, "?");  // too long
  }
  return true;
}

SEC("iter/task_vma")
int bpfdump_task_vma(struct bpf_iter__task_vma* ctx) {
  struct seq_file* seq = ctx->meta->seq;
  struct task_struct* task = ctx->task;
  struct vm_area_struct* vma = ctx->vma;

  if (!task || !vma) return 0;

  enum bpf_iter_task_type type = iterated(seq);
  if (type == BPF_TASK_ITER_ALL && ctx->meta->seq_num == 0) {
    BPF_SEQ_PRINTF(seq,
                   "      TGID ADDRESS                   PERM OFFSET   DEV   INODE"
                   "                      NAME\n");
  }
  if (!stands_for_process(task) && type != BPF_TASK_ITER_TID) return 0;

  struct mm_struct* mm = vma->vm_mm;
  struct file* file = vma->vm_file;
  struct path* mapped = NULL;
  struct anon_vma_name* given = given_name(vma);
  const char *before = "", *name = NULL, *after = "";
  char special[32] = {};
  __u64 offset = 0, inode = 0;
  __u32 device = 0;

  if (file) {
    mapped = user_path(file);
    offset = vma->vm_pgoff * BPFDUMP_PAGE_SIZE;
    if (mapped) {
      inode = BPF_CORE_READ(mapped, dentry, d_inode, i_ino);
      device = BPF_CORE_READ(mapped, dentry, d_inode, i_sb, s_dev);
    } else {
      inode = file->f_inode->i_ino;
      device = file->f_inode->i_sb->s_dev;
    }
    if (given) {
      before = "[anon_shmem:";
      name = given->name;
      after = "]";
    }
  } else if (has_special_name(vma, special, sizeof(special))) {
    name = special;
  } else if (vma->vm_start < mm->brk && vma->vm_end > mm->start_brk) {
    name = "[heap]";  // in some older kernels' /proc so is what only touches the heap
  } else if (vma->vm_start <= mm->start_stack && vma->vm_end >= mm->start_stack) {
    name = "[stack]";
  } else if (given) {
    before = "[anon:";
    name = given->name;
    after = "]";
  }

  if (type == BPF_TASK_ITER_ALL) BPF_SEQ_PRINTF(seq, "%10d ", numbers_of(task, seq).tgid);

  __u64 line = seq->count, flags = vma->vm_flags;
  BPF_SEQ_PRINTF(seq, "%08lx-%08lx %c%c%c%c %08llx %02x:%02x %llu ", vma->vm_start, vma->vm_end,
                 flags & VM_READ ? 'r' : '-', flags & VM_WRITE ? 'w' : '-',
                 flags & VM_EXEC ? 'x' : '-', flags & VM_MAYSHARE ? 's' : 'p', offset,
                 device >> MINOR_BITS, device & ((1 << MINOR_BITS) - 1), inode);
  if (name || file) {
    __u64 width = seq->count - line;
    __u64 gap = width < NAME_COLUMN ? NAME_COLUMN - width : 1;

    barrier_var(gap);  // lest clang calculates it where the verifier does not see the limit
    if (gap <= NAME_COLUMN) bpf_seq_write(seq, blanks, gap);
  }
  if (name) {
    BPF_SEQ_PRINTF(seq, "%s%s%s", before, name, after);
  } else if (file && !write_file(seq, file, mapped)) {
    return 1;  // call again with the same mapping: the kernel forgets what was written
  }
  BPF_SEQ_PRINTF(seq, "\n");
  return 0;
}
