// SPDX-License-Identifier: Apache-2.0
#include "loader/object_types.h"

#include <bpf/btf.h>

#include <cerrno>
#include <cstdint>
#include <memory>
#include <string_view>

#include "loader/object_file.h"

namespace bpfdump::loader {
namespace {

using base::fail;
using base::Result;

// As deep as libbpf itself resolves a type.
constexpr int kMostModifiers = 32;

struct BtfDeleter {
  void operator()(btf* types) const { btf__free(types); }
};

bool is_modifier(const btf_type* type) { return btf_is_mod(type) || btf_is_typedef(type); }

bool is_type(const btf& types, std::uint32_t id) { return id < btf__type_cnt(&types); }

bool is_name(const btf& types, std::uint32_t offset) {
  return btf__str_by_offset(&types, offset) != nullptr;
}

template <class Entry>
std::span<const Entry> entries(const btf_type* type) {
  return {reinterpret_cast<const Entry*>(type + 1), btf_vlen(type)};
}

// Whether all that a type refers to is there.
bool is_complete(const btf& types, const btf_type* type) {
  if (!is_name(types, type->name_off)) return false;
  switch (btf_kind(type)) {
    case BTF_KIND_FUNC:
      return is_type(types, type->type) && btf_is_func_proto(btf__type_by_id(&types, type->type));
    case BTF_KIND_PTR:
    case BTF_KIND_TYPEDEF:
    case BTF_KIND_VOLATILE:
    case BTF_KIND_CONST:
    case BTF_KIND_RESTRICT:
    case BTF_KIND_VAR:
    case BTF_KIND_DECL_TAG:
    case BTF_KIND_TYPE_TAG:
      return is_type(types, type->type);
    case BTF_KIND_ARRAY:
      return is_type(types, btf_array(type)->type) && is_type(types, btf_array(type)->index_type);
    case BTF_KIND_STRUCT:
    case BTF_KIND_UNION:
      for (const auto& member : entries<btf_member>(type))
        if (!is_name(types, member.name_off) || !is_type(types, member.type)) return false;
      return true;
    case BTF_KIND_ENUM:
      for (const auto& value : entries<struct btf_enum>(type))
        if (!is_name(types, value.name_off)) return false;
      return true;
    case BTF_KIND_ENUM64:
      for (const auto& value : entries<struct btf_enum64>(type))
        if (!is_name(types, value.name_off)) return false;
      return true;
    case BTF_KIND_FUNC_PROTO:
      for (const auto& parameter : entries<btf_param>(type))
        if (!is_name(types, parameter.name_off) || !is_type(types, parameter.type)) return false;
      return is_type(types, type->type);
    case BTF_KIND_DATASEC:
      for (const auto& variable : entries<btf_var_secinfo>(type))
        if (!is_type(types, variable.type)) return false;
      return true;
    default:
      return true;
  }
}

bool modifiers_end(const btf& types, const btf_type* type) {
  for (int depth = 0; depth < kMostModifiers; ++depth) {
    if (!is_modifier(type)) return true;
    type = btf__type_by_id(&types, type->type);
  }
  return false;
}

Result<void> check_types(std::span<const std::byte> section) {
  const std::unique_ptr<btf, BtfDeleter> types(
      btf__new(section.data(), static_cast<std::uint32_t>(section.size())));
  if (!types) return fail(EINVAL, "the object is malformed: its types (.BTF) can't be read");
  for (std::uint32_t id = 1; id < btf__type_cnt(types.get()); ++id) {
    if (!is_complete(*types, btf__type_by_id(types.get(), id)))
      return fail(EINVAL, "the object is malformed: type {} refers to what is not there", id);
  }
  for (std::uint32_t id = 1; id < btf__type_cnt(types.get()); ++id) {
    if (!modifiers_end(*types, btf__type_by_id(types.get(), id)))
      return fail(EINVAL, "the object is malformed: type {} leads nowhere", id);
  }
  return {};
}

}  // namespace

Result<void> check_object_types(std::span<const std::byte> object) {
  for (const auto& section : sections_named(object, ".BTF")) {
    if (auto checked = check_types(section); !checked) return checked;
  }
  return {};
}

}  // namespace bpfdump::loader
