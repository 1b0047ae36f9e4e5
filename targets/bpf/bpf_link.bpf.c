// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// All BPF links, with what `bpftool link` shows: what is attached, and to what.
#include "bpf_names.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

const char type_names[][16] = {
    [BPF_LINK_TYPE_RAW_TRACEPOINT] = "raw_tracepoint",
    [BPF_LINK_TYPE_TRACING] = "tracing",
    [BPF_LINK_TYPE_CGROUP] = "cgroup",
    [BPF_LINK_TYPE_ITER] = "iter",
    [BPF_LINK_TYPE_NETNS] = "netns",
    [BPF_LINK_TYPE_XDP] = "xdp",
    [BPF_LINK_TYPE_PERF_EVENT] = "perf_event",
    [BPF_LINK_TYPE_KPROBE_MULTI] = "kprobe_multi",
    [BPF_LINK_TYPE_STRUCT_OPS] = "struct_ops",
    [BPF_LINK_TYPE_NETFILTER] = "netfilter",
    [BPF_LINK_TYPE_TCX] = "tcx",
    [BPF_LINK_TYPE_UPROBE_MULTI] = "uprobe_multi",
    [BPF_LINK_TYPE_NETKIT] = "netkit",
    [BPF_LINK_TYPE_SOCKMAP] = "sockmap",
};

// By number, from 0.
const char attach_type_names[][32] = {
    "cgroup_inet_ingress",
    "cgroup_inet_egress",
    "cgroup_inet_sock_create",
    "cgroup_sock_ops",
    "sk_skb_stream_parser",
    "sk_skb_stream_verdict",
    "cgroup_device",
    "sk_msg_verdict",
    "cgroup_inet4_bind",
    "cgroup_inet6_bind",
    "cgroup_inet4_connect",
    "cgroup_inet6_connect",
    "cgroup_inet4_post_bind",
    "cgroup_inet6_post_bind",
    "cgroup_udp4_sendmsg",
    "cgroup_udp6_sendmsg",
    "lirc_mode2",
    "flow_dissector",
    "cgroup_sysctl",
    "cgroup_udp4_recvmsg",
    "cgroup_udp6_recvmsg",
    "cgroup_getsockopt",
    "cgroup_setsockopt",
    "trace_raw_tp",
    "trace_fentry",
    "trace_fexit",
    "modify_return",
    "lsm_mac",
    "trace_iter",
    "cgroup_inet4_getpeername",
    "cgroup_inet6_getpeername",
    "cgroup_inet4_getsockname",
    "cgroup_inet6_getsockname",
    "xdp_devmap",
    "cgroup_inet_sock_release",
    "xdp_cpumap",
    "sk_lookup",
    "xdp",
    "sk_skb_verdict",
    "sk_reuseport_select",
    "sk_reuseport_select_or_migrate",
    "perf_event",
    "trace_kprobe_multi",
    "lsm_cgroup",
    "struct_ops",
    "netfilter",
    "tcx_ingress",
    "tcx_egress",
    "trace_uprobe_multi",
    "cgroup_unix_connect",
    "cgroup_unix_sendmsg",
    "cgroup_unix_recvmsg",
    "cgroup_unix_getpeername",
    "cgroup_unix_getsockname",
    "netkit_primary",
    "netkit_peer",
    "trace_kprobe_session",
    "trace_uprobe_session",
};

// By number, from 0.
const char order_names[][20] = {
    "order_unspec", "self_only", "descendants_pre", "descendants_post", "ancestors_up",
};

// By number, from 0.
const char event_type_names[][16] = {
    "hardware", "software", "tracepoint", "hw-cache", "raw", "breakpoint",
};

// A kind of link has its attach type in the common part on newer kernels, in its own on others.
#define ATTACH_TYPE(link, old_type, field)                                 \
  (bpf_core_field_exists((link)->attach_type) ? (__u32)(link)->attach_type \
                                              : (__u32)BPF_CORE_READ((old_type*)(link), field))

static __always_inline void print_attach_type(struct seq_file* seq, __u32 type) {
  PRINT_NAME_OR_NUMBER(seq, attach_type_names, type, " attach_type=%s", " attach_type=%u");
}

static __always_inline void print_iter(struct seq_file* seq, struct bpf_iter_link* iter) {
  BPF_SEQ_PRINTF(seq, " target_name=%s", BPF_CORE_READ(iter, tinfo, reg_info, target));

  struct bpf_map* map = BPF_CORE_READ(iter, aux.map);
  if (map) BPF_SEQ_PRINTF(seq, " map_id=%u", BPF_CORE_READ(map, id));

  if (bpf_core_field_exists(iter->aux.cgroup)) {
    struct cgroup* start = BPF_CORE_READ(iter, aux.cgroup.start);
    __u32 order = BPF_CORE_READ(iter, aux.cgroup.order);

    if (start) {
      BPF_SEQ_PRINTF(seq, " cgroup_id=%llu", BPF_CORE_READ(start, kn, id));
      PRINT_NAME_OR_NUMBER(seq, order_names, order, " order=%s", " order=%u");
    }
  }
  if (bpf_core_field_exists(iter->aux.task)) {
    __u32 type = BPF_CORE_READ(iter, aux.task.type);
    __u32 pid = BPF_CORE_READ(iter, aux.task.pid);

    if (type == 1) BPF_SEQ_PRINTF(seq, " tid=%u", pid);
    if (type == 2) BPF_SEQ_PRINTF(seq, " pid=%u", pid);
  }
}

// The numbers of attr: what a tracepoint or probe is called is not where all kernels have it.
static __always_inline void print_perf_event(struct seq_file* seq, struct bpf_perf_link* link) {
  struct perf_event* event = BPF_CORE_READ(link, perf_file, private_data);
  __u32 type = BPF_CORE_READ(event, attr.type);

  PRINT_NAME_OR_NUMBER(seq, event_type_names, type, " event_type=%s", " event_type=%u");
  BPF_SEQ_PRINTF(seq, " event_config=%llu", BPF_CORE_READ(event, attr.config));
}

// What the link's own type tells; the kernel has freed parts of it where it is detached.
static __always_inline void print_details(struct seq_file* seq, struct bpf_link* link) {
  void* own = link;

  switch (link->type) {
    case BPF_LINK_TYPE_RAW_TRACEPOINT: {
      struct bpf_raw_tp_link* tp = own;

      BPF_SEQ_PRINTF(seq, " tp_name=%s", BPF_CORE_READ(tp, btp, tp, name));
      break;
    }
    case BPF_LINK_TYPE_TRACING: {
      struct bpf_tracing_link* tracing = own;
      __u64 key = BPF_CORE_READ(tracing, trampoline, key);

      print_attach_type(seq, ATTACH_TYPE(link, struct bpf_tracing_link___old, attach_type));
      BPF_SEQ_PRINTF(seq, " target_obj_id=%u target_btf_id=%u", (__u32)(key >> 32),
                     (__u32)key & 0x7fffffff);
      break;
    }
    case BPF_LINK_TYPE_CGROUP: {
      struct bpf_cgroup_link* cgroup = own;

      BPF_SEQ_PRINTF(seq, " cgroup_id=%llu", BPF_CORE_READ(cgroup, cgroup, kn, id));
      print_attach_type(seq, ATTACH_TYPE(link, struct bpf_cgroup_link___old, type));
      break;
    }
    case BPF_LINK_TYPE_ITER:
      print_iter(seq, own);
      break;
    case BPF_LINK_TYPE_NETNS: {
      struct bpf_netns_link* netns = own;

      BPF_SEQ_PRINTF(seq, " netns_ino=%u", BPF_CORE_READ(netns, net, ns.inum));
      print_attach_type(seq, ATTACH_TYPE(link, struct bpf_netns_link___old, type));
      break;
    }
    case BPF_LINK_TYPE_XDP: {
      struct bpf_xdp_link* xdp = own;

      BPF_SEQ_PRINTF(seq, " ifindex=%d", BPF_CORE_READ(xdp, dev, ifindex));
      break;
    }
    case BPF_LINK_TYPE_PERF_EVENT:
      print_perf_event(seq, own);
      break;
    case BPF_LINK_TYPE_KPROBE_MULTI: {
      struct bpf_kprobe_multi_link* kprobes = own;

      if (bpf_core_field_exists(kprobes->cnt))
        BPF_SEQ_PRINTF(seq, " func_cnt=%u", BPF_CORE_READ(kprobes, cnt));
      break;
    }
    case BPF_LINK_TYPE_STRUCT_OPS: {
      struct bpf_struct_ops_link* ops = own;

      if (bpf_core_field_exists(ops->map))
        BPF_SEQ_PRINTF(seq, " map_id=%u", BPF_CORE_READ(ops, map, id));
      break;
    }
    case BPF_LINK_TYPE_NETFILTER: {
      struct bpf_nf_link* nf = own;

      if (bpf_core_field_exists(nf->hook_ops)) {
        BPF_SEQ_PRINTF(seq, " pf=%u hook=%u prio=%d", BPF_CORE_READ(nf, hook_ops.pf),
                       BPF_CORE_READ(nf, hook_ops.hooknum), BPF_CORE_READ(nf, hook_ops.priority));
      }
      break;
    }
    case BPF_LINK_TYPE_TCX: {
      struct tcx_link* tcx = own;

      if (!bpf_core_field_exists(tcx->dev)) break;
      BPF_SEQ_PRINTF(seq, " ifindex=%d", BPF_CORE_READ(tcx, dev, ifindex));
      print_attach_type(seq, ATTACH_TYPE(link, struct tcx_link___old, location));
      break;
    }
    case BPF_LINK_TYPE_UPROBE_MULTI: {
      struct bpf_uprobe_multi_link* uprobes = own;

      if (!bpf_core_field_exists(uprobes->cnt)) break;
      uprobes = own - bpf_core_field_offset(struct bpf_uprobe_multi_link, link);
      BPF_SEQ_PRINTF(seq, " func_cnt=%u", BPF_CORE_READ(uprobes, cnt));
      break;
    }
    case BPF_LINK_TYPE_NETKIT: {
      struct netkit_link* netkit = own;

      if (!bpf_core_field_exists(netkit->dev)) break;
      BPF_SEQ_PRINTF(seq, " ifindex=%d", BPF_CORE_READ(netkit, dev, ifindex));
      print_attach_type(seq, ATTACH_TYPE(link, struct netkit_link___old, location));
      break;
    }
    case BPF_LINK_TYPE_SOCKMAP: {
      struct sockmap_link* sockmap = own;

      if (!bpf_core_field_exists(sockmap->map)) break;
      BPF_SEQ_PRINTF(seq, " map_id=%u", BPF_CORE_READ(sockmap, map, id));
      print_attach_type(seq, ATTACH_TYPE(link, struct sockmap_link___old, attach_type));
      break;
    }
    default:
      BPF_SEQ_PRINTF(seq, " -");
      break;
  }
}

SEC("iter/bpf_link")
int bpfdump_bpf_link(struct bpf_iter__bpf_link* ctx) {
  struct seq_file* seq = ctx->meta->seq;
  struct bpf_link* link = ctx->link;

  if (!link) return 0;
  if (ctx->meta->seq_num == 0)
    BPF_SEQ_PRINTF(
        seq, "        ID TYPE              PROG_ID PROG_NAME                       DETAILS\n");

  BPF_SEQ_PRINTF(seq, "%10u ", link->id);
  PRINT_NAME_OR_NUMBER(seq, type_names, link->type, "%-14s ", "%-14u ");

  // A struct_ops has a map instead of a program.
  struct bpf_prog* prog = link->prog;
  BPF_SEQ_PRINTF(seq, "%10u %-31s", prog ? BPF_CORE_READ(prog, aux, id) : 0,
                 prog ? program_name(prog->aux) : none);
  print_details(seq, link);
  BPF_SEQ_PRINTF(seq, "\n");
  return 0;
}
