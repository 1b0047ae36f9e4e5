// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// All threads, with what ps shows the reader as tgid, lwp, ppid, s, uid, vsz, rss and comm.
#include "percpu.h"
#include "session.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define PF_KTHREAD 0x00200000

#define TASK_UNINTERRUPTIBLE 0x0002
#define TASK_REPORT 0x007f
#define TASK_REPORT_IDLE 0x0080
#define TASK_NOLOAD 0x0400
#define TASK_RTLOCK_WAIT 0x1000
#define TASK_FROZEN 0x8000
#define TASK_IDLE (TASK_UNINTERRUPTIBLE | TASK_NOLOAD)

enum { MM_FILEPAGES = 0, MM_ANONPAGES = 1, MM_SHMEMPAGES = 3 };

// Not static: clang 14 merges static strings into a section that its BTF does not describe rightly.
const char state_letters[] = "RSDTtXZPI";

// The letter in /proc/<pid>/stat: the highest state bit that is reported counts.
static __always_inline char state_letter(struct task_struct* task) {
  __u32 state = task->__state;
  __u32 report = (state | task->exit_state) & TASK_REPORT;
  __u32 letter = 0;

  if ((state & TASK_IDLE) == TASK_IDLE) report = TASK_REPORT_IDLE;
  // As /proc since the freezer has a state of its own; some older kernels show frozen tasks as R.
  if (state & (TASK_RTLOCK_WAIT | TASK_FROZEN)) report = TASK_UNINTERRUPTIBLE;

  while (letter < 8 && report >> letter) letter++;
  return state_letters[letter];
}

static __always_inline __u64 rss_pages(struct mm_struct* mm, int counter) {
  __s64 pages;

  // Linux commit f1a7941243c1 ("mm: convert mm's rss stats into percpu_counter") (in v6.2).
  if (bpf_core_type_exists(struct mm_rss_stat)) {
    struct mm_struct___old* old = (void*)mm;

    pages = BPF_CORE_READ(old, rss_stat.count[counter].counter);
  } else {
    void* counters = &mm->rss_stat;

    // Like ps: Linux commit 82241a83cd15 ("mm: fix the inaccurate memory statistics issue for
    // users") (in v6.16, and in stable versions). /proc/<pid>/stat still has the rough count.
    pages = percpu_counter_sum(counters + counter * bpf_core_type_size(struct percpu_counter));
  }
  return pages > 0 ? pages : 0;
}

SEC("iter/task")
int bpfdump_task(struct bpf_iter__task* ctx) {
  struct seq_file* seq = ctx->meta->seq;
  struct task_struct* task = ctx->task;
  __u64 vsz = 0, rss = 0, comm[2];

  if (!task) return 0;
  if (ctx->meta->seq_num == 0) {
    BPF_SEQ_PRINTF(
        seq, "      TGID        PID       PPID S        UID        VSZ_KB       RSS_KB COMM\n");
  }

  // A kernel thread can borrow a process's memory (kthread_use_mm): it does not count as its own.
  struct mm_struct* mm = task->mm;
  if (mm && !(task->flags & PF_KTHREAD)) {
    const __u64 page_kb = BPFDUMP_PAGE_SIZE / 1024;

    vsz = mm->total_vm * page_kb;
    rss = rss_pages(mm, MM_FILEPAGES) + rss_pages(mm, MM_ANONPAGES);
    rss = (rss + rss_pages(mm, MM_SHMEMPAGES)) * page_kb;
  }

  bpf_probe_read_kernel_str(comm, sizeof(comm), task->comm);
  replace_control(comm, 2);

  struct task_numbers numbers = numbers_of(task, seq);
  BPF_SEQ_PRINTF(seq, "%10d %10d %10d %c %10u %13llu %12llu %s\n", numbers.tgid, numbers.pid,
                 numbers.ppid, state_letter(task), task->real_cred->euid.val, vsz, rss, comm);
  return 0;
}
