// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// The kernel's types, reduced to the fields that the programs here read. libbpf relocates every
// access to the running kernel's layout (CO-RE), so the order and the missing fields do not matter.
// A name with three underscores (sock___old) stands for the type before them as another kernel
// version has it.
#ifndef BPFDUMP_KERNEL_H_
#define BPFDUMP_KERNEL_H_

// bpf_helpers.h expects these from vmlinux.h or linux/types.h.
typedef unsigned char __u8;
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef unsigned long long __u64;
typedef signed int __s32;
typedef signed long long __s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;

typedef _Bool bool;
#define true 1
#define false 0
#define NULL ((void*)0)

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#define AF_INET 2
#define AF_INET6 10

// enum bpf_map_type and the map flags are UAPI: the numbers never change.
enum bpf_map_type {
  BPF_MAP_TYPE_HASH = 1,
  BPF_MAP_TYPE_ARRAY = 2,
  BPF_MAP_TYPE_PROG_ARRAY = 3,
  BPF_MAP_TYPE_PERF_EVENT_ARRAY = 4,
  BPF_MAP_TYPE_PERCPU_HASH = 5,
  BPF_MAP_TYPE_PERCPU_ARRAY = 6,
  BPF_MAP_TYPE_STACK_TRACE = 7,
  BPF_MAP_TYPE_CGROUP_ARRAY = 8,
  BPF_MAP_TYPE_LRU_HASH = 9,
  BPF_MAP_TYPE_LRU_PERCPU_HASH = 10,
  BPF_MAP_TYPE_LPM_TRIE = 11,
  BPF_MAP_TYPE_ARRAY_OF_MAPS = 12,
  BPF_MAP_TYPE_HASH_OF_MAPS = 13,
  BPF_MAP_TYPE_DEVMAP = 14,
  BPF_MAP_TYPE_SOCKMAP = 15,
  BPF_MAP_TYPE_CPUMAP = 16,
  BPF_MAP_TYPE_XSKMAP = 17,
  BPF_MAP_TYPE_SOCKHASH = 18,
  BPF_MAP_TYPE_CGROUP_STORAGE = 19,
  BPF_MAP_TYPE_REUSEPORT_SOCKARRAY = 20,
  BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE = 21,
  BPF_MAP_TYPE_QUEUE = 22,
  BPF_MAP_TYPE_STACK = 23,
  BPF_MAP_TYPE_SK_STORAGE = 24,
  BPF_MAP_TYPE_DEVMAP_HASH = 25,
  BPF_MAP_TYPE_STRUCT_OPS = 26,
  BPF_MAP_TYPE_RINGBUF = 27,
  BPF_MAP_TYPE_INODE_STORAGE = 28,
  BPF_MAP_TYPE_TASK_STORAGE = 29,
  BPF_MAP_TYPE_BLOOM_FILTER = 30,
  BPF_MAP_TYPE_USER_RINGBUF = 31,
  BPF_MAP_TYPE_CGRP_STORAGE = 32,
  BPF_MAP_TYPE_ARENA = 33,
};

#define BPF_F_NO_PREALLOC (1U << 0)
#define BPF_F_NO_COMMON_LRU (1U << 1)
#define BPF_F_MMAPABLE (1U << 10)

#define BPF_LOCAL_STORAGE_GET_F_CREATE 1

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

// Common types.

typedef struct {
  int counter;
} atomic_t;

typedef struct {
  long counter;
} atomic_long_t;

typedef struct {
  atomic_t refs;
} refcount_t;

typedef struct {
  __u32 val;
} kuid_t;

struct in6_addr {
  __u8 in6_u[16];
};

struct llist_node {
  struct llist_node* next;
};

struct hlist_head {
  void* first;
};

struct hlist_node {
  struct hlist_node* next;
  struct hlist_node** pprev;
};

struct timer_list {
  struct hlist_node entry;
};

struct percpu_counter {
  __s64 count;
  __s32* counters;
};

// Iterators.

struct seq_file;

struct bpf_iter_meta {
  struct seq_file* seq;
  __u64 session_id;
  __u64 seq_num;
};

struct bpf_iter__ipv6_route {
  struct bpf_iter_meta* meta;
  struct fib6_info* rt;
};

struct bpf_iter__netlink {
  struct bpf_iter_meta* meta;
  struct netlink_sock* sk;
};

struct bpf_iter__task {
  struct bpf_iter_meta* meta;
  struct task_struct* task;
};

struct bpf_iter__task_file {
  struct bpf_iter_meta* meta;
  struct task_struct* task;
  __u32 fd;
  struct file* file;
};

struct bpf_iter__bpf_map {
  struct bpf_iter_meta* meta;
  struct bpf_map* map;
};

// IPv6 routes.

struct net_device {
  char name[16];
  int ifindex;
  struct hlist_node index_hlist;
};

struct rt6key {
  struct in6_addr addr;
  int plen;
};

struct fib_nh_common {
  struct net_device* nhc_dev;
  __u8 nhc_gw_family;
  union {
    struct in6_addr ipv6;
  } nhc_gw;
};

struct fib6_nh {
  struct fib_nh_common nh_common;
};

struct nexthop;

struct nh_info {
  __u8 family;
  struct fib6_nh fib6_nh;
};

struct nh_grp_entry {
  struct nexthop* nh;
};

struct nh_group {
  __u16 num_nh;
  struct nh_grp_entry nh_entries[0];
};

struct nexthop {
  bool is_group;
  struct nh_info* nh_info;
  struct nh_group* nh_grp;
};

struct fib6_info {
  refcount_t fib6_ref;
  struct rt6key fib6_dst;
  __u32 fib6_flags;
  struct rt6key fib6_src;
  __u32 fib6_metric;
  struct nexthop* nh;
  struct fib6_nh fib6_nh[0];
};

// Sockets.

struct inode;
struct socket;

struct numa_drop_counters {
  atomic_t drops0;
  atomic_t drops1;
};

struct ns_common {
  unsigned int inum;
};

struct net {
  struct ns_common ns;
  struct hlist_head* dev_index_head;
};

struct sock_common {
  __be32 skc_daddr;
  __be32 skc_rcv_saddr;
  __be16 skc_dport;
  __u16 skc_num;
  __u16 skc_family;
  unsigned char skc_state;
  unsigned char skc_ipv6only : 1;
  int skc_bound_dev_if;
  struct {
    struct net* net;
  } skc_net;
  struct in6_addr skc_v6_daddr;
  struct in6_addr skc_v6_rcv_saddr;
  refcount_t skc_refcnt;
};

struct sock {
  struct sock_common __sk_common;
  struct {
    atomic_t rmem_alloc;
  } sk_backlog;
  refcount_t sk_wmem_alloc;
  __u32 sk_ack_backlog;
  __u32 sk_max_ack_backlog;
  struct timer_list sk_timer;
  __u16 sk_type;
  __u16 sk_protocol;
  atomic_t sk_drops;
  struct numa_drop_counters* sk_drop_counters;
  struct socket* sk_socket;
  unsigned long sk_ino;
};

struct netlink_sock {
  struct sock sk;
  __u32 portid;
  unsigned long* groups;
  bool cb_running;
};

// Tasks.

struct mm_struct {
  unsigned long total_vm;
  unsigned long start_brk;
  unsigned long brk;
  unsigned long start_stack;
  struct percpu_counter rss_stat[4];
};

struct mm_rss_stat {
  atomic_long_t count[4];
};

struct mm_struct___old {
  struct mm_rss_stat rss_stat;
};

struct cred {
  kuid_t euid;
};

struct list_head {
  struct list_head* next;
};

struct task_struct {
  unsigned int __state;
  unsigned int flags;
  int exit_state;
  int pid;
  int tgid;
  struct pid* thread_pid;
  struct signal_struct* signal;
  struct task_struct* real_parent;
  struct task_struct* group_leader;
  struct list_head thread_node;
  struct mm_struct* mm;
  const struct cred* real_cred;
  char comm[16];
  struct files_struct* files;
  struct fs_struct* fs;
};

// Files.

struct super_block {
  __u32 s_dev;
  unsigned long s_magic;
};

struct inode {
  __u16 i_mode;
  struct super_block* i_sb;
  unsigned long i_ino;
};

struct socket_alloc {
  struct inode vfs_inode;
};

struct path {
  struct vfsmount* mnt;
  struct dentry* dentry;
};

struct file {
  unsigned int f_flags;
  __s64 f_pos;
  struct inode* f_inode;
  struct path f_path;
};

struct fdtable {
  unsigned long* close_on_exec;
};

struct files_struct {
  struct fdtable* fdt;
};

// BPF maps: the part common to all types, and for each type the whole, which begins with that part.
// Only the size is needed of those without fields.

struct bpf_map_ops {
  void* map_mem_usage;
};

struct bpf_map {
  const struct bpf_map_ops* ops;
  enum bpf_map_type map_type;
  __u32 key_size;
  __u32 value_size;
  __u32 max_entries;
  __u32 map_flags;
  __u32 id;
  char name[16];
};

struct bpf_array {
  __u32 elem_size;
  void* pptrs[0];
};

struct bucket {};

struct bpf_htab {
  void* extra_elems;
  struct percpu_counter pcount;
  atomic_t count;
  bool use_percpu_counter;
  __u32 n_buckets;
  __u32 elem_size;
};

struct stack_map_bucket {};

struct bpf_stack_map {
  __u32 n_buckets;
};

struct lpm_trie_node {};

struct lpm_trie {
  unsigned long n_entries;
  unsigned long data_size;
};

struct bpf_dtab_netdev {};

struct bpf_dtab {
  __u32 items;
  __u32 n_buckets;
};

struct bpf_stab {};
struct bpf_cpu_map {};
struct xsk_map {};
struct reuseport_array {};
struct bpf_cgroup_storage_map {};

struct bpf_shtab_bucket {};

struct bpf_shtab {
  __u32 buckets_num;
  __u32 elem_size;
  atomic_t count;
};

struct bpf_queue_stack {
  __u32 size;
};

struct bpf_local_storage_map_bucket {};

struct bpf_local_storage_map {
  __u32 bucket_log;
};

struct bpf_bloom_filter {
  __u32 bitset_mask;
};

struct bpf_ringbuf {
  int nr_pages;
};

struct bpf_ringbuf_map {
  struct bpf_ringbuf* rb;
};

struct btf_type {
  __u32 info;
};

struct bpf_struct_ops {
  const struct btf_type* value_type;
};

struct bpf_struct_ops_desc {
  const struct btf_type* value_type;
};

struct bpf_struct_ops_value {};
struct bpf_ksym;

struct bpf_struct_ops_map {
  const struct bpf_struct_ops_desc* st_ops_desc;
  struct bpf_ksym** ksyms;
  __u32 funcs_cnt;
};

struct bpf_struct_ops_map___old {
  const struct bpf_struct_ops* st_ops;
};

#pragma clang attribute pop

// The verifier calculates with pointers only within what they point to; a copy is a plain number.
static __always_inline __u64 address_of(const void* pointer) {
  __u64 address = 0;

  bpf_probe_read_kernel(&address, sizeof(address), &pointer);
  return address;
}

// Replaces control characters in the n words at `text` by '?', so that a name or path cannot break
// a line or send escape sequences to the terminal. NUL stays, and so do bytes >= 0x80 (UTF-8).
// Eight bytes at a time without a branch: this runs over every path, and the verifier then follows
// one path per word only. The additions cannot carry from one byte to the next.
static __always_inline void replace_control(__u64* text, __u32 n) {
  const __u64 ones = 0x0101010101010101, high = 0x80 * ones;

  for (__u32 i = 0; i < n; i++) {
    __u64 low = text[i] & ~high;
    __u64 keep = text[i]                                                        // >= 0x80
                 | ((low + 0x60 * ones) & ((low ^ 0x7f * ones) + 0x7f * ones))  // >= 0x20, not DEL
                 | ~(low + 0x7f * ones);                                        // NUL
    __u64 control = ((~keep & high) >> 7) * 0xff;

    text[i] ^= (text[i] ^ '?' * ones) & control;
  }
}

#endif  // BPFDUMP_KERNEL_H_
