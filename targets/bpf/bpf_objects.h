// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// BPF programs and links. Each type of link is a struct that has the common part in it, at its
// beginning if no other place is named.
#ifndef BPFDUMP_BPF_OBJECTS_H_
#define BPFDUMP_BPF_OBJECTS_H_

#include "kernel.h"

// Numbers of UAPI, which never change. bpf_prog.bpf.c and bpf_link.bpf.c have names for those that
// are not here.
enum bpf_prog_type { BPF_PROG_TYPE_UNSPEC };
enum bpf_link_type {
  BPF_LINK_TYPE_RAW_TRACEPOINT = 1,
  BPF_LINK_TYPE_TRACING = 2,
  BPF_LINK_TYPE_CGROUP = 3,
  BPF_LINK_TYPE_ITER = 4,
  BPF_LINK_TYPE_NETNS = 5,
  BPF_LINK_TYPE_XDP = 6,
  BPF_LINK_TYPE_PERF_EVENT = 7,
  BPF_LINK_TYPE_KPROBE_MULTI = 8,
  BPF_LINK_TYPE_STRUCT_OPS = 9,
  BPF_LINK_TYPE_NETFILTER = 10,
  BPF_LINK_TYPE_TCX = 11,
  BPF_LINK_TYPE_UPROBE_MULTI = 12,
  BPF_LINK_TYPE_NETKIT = 13,
  BPF_LINK_TYPE_SOCKMAP = 14,
};
enum bpf_attach_type { BPF_CGROUP_INET_INGRESS };
enum bpf_cgroup_iter_order { BPF_CGROUP_ITER_ORDER_UNSPEC };
enum bpf_iter_task_type { BPF_TASK_ITER_ALL };

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct btf {
  struct btf_type** types;
  const char* strings;
  __u32 nr_types;
};

struct btf_type___named {
  __u32 name_off;
};

struct bpf_func_info {
  __u32 type_id;
};

struct user_struct {
  kuid_t uid;
};

struct bpf_prog;

struct bpf_prog_aux {
  __u32 used_map_cnt;
  __u32 id;
  __u32 func_cnt;
  struct btf* attach_btf;
  const char* attach_func_name;
  struct bpf_prog** func;
  struct user_struct* user;
  __u64 load_time;
  char name[16];
  struct btf* btf;
  struct bpf_func_info* func_info;
  __u32 func_info_cnt;
};

struct bpf_prog {
  __u16 pages;
  enum bpf_prog_type type;
  __u32 len;
  __u32 jited_len;
  __u8 tag[8];
  struct bpf_prog_aux* aux;
};

struct bpf_link {
  __u32 id;
  enum bpf_link_type type;
  struct bpf_prog* prog;
  enum bpf_attach_type attach_type;
};

struct tracepoint {
  const char* name;
};

struct perf_event_attr {
  __u32 type;
  __u64 config;
};

struct perf_event {
  struct perf_event_attr attr;
};

struct file___private {
  void* private_data;
};

struct bpf_perf_link {
  struct file___private* perf_file;
};

struct bpf_raw_event_map {
  struct tracepoint* tp;
};

struct bpf_raw_tp_link {
  struct bpf_raw_event_map* btp;
};

struct bpf_trampoline {
  __u64 key;
};

struct bpf_tracing_link {
  struct bpf_trampoline* trampoline;
};

struct bpf_tracing_link___old {
  enum bpf_attach_type attach_type;
};

struct kernfs_node {
  __u64 id;
};

struct cgroup {
  struct kernfs_node* kn;
};

struct bpf_cgroup_link {
  struct cgroup* cgroup;
};

struct bpf_cgroup_link___old {
  enum bpf_attach_type type;
};

struct bpf_iter_aux_info {
  struct bpf_map* map;
  struct {
    struct cgroup* start;
    enum bpf_cgroup_iter_order order;
  } cgroup;
  struct {
    enum bpf_iter_task_type type;
    __u32 pid;
  } task;
};

struct bpf_iter_reg {
  const char* target;
};

struct bpf_iter_target_info {
  const struct bpf_iter_reg* reg_info;
};

struct bpf_iter_link {
  struct bpf_iter_aux_info aux;
  struct bpf_iter_target_info* tinfo;
};

struct bpf_netns_link {
  struct net* net;
};

struct bpf_netns_link___old {
  enum bpf_attach_type type;
};

struct net_device___indexed {
  int ifindex;
};

struct bpf_xdp_link {
  struct net_device___indexed* dev;
};

struct tcx_link {
  struct net_device___indexed* dev;
};

struct tcx_link___old {
  __u32 location;
};

struct netkit_link {
  struct net_device___indexed* dev;
};

struct netkit_link___old {
  __u32 location;
};

struct bpf_struct_ops_link {
  struct bpf_map* map;
};

struct sockmap_link {
  struct bpf_map* map;
};

struct sockmap_link___old {
  enum bpf_attach_type attach_type;
};

struct nf_hook_ops {
  __u8 pf;
  unsigned int hooknum;
  int priority;
};

struct bpf_nf_link {
  struct nf_hook_ops hook_ops;
};

struct bpf_kprobe_multi_link {
  __u32 cnt;
};

struct bpf_uprobe_multi_link {
  struct bpf_link link;
  __u32 cnt;
};

struct bpf_iter__bpf_prog {
  struct bpf_iter_meta* meta;
  struct bpf_prog* prog;
};

struct bpf_iter__bpf_link {
  struct bpf_iter_meta* meta;
  struct bpf_link* link;
};

#pragma clang attribute pop

#endif  // BPFDUMP_BPF_OBJECTS_H_
