// SPDX-License-Identifier: Apache-2.0
#include "loader/program.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/ranges.h>

#include <cerrno>
#include <string_view>
#include <vector>

#include "base/unique_fd.h"
#include "loader/object_file.h"
#include "loader/object_types.h"
#include "loader/variables.h"

namespace bpfdump::loader {
namespace {

using base::fail;
using base::Result;

bool is_for_target(const bpf_program* program, std::string_view target) {
  std::string_view section = bpf_program__section_name(program);
  if (section.starts_with("iter/"))
    section.remove_prefix(5);
  else if (section.starts_with("iter.s/"))
    section.remove_prefix(7);
  else
    return false;
  return section == target;
}

Result<bpf_program*> choose(bpf_object* object, const std::string& target,
                            const std::string& name) {
  std::vector<bpf_program*> fitting;
  std::vector<std::string_view> sections;
  std::vector<std::string_view> functions;
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, object) {
    sections.emplace_back(bpf_program__section_name(program));
    if (!is_for_target(program, target)) continue;
    fitting.push_back(program);
    functions.emplace_back(bpf_program__name(program));
    if (functions.back() == name) return program;
  }
  if (fitting.size() == 1) return fitting.front();
  if (fitting.empty()) {
    return fail(EINVAL,
                "no program for target '{0}' in the object; it needs SEC(\"iter/{0}\"){1}{2}",
                target, sections.empty() ? ", and has no program at all" : ", and has ",
                fmt::join(sections, ", "));
  }
  return fail(EINVAL, "{} programs for target '{}' in the object ({}); name the dumper after one",
              fitting.size(), target, fmt::join(functions, ", "));
}

// An object may ask for maps to be shared under a name in bpffs. One that is there is used; none is
// made: a dumper must leave nothing behind but its own pin.
void share_only_existing_maps(bpf_object* object, LoadLog& log) {
  bpf_map* map = nullptr;
  bpf_object__for_each_map(map, object) {
    const char* pin = bpf_map__pin_path(map);
    if (pin == nullptr) continue;
    if (base::UniqueFd(bpf_obj_get(pin)).valid()) continue;
    log.add(fmt::format("map '{}': there is nothing at '{}' to share; the dumper gets its own",
                        bpf_map__name(map), pin));
    bpf_map__set_pin_path(map, nullptr);
  }
}

base::Failure refusal(int code, const std::string& what, const LoadLog& log) {
  const std::string reason = log.summary();
  // libbpf passes on whatever errno the kernel had for an object that can't be loaded; only these
  // are about the system and not about the object.
  const bool system = code == EPERM || code == ENOMEM || code == EMFILE || code == ENFILE;
  const std::string cause = reason.empty() || system ? base::errno_text(code) : reason;
  return fail(system ? code : EINVAL, "{}: {}{}", what, cause,
              code == EPERM ? "; bpfdumpd needs CAP_BPF and CAP_PERFMON" : "");
}

}  // namespace

void Program::ObjectDeleter::operator()(bpf_object* object) const { bpf_object__close(object); }

Result<Program> Program::load(std::span<const std::byte> bytes, const targets::Target& target,
                              const std::string& name,
                              const std::vector<targets::Variable>& variables, LoadLog& log) {
  if (auto checked = check_object_file(bytes); !checked) return base::Failure(checked.error());

  const Capture capture(log);
  if (auto checked = check_object_types(bytes); !checked) return base::Failure(checked.error());
  LIBBPF_OPTS(bpf_object_open_opts, options, .object_name = "bpfdump");
  ObjectPtr object(bpf_object__open_mem(bytes.data(), bytes.size(), &options));
  if (!object) return refusal(errno, "open the object", log);

  const auto chosen = choose(object.get(), target.name, name);
  if (!chosen) return base::Failure(chosen.error());
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, object.get()) {
    bpf_program__set_autoload(program, program == *chosen);
  }
  share_only_existing_maps(object.get(), log);
  if (auto set = set_variables(object.get(), variables); !set) return base::Failure(set.error());

  if (const int error = bpf_object__load(object.get()); error != 0) {
    return refusal(-error, fmt::format("load program '{}'", bpf_program__name(*chosen)), log);
  }
  return Program(std::move(object), *chosen);
}

std::string Program::name() const { return bpf_program__name(program_); }

int Program::fd() const { return bpf_program__fd(program_); }

}  // namespace bpfdump::loader
