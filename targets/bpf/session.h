// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// What an iterator over tasks was asked for, and by whom: which tasks, and whose numbers of them.
#ifndef BPFDUMP_SESSION_H_
#define BPFDUMP_SESSION_H_

#include "kernel.h"

enum bpf_iter_task_type {
  BPF_TASK_ITER_ALL = 0,
  BPF_TASK_ITER_TID = 1,
};

#define PIDTYPE_TGID 1  // since Linux 4.19

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct seq_file {
  unsigned long count;
  void* private;
};

struct pid_namespace {
  unsigned int level;
};

struct upid {
  int nr;
  struct pid_namespace* ns;
};

struct pid {
  unsigned int level;
  struct upid numbers[1];
};

struct signal_struct {
  struct pid* pids[4];
};

struct bpf_iter_seq_task_common {
  struct pid_namespace* ns;
  enum bpf_iter_task_type type;
};

#pragma clang attribute pop

static __always_inline struct pid_namespace* session_namespace(struct seq_file* seq) {
  struct bpf_iter_seq_task_common* session = seq->private;

  return BPF_CORE_READ(session, ns);
}

// The number of a process or thread in a pid namespace; 0: it is not in there.
static __always_inline int number_in(struct pid* pid, struct pid_namespace* ns,
                                     unsigned int level) {
  if (!pid || level > BPF_CORE_READ(pid, level)) return 0;
  struct upid* number = (void*)address_of(pid) + bpf_core_field_offset(pid->numbers) +
                        level * bpf_core_type_size(struct upid);
  return BPF_CORE_READ(number, ns) == ns ? BPF_CORE_READ(number, nr) : 0;
}

struct task_numbers {
  int tgid;
  int pid;
  int ppid;
};

// The numbers that the reader knows a task by: those of the pid namespace that the iterator was
// created in, where task->pid is the machine's.
static __always_inline struct task_numbers numbers_of(struct task_struct* task,
                                                      struct seq_file* seq) {
  struct pid_namespace* ns = session_namespace(seq);
  unsigned int level = BPF_CORE_READ(ns, level);
  struct task_struct* parent = task->real_parent;

  if (level == 0) return (struct task_numbers){task->tgid, task->pid, parent->tgid};
  return (struct task_numbers){
      number_in(BPF_CORE_READ(task, signal, pids[PIDTYPE_TGID]), ns, level),
      number_in(BPF_CORE_READ(task, thread_pid), ns, level),
      number_in(BPF_CORE_READ(parent, signal, pids[PIDTYPE_TGID]), ns, level),
  };
}

#endif  // BPFDUMP_SESSION_H_
