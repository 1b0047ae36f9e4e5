// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// All open files, with the flags and position of /proc/<pid>/fdinfo and the path of /proc/<pid>/fd.
#include "session.h"
#include "text.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define O_CLOEXEC 02000000
#define ANON_INODE_FS_MAGIC 0x09041934
#define PID_FS_MAGIC 0x50494446

#define S_IFMT 0170000

static __always_inline const char* file_type(struct inode* inode) {
  unsigned long magic = inode->i_sb->s_magic;

  // Newer kernels give these the type of a regular file, which stat() does not show either. Process
  // descriptors are still named anon_inode: after their move to a file system of their own.
  if (magic == ANON_INODE_FS_MAGIC || magic == PID_FS_MAGIC) return "ANON";

  switch (inode->i_mode & S_IFMT) {
    case 0010000:
      return "FIFO";
    case 0020000:
      return "CHR";
    case 0040000:
      return "DIR";
    case 0060000:
      return "BLK";
    case 0100000:
      return "REG";
    case 0120000:
      return "LNK";
    case 0140000:
      return "SOCK";
    default:
      return "?";
  }
}

// The flag belongs to the descriptor, not to the file.
static __always_inline __u32 close_on_exec(struct task_struct* task, __u32 fd) {
  const __u32 bits = 8 * sizeof(unsigned long);
  unsigned long* bitmap = BPF_CORE_READ(task, files, fdt, close_on_exec);
  unsigned long word = 0;

  bpf_probe_read_kernel(&word, sizeof(word), bitmap + fd / bits);
  return word >> fd % bits & 1 ? O_CLOEXEC : 0;
}

// The number whose decimal digits are the octal digits of n: bpf_seq_printf() has no %o.
static __always_inline __u64 octal(__u32 n) {
  __u64 digits = 0;

  for (__u64 unit = 1; n; unit *= 10, n >>= 3) digits += (n & 7) * unit;
  return digits;
}

SEC("iter/task_file")
int bpfdump_task_file(struct bpf_iter__task_file* ctx) {
  struct seq_file* seq = ctx->meta->seq;
  struct task_struct* task = ctx->task;
  struct file* file = ctx->file;

  if (!task || !file) return 0;
  if (ctx->meta->seq_num == 0) {
    BPF_SEQ_PRINTF(seq,
                   "      TGID        PID         FD TYPE FLAGS                        POS PATH\n");
  }

  struct text* path = get_text();
  if (!path) return 1;  // call again with the same file

  struct task_numbers numbers = numbers_of(task, seq);
  BPF_SEQ_PRINTF(seq, "%10d %10d %10u %-4s 0%-10llu %20lld ", numbers.tgid, numbers.pid, ctx->fd,
                 file_type(file->f_inode), octal(file->f_flags | close_on_exec(task, ctx->fd)),
                 file->f_pos);

  // %s would cut the path at 512 bytes. An error is a large number.
  __u64 length = bpf_d_path(&file->f_path, path->bytes, PATH_MAX) - 1;
  barrier_var(length);  // lest clang goes on with what was not compared
  if (length >= PATH_MAX) {
    // As for readlink(), a path of PATH_MAX bytes or more has no name.
    BPF_SEQ_PRINTF(seq, "?\n");
    return 0;
  }
  replace_control(path->words, length / 8 + 1);
  path->bytes[length] = '\n';
  bpf_seq_write(seq, path->bytes, length + 1);
  return 0;
}
