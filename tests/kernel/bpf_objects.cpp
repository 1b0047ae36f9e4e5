// SPDX-License-Identifier: Apache-2.0
#include "tests/kernel/bpf_objects.h"

#include <bpf/bpf.h>
#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "base/unique_fd.h"
#include "tests/kernel/process.h"

namespace bpfdump::test {
namespace {

using base::UniqueFd;

template <class Info>
Info info_of(const UniqueFd& fd, Info info = {}) {
  __u32 size = sizeof(info);
  EXPECT_EQ(bpf_obj_get_info_by_fd(fd.get(), &info, &size), 0) << std::strerror(errno);
  return info;
}

// A look at an object keeps it for that moment, which is why asking again may be needed.
bool none_is_there(const std::set<std::uint32_t>& ids, int (*open)(__u32)) {
  for (const auto id : ids) {
    const UniqueFd fd(open(id));
    if (fd.valid() || errno != ENOENT) return false;
  }
  return true;
}

template <class Info>
std::set<std::uint32_t> ids_named(const std::string& prefix, int (*next)(__u32, __u32*),
                                  int (*open)(__u32)) {
  std::set<std::uint32_t> ids;
  for (__u32 id = 0; next(id, &id) == 0;) {
    const UniqueFd fd(open(id));
    if (!fd.valid()) continue;  // gone in between
    if (std::string_view(info_of<Info>(fd).name).starts_with(prefix)) ids.insert(id);
  }
  return ids;
}

}  // namespace

void BpfObjects::add(const BpfObjects& other) {
  links.insert(other.links.begin(), other.links.end());
  programs.insert(other.programs.begin(), other.programs.end());
  maps.insert(other.maps.begin(), other.maps.end());
}

bool BpfObjects::are_gone() const {
  return eventually([&] {
    return none_is_there(links, bpf_link_get_fd_by_id) &&
           none_is_there(programs, bpf_prog_get_fd_by_id) &&
           none_is_there(maps, bpf_map_get_fd_by_id);
  });
}

BpfObjects objects_of_pin(const std::string& pin) {
  const UniqueFd link(bpf_obj_get(pin.c_str()));
  EXPECT_TRUE(link.valid()) << pin << ": " << std::strerror(errno);
  if (!link.valid()) return {};
  const auto link_info = info_of<bpf_link_info>(link);
  const UniqueFd program(bpf_prog_get_fd_by_id(link_info.prog_id));
  std::array<__u32, 64> maps = {};
  bpf_prog_info wanted = {};
  wanted.nr_map_ids = maps.size();
  wanted.map_ids = reinterpret_cast<std::uintptr_t>(maps.data());
  const auto program_info = info_of(program, wanted);
  return {
      {link_info.id}, {program_info.id}, {maps.begin(), maps.begin() + program_info.nr_map_ids}};
}

BpfObjects objects_named(const std::string& prefix) {
  return {{},
          ids_named<bpf_prog_info>(prefix, bpf_prog_get_next_id, bpf_prog_get_fd_by_id),
          ids_named<bpf_map_info>(prefix, bpf_map_get_next_id, bpf_map_get_fd_by_id)};
}

std::uint64_t value_in_map(const std::string& pin, const std::string& map) {
  for (const auto id : objects_of_pin(pin).maps) {
    const UniqueFd fd(bpf_map_get_fd_by_id(id));
    if (info_of<bpf_map_info>(fd).name != map) continue;
    const __u32 zero = 0;
    std::uint64_t value = 0;
    EXPECT_EQ(bpf_map_lookup_elem(fd.get(), &zero, &value), 0) << std::strerror(errno);
    return value;
  }
  ADD_FAILURE() << pin << " has no map " << map;
  return 0;
}

}  // namespace bpfdump::test
