// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// All BPF programs, with what `bpftool prog` shows, and what they are loaded to be attached to.
#include "bpf_names.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

const char type_names[][24] = {
    "unspec",
    "socket_filter",
    "kprobe",
    "sched_cls",
    "sched_act",
    "tracepoint",
    "xdp",
    "perf_event",
    "cgroup_skb",
    "cgroup_sock",
    "lwt_in",
    "lwt_out",
    "lwt_xmit",
    "sock_ops",
    "sk_skb",
    "cgroup_device",
    "sk_msg",
    "raw_tracepoint",
    "cgroup_sock_addr",
    "lwt_seg6local",
    "lirc_mode2",
    "sk_reuseport",
    "flow_dissector",
    "cgroup_sysctl",
    "raw_tracepoint_writable",
    "cgroup_sockopt",
    "tracing",
    "struct_ops",
    "ext",
    "lsm",
    "sk_lookup",
    "syscall",
    "netfilter",
};

struct jited {
  struct bpf_prog** functions;
  __u64 bytes;
};

static long add_function(__u32 index, struct jited* jited) {
  struct bpf_prog* function = NULL;

  bpf_probe_read_kernel(&function, sizeof(function), jited->functions + index);
  jited->bytes += BPF_CORE_READ(function, jited_len);
  return 0;
}

// Of a program with functions, those are compiled each by itself.
static __always_inline __u64 jited_bytes(struct bpf_prog* prog) {
  struct bpf_prog_aux* aux = prog->aux;
  struct jited jited = {.functions = aux->func};

  if (!aux->func_cnt) return prog->jited_len;
  bpf_loop(aux->func_cnt, add_function, &jited, 0);
  return jited.bytes;
}

static __always_inline __u64 tag(struct bpf_prog* prog) {
  __u64 tag = 0;

  for (int i = 0; i < 8; i++) tag = tag << 8 | prog->tag[i];
  return tag;
}

SEC("iter/bpf_prog")
int bpfdump_bpf_prog(struct bpf_iter__bpf_prog* ctx) {
  struct seq_file* seq = ctx->meta->seq;
  struct bpf_prog* prog = ctx->prog;

  if (!prog) return 0;
  if (ctx->meta->seq_num == 0) {
    BPF_SEQ_PRINTF(
        seq,
        "        ID TYPE                    TAG                     UID      AGE_S"
        "     XLATED      JITED    MEMLOCK  MAPS ATTACH_TO                       NAME\n");
  }

  struct bpf_prog_aux* aux = prog->aux;
  __u64 age = (bpf_ktime_get_boot_ns() - aux->load_time) / 1000000000;

  BPF_SEQ_PRINTF(seq, "%10u ", aux->id);
  PRINT_NAME_OR_NUMBER(seq, type_names, prog->type, "%-23s ", "%-23u ");
  BPF_SEQ_PRINTF(seq, "%016llx %10u %10llu %10llu %10llu %10llu %5u ", tag(prog),
                 BPF_CORE_READ(aux, user, uid.val), age, (__u64)prog->len * 8, jited_bytes(prog),
                 (__u64)prog->pages * BPFDUMP_PAGE_SIZE, aux->used_map_cnt);
  // The name belongs to the types that it was found in. Those of the kernel stay as long as the
  // program does; those of another program may be gone.
  BPF_SEQ_PRINTF(seq, "%-31s %s\n",
                 aux->attach_btf && aux->attach_func_name ? aux->attach_func_name : none,
                 program_name(aux));
  return 0;
}
