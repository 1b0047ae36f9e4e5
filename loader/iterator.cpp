// SPDX-License-Identifier: Apache-2.0
#include "loader/iterator.h"

#include <bpf/bpf.h>
#include <linux/bpf.h>

#include <algorithm>
#include <cerrno>

namespace bpfdump::loader {
namespace {

using base::fail_errno;
using base::Result;
using base::UniqueFd;

bool needs_parameter(const targets::Target& target) {
  return std::any_of(target.known.parameters.begin(), target.known.parameters.end(),
                     [](const targets::Parameter& parameter) { return parameter.required; });
}

}  // namespace

Result<Iterator> Iterator::attach(const Program& program, const targets::Target& target) {
  if (needs_parameter(target)) {
    return base::fail(EINVAL, "attach iterator '{}': it can't say which map to iterate",
                      target.name);
  }
  bpf_iter_link_info parameters = {};
  LIBBPF_OPTS(bpf_link_create_opts, options);
  if (target.name == "cgroup") {
    // The kernel refuses a cgroup iterator without an order; descriptor 0 stands for the root.
    parameters.cgroup.order = BPF_CGROUP_ITER_DESCENDANTS_PRE;
    options.iter_info = &parameters;
    options.iter_info_len = sizeof(parameters);
  }
  UniqueFd link(bpf_link_create(program.fd(), 0, BPF_TRACE_ITER, &options));
  if (!link.valid()) return fail_errno(errno, "attach iterator '{}'", target.name);
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

Result<UniqueFd> Iterator::open() const {
  UniqueFd session(bpf_iter_create(link_.get()));
  if (!session.valid()) return fail_errno(errno, "create an iterator session");
  return session;
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
  return IteratorInfo{info.id, info.prog_id, target};
}

}  // namespace bpfdump::loader
