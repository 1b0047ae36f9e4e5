// SPDX-License-Identifier: Apache-2.0
#include "tests/kernel/bpf_kinds.h"

#include <sstream>

#include "tests/kernel/daemon.h"

namespace bpfdump::test {

ObjectPtr load_object(const std::string& file) {
  ObjectPtr object(bpf_object__open_file(file.c_str(), nullptr));
  if (!object || bpf_object__load(object.get()) != 0) {
    ADD_FAILURE() << "load " << file << ": " << std::strerror(errno);
    object.reset();
  }
  return object;
}

base::UniqueFd attach_iterator(bpf_object* object, bpf_iter_link_info info) {
  if (object == nullptr) return {};
  LIBBPF_OPTS(bpf_link_create_opts, options, .iter_info = &info, .iter_info_len = sizeof(info));
  base::UniqueFd link(bpf_link_create(bpf_program__fd(bpf_object__next_program(object, nullptr)), 0,
                                      BPF_TRACE_ITER, &options));
  EXPECT_TRUE(link.valid()) << std::strerror(errno);
  return link;
}

Kind load_kind(const std::string& name, int target) {
  Kind kind = {.object = ObjectPtr(bpf_object__open_file(object_file("kinds").c_str(), nullptr))};
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, kind.object.get()) {
    const bool wanted = bpf_program__name(program) == name;
    bpf_program__set_autoload(program, wanted);
    if (wanted && target != 0) {
      EXPECT_EQ(bpf_program__set_attach_target(program, target, "t_egress"), 0);
    }
  }
  if (bpf_object__load(kind.object.get()) != 0) return {};
  program = bpf_object__find_program_by_name(kind.object.get(), name.c_str());
  EXPECT_NE(program, nullptr) << name;
  kind.fd = bpf_program__fd(program);
  return kind;
}

std::map<std::string, std::vector<std::string>> rows_of(const std::string& table) {
  std::map<std::string, std::vector<std::string>> rows;
  for (const auto& line : lines_of(table)) {
    EXPECT_FALSE(line.ends_with(' ')) << line;
    std::istringstream cells(line);
    std::vector<std::string> row;
    for (std::string cell; cells >> cell;) row.push_back(cell);
    rows[row.at(0)] = row;
  }
  EXPECT_EQ(rows.erase("ID"), 1u);
  return rows;
}

}  // namespace bpfdump::test
