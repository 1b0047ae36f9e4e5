// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/unique_fd.h"

namespace bpfdump::test {

struct ObjectDeleter {
  void operator()(bpf_object* object) const { bpf_object__close(object); }
};
using ObjectPtr = std::unique_ptr<bpf_object, ObjectDeleter>;

/// A loaded object file; nullptr and a failure of the test where that fails.
[[nodiscard]] ObjectPtr load_object(const std::string& file);

/// An iterator over what `info` says, with the first program of an object: a link.
[[nodiscard]] base::UniqueFd attach_iterator(bpf_object* object, bpf_iter_link_info info);

/// A program of tests/kernel/bpf/kinds.bpf.c; fd is -1 where this kernel can't load it.
struct Kind {
  ObjectPtr object;
  int fd = -1;
};

/// Loads one by name; `target` is the program whose t_egress it is attached to.
[[nodiscard]] Kind load_kind(const std::string& name, int target = 0);

/// What the kernel says of a map, program or link.
template <class Info>
[[nodiscard]] Info info_of(int fd) {
  Info info = {};
  __u32 size = sizeof(info);
  EXPECT_EQ(bpf_obj_get_info_by_fd(fd, &info, &size), 0) << std::strerror(errno);
  return info;
}

/// The cells of a table's lines by the first one, without the header.
[[nodiscard]] std::map<std::string, std::vector<std::string>> rows_of(const std::string& table);

}  // namespace bpfdump::test
