// SPDX-License-Identifier: Apache-2.0
#include "targets/catalog.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <set>

namespace bpfdump::targets {
namespace {

// A target X shows itself in BTF twice: the struct that its programs are called with and the
// function that they attach to (Linux include/linux/bpf.h: DEFINE_BPF_ITER_FUNC).
constexpr std::string_view kContextPrefix = "bpf_iter__";
constexpr std::string_view kFunctionPrefix = "bpf_iter_";
// A twin of some context structs that only tells the verifier which members to trust.
constexpr std::string_view kVerifierTwin = "__safe_trusted";

struct BtfDeleter {
  void operator()(btf* types) const { btf__free(types); }
};

Known what_is_known(const std::string& name) {
  const auto& table = known_targets();
  const auto row = std::find_if(table.begin(), table.end(),
                                [&](const Known& known) { return known.name == name; });
  return row == table.end() ? Known{} : *row;
}

}  // namespace

Catalog Catalog::discover(const btf& types) {
  std::set<std::string_view> functions;
  std::vector<std::string_view> contexts;
  for (__u32 id = 1; id < btf__type_cnt(&types); ++id) {
    const btf_type* type = btf__type_by_id(&types, id);
    const std::string_view name = btf__name_by_offset(&types, type->name_off);
    if (btf_is_func(type) && name.starts_with(kFunctionPrefix)) functions.insert(name);
    if (btf_is_struct(type) && name.starts_with(kContextPrefix) && !name.ends_with(kVerifierTwin))
      contexts.push_back(name);
  }

  std::vector<Target> targets;
  for (const std::string_view context : contexts) {
    const std::string name(context.substr(kContextPrefix.size()));
    if (name.empty() || !functions.contains(std::string(kFunctionPrefix) + name)) continue;
    targets.push_back({name, std::string(context), what_is_known(name)});
  }
  std::sort(targets.begin(), targets.end(),
            [](const Target& a, const Target& b) { return a.name < b.name; });
  targets.erase(std::unique(targets.begin(), targets.end(),
                            [](const Target& a, const Target& b) { return a.name == b.name; }),
                targets.end());
  return Catalog(std::move(targets));
}

base::Result<Catalog> Catalog::of_running_kernel() {
  const std::unique_ptr<btf, BtfDeleter> types(btf__parse("/sys/kernel/btf/vmlinux", nullptr));
  if (!types)
    return base::fail_errno(errno, "read the kernel's types from '/sys/kernel/btf/vmlinux'");
  Catalog catalog = discover(*types);
  if (catalog.targets().empty())
    return base::fail(EOPNOTSUPP, "this kernel has no BPF iterators; they came with Linux 5.8");
  return catalog;
}

const Target* Catalog::find(std::string_view name) const {
  const auto at = std::lower_bound(
      targets_.begin(), targets_.end(), name,
      [](const Target& target, std::string_view wanted) { return target.name < wanted; });
  return at != targets_.end() && at->name == name ? &*at : nullptr;
}

}  // namespace bpfdump::targets
