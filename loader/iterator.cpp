// SPDX-License-Identifier: Apache-2.0
#include "loader/iterator.h"

#include <bpf/bpf.h>
#include <linux/bpf.h>

#include <cerrno>
#include <string_view>
#include <utility>

#include "loader/named_objects.h"

namespace bpfdump::loader {
namespace {

using base::fail_errno;
using base::Result;
using base::UniqueFd;

bpf_cgroup_iter_order kernel_order(targets::CgroupOrder order) {
  switch (order) {
    case targets::CgroupOrder::pre:
      return BPF_CGROUP_ITER_DESCENDANTS_PRE;
    case targets::CgroupOrder::post:
      return BPF_CGROUP_ITER_DESCENDANTS_POST;
    case targets::CgroupOrder::up:
      return BPF_CGROUP_ITER_ANCESTORS_UP;
    case targets::CgroupOrder::self:
      return BPF_CGROUP_ITER_SELF_ONLY;
  }
  return BPF_CGROUP_ITER_ORDER_UNSPEC;
}

/// A scope as the kernel takes it. Owns the descriptors that the numbers in `info` refer to.
struct Parameters {
  bpf_iter_link_info info = {};
  bool any = false;
  UniqueFd object;
};

Result<Parameters> parameters_of(const targets::Target& target, const targets::Scope& scope) {
  Parameters parameters;
  auto& [info, any, object] = parameters;
  any = true;
  if (scope.pid) {
    info.task.pid = *scope.pid;
  } else if (scope.tid) {
    info.task.tid = *scope.tid;
  } else if (scope.map) {
    auto map = open_map(*scope.map);
    if (!map) return base::Failure(map.error());
    object = std::move(*map);
    info.map.map_fd = static_cast<__u32>(object.get());
  } else if (target.name == "cgroup") {
    // The kernel refuses a cgroup iterator without an order; descriptor 0 stands for the root.
    info.cgroup.order = kernel_order(scope.order);
    if (scope.cgroup && scope.cgroup->form == targets::ObjectName::Form::id) {
      info.cgroup.cgroup_id = scope.cgroup->id;
    } else if (scope.cgroup) {
      auto cgroup = open_cgroup(scope.cgroup->text);
      if (!cgroup) return base::Failure(cgroup.error());
      object = std::move(*cgroup);
      info.cgroup.cgroup_fd = static_cast<__u32>(object.get());
    }
  } else {
    any = false;
  }
  return parameters;
}

Result<UniqueFd> program_by_id(std::uint32_t id) {
  UniqueFd program(bpf_prog_get_fd_by_id(id));
  if (!program.valid()) return fail_errno(errno, "open BPF program {}", id);
  return program;
}

}  // namespace

Result<Iterator> Iterator::attach(const Program& program, const targets::Target& target,
                                  const targets::Scope& scope) {
  if (auto complete = scope.check_complete(target); !complete)
    return base::Failure(complete.error());
  auto parameters = parameters_of(target, scope);
  if (!parameters) return base::Failure(parameters.error());
  LIBBPF_OPTS(bpf_link_create_opts, options);
  if (parameters->any) {
    options.iter_info = &parameters->info;
    options.iter_info_len = sizeof(parameters->info);
  }
  UniqueFd link(bpf_link_create(program.fd(), 0, BPF_TRACE_ITER, &options));
  if (!link.valid()) {
    return fail_errno(errno, "attach iterator '{}'{}{}", target.name,
                      scope.name.empty() ? "" : " with ", scope.name);
  }
  return Iterator(std::move(link));
}

Result<Iterator> Iterator::reopen(const std::string& pin, const std::string& target) {
  UniqueFd link(bpf_obj_get(pin.c_str()));
  if (!link.valid()) return fail_errno(errno, "open pin '{}'", pin);
  Iterator iterator(std::move(link));
  const auto info = iterator.info();
  if (!info) return base::fail(info.error().code, "open pin '{}': {}", pin, info.error().message);
  // The number that says "iterator" of a link says "perf event array" of a map.
  if (auto session = iterator.open(); !session)
    return base::fail(session.error().code, "open pin '{}': {}", pin, session.error().message);
  if (info->target != target)
    return base::fail(EINVAL, "pin '{}' is not for target '{}'", pin, target);
  return iterator;
}

Result<void> Iterator::pin(const std::string& path) const {
  if (bpf_obj_pin(link_.get(), path.c_str()) != 0)
    return fail_errno(errno, "pin iterator at '{}'", path);
  return {};
}

Result<void> Iterator::update(const Program& program) const {
  if (bpf_link_update(link_.get(), program.fd(), nullptr) != 0)
    return fail_errno(errno, "replace the iterator's program");
  return {};
}

int Iterator::open_raw(int link) { return bpf_iter_create(link); }

Result<UniqueFd> Iterator::open() const {
  UniqueFd session(open_raw(link_.get()));
  if (!session.valid()) return fail_errno(errno, "create an iterator session");
  return session;
}

Result<Iterator> Iterator::copy() const {
  // A program that is replaced between the two calls is gone with its number.
  for (int attempt = 0;; ++attempt) {
    const auto now = info();
    if (!now) return base::Failure(now.error());
    const auto program = program_by_id(now->program_id);
    if (!program && program.error().code == ENOENT && attempt < 100) continue;
    if (!program) return base::Failure(program.error());
    UniqueFd link(bpf_link_create(program->get(), 0, BPF_TRACE_ITER, nullptr));
    if (!link.valid()) return fail_errno(errno, "attach iterator '{}' once more", now->target);
    return Iterator(std::move(link));
  }
}

Result<IteratorInfo> Iterator::info() const {
  char target[64] = {};
  bpf_link_info info = {};
  info.iter.target_name = reinterpret_cast<std::uintptr_t>(target);
  info.iter.target_name_len = sizeof(target);
  __u32 size = sizeof(info);
  if (bpf_obj_get_info_by_fd(link_.get(), &info, &size) != 0)
    return fail_errno(errno, "ask the kernel about an iterator");
  if (info.type != BPF_LINK_TYPE_ITER)
    return base::fail(EINVAL, "this is no iterator but a link of type {}",
                      static_cast<unsigned>(info.type));
  const std::string_view name = target;
  const bool has_map = name == "bpf_map_elem" || name == "bpf_sk_storage_map" || name == "sockmap";
  return IteratorInfo{info.id, info.prog_id, target, has_map ? info.iter.map.map_id : 0};
}

Result<std::string> Iterator::program_name() const {
  const auto now = info();
  if (!now) return base::Failure(now.error());
  const auto program = program_by_id(now->program_id);
  if (!program) return base::Failure(program.error());
  bpf_prog_info details = {};
  __u32 size = sizeof(details);
  if (bpf_obj_get_info_by_fd(program->get(), &details, &size) != 0)
    return fail_errno(errno, "ask the kernel about BPF program {}", now->program_id);
  return std::string(details.name);
}

}  // namespace bpfdump::loader
