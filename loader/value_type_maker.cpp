// SPDX-License-Identifier: Apache-2.0
//
// BTF -> ValueType. All that could be wrong with the types is found here, so that values can be
// read without a check.
#include <bpf/btf.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <optional>
#include <string_view>

#include "loader/json.h"
#include "loader/value_type.h"

namespace bpfdump::loader {
namespace {

using base::fail;
using base::Result;

// As deep as the kernel resolves a type (Linux kernel/bpf/btf.c: MAX_RESOLVE_DEPTH).
constexpr int kMostLevels = 32;
// Unions of unions, and arrays of what has no size, could make a few bytes endless.
constexpr std::uint64_t kMostValues = 1 << 16;
constexpr std::uint32_t kPointerSize = 8;  // BPF's, on every machine

// What belongs to the kernel even in a map's value. It does not show these to user space, but
// hands them to iterators (Linux kernel/bpf/btf.c: btf_get_field_type).
constexpr std::array<std::string_view, 9> kHiddenStructs = {
    "bpf_spin_lock", "bpf_res_spin_lock", "bpf_timer",   "bpf_wq",      "bpf_list_head",
    "bpf_list_node", "bpf_rb_root",       "bpf_rb_node", "bpf_refcount"};
constexpr std::array<std::string_view, 3> kHiddenPointers = {"kptr", "percpu_kptr", "uptr"};
constexpr std::uint32_t kMostHidden = 64;

bool is_number_size(std::uint32_t size) { return size == 1 || size == 2 || size == 4 || size == 8; }

}  // namespace

class ValueTypeMaker {
 public:
  explicit ValueTypeMaker(const btf& types) : types_(types) {}

  Result<ValueType> make(std::uint32_t id, std::uint32_t size) {
    const auto root = node(id, 0);
    if (!root) return base::Failure(root.error());
    made_.root_ = made_.nodes_[*root];
    if (made_.root_.size > size)
      return fail(EINVAL, "type {} has {} bytes, its values {}", id, made_.root_.size, size);
    if (made_.root_.values > kMostValues)
      return fail(EINVAL, "a value of type {} is too much to be shown", id);
    return std::move(made_);
  }

 private:
  using Kind = ValueType::Kind;
  using Node = ValueType::Node;

  [[nodiscard]] static base::Failure senseless(std::uint32_t id) {
    return fail(EINVAL, "type {} makes no sense", id);
  }

  [[nodiscard]] std::string_view name(std::uint32_t offset) const {
    const char* const text = btf__str_by_offset(&types_, offset);
    return text == nullptr ? "" : text;
  }

  // The type behind modifiers; nullptr where there is none.
  [[nodiscard]] const btf_type* resolve(std::uint32_t& id, bool also_typedefs = true) const {
    for (int level = 0; level <= kMostLevels; ++level) {
      const btf_type* const type = id == 0 ? nullptr : btf__type_by_id(&types_, id);
      if (type == nullptr) return nullptr;
      if (!btf_is_mod(type) && !(also_typedefs && btf_is_typedef(type))) return type;
      id = type->type;
    }
    return nullptr;
  }

  std::uint32_t add(Node node) {
    made_.nodes_.push_back(std::move(node));
    return static_cast<std::uint32_t>(made_.nodes_.size() - 1);
  }

  // The number of a type's node in made_.
  Result<std::uint32_t> node(std::uint32_t id, int level) {
    const btf_type* const type = resolve(id);
    if (type == nullptr || level > kMostLevels) return senseless(id);
    if (const auto known = known_.find(id); known != known_.end()) {
      // One that is still being made contains itself.
      if (!known->second) return senseless(id);
      return *known->second;
    }
    known_[id] = std::nullopt;
    auto made = make_node(id, *type, level);
    if (!made) return base::Failure(made.error());
    // Counted from below too: what is known already adds its levels.
    if (made->levels > kMostLevels) return senseless(id);
    const std::uint32_t number = add(std::move(*made));
    known_[id] = number;
    return number;
  }

  Result<Node> make_node(std::uint32_t id, const btf_type& type, int level) {
    switch (btf_kind(&type)) {
      case BTF_KIND_INT:
        return integer(id, type);
      case BTF_KIND_PTR:
        return pointer(type);
      case BTF_KIND_ENUM:
      case BTF_KIND_ENUM64:
        return enumeration(id, type);
      case BTF_KIND_FLOAT:
        if (type.size == sizeof(float) || type.size == sizeof(double))
          return Node{.kind = Kind::floating, .size = type.size, .end = {}};
        return Node{.kind = Kind::bytes, .size = type.size, .values = type.size, .end = {}};
      case BTF_KIND_ARRAY:
        return array(id, *btf_array(&type), level);
      case BTF_KIND_STRUCT:
      case BTF_KIND_UNION:
        return structure(id, type, level);
      case BTF_KIND_DATASEC:
        return section(id, type, level);
      default:
        return senseless(id);
    }
  }

  static Result<Node> bits(std::uint32_t id, std::uint32_t size, unsigned shift, unsigned width) {
    if (width == 0 || shift + width > 128) return senseless(id);
    return Node{.kind = Kind::bits,
                .size = size,
                .shift = static_cast<std::uint8_t>(shift),
                .width = static_cast<std::uint8_t>(width),
                .end = {}};
  }

  static Result<Node> integer(std::uint32_t id, const btf_type& type) {
    const unsigned width = btf_int_bits(&type);
    const unsigned shift = btf_int_offset(&type);
    if (shift + width > 8 * std::uint64_t{type.size}) return senseless(id);
    if (shift != 0 || width != 8 * type.size || !is_number_size(type.size))
      return bits(id, type.size, shift, width);
    Node node = {.kind = Kind::unsigned_number, .size = type.size, .end = {}};
    const unsigned encoding = btf_int_encoding(&type);
    if ((encoding & BTF_INT_SIGNED) != 0) node.kind = Kind::signed_number;
    if ((encoding & BTF_INT_BOOL) != 0) node.kind = Kind::boolean;
    if ((encoding & BTF_INT_CHAR) != 0 && type.size == 1) node.kind = Kind::character;
    return node;
  }

  [[nodiscard]] Node pointer(const btf_type& type) const {
    Node node = {.kind = Kind::pointer, .size = kPointerSize, .end = {}};
    const btf_type* const tag = btf__type_by_id(&types_, type.type);
    node.hidden = tag != nullptr && btf_is_type_tag(tag) &&
                  std::any_of(kHiddenPointers.begin(), kHiddenPointers.end(),
                              [&](auto hidden) { return name(tag->name_off).starts_with(hidden); });
    return node;
  }

  Result<Node> enumeration(std::uint32_t id, const btf_type& type) {
    if (!is_number_size(type.size)) return senseless(id);
    const bool wide = btf_kind(&type) == BTF_KIND_ENUM64;
    Node node = {.kind = Kind::enumeration, .size = type.size, .end = {}};
    // Compilers of before ENUM64 did not say which are signed, and bpftool takes all as such.
    node.is_signed = !wide || btf_kflag(&type);
    node.first = static_cast<std::uint32_t>(made_.names_.size());
    node.count = btf_vlen(&type);
    for (std::uint32_t i = 0; i < node.count; ++i) {
      std::string literal;
      append_json_string(name(wide ? btf_enum64(&type)[i].name_off : btf_enum(&type)[i].name_off),
                         literal);
      const auto value = wide ? btf_enum64_value(&btf_enum64(&type)[i])
                              : static_cast<std::uint64_t>(std::int64_t{btf_enum(&type)[i].val});
      made_.names_.emplace_back(value, std::move(literal));
    }
    // Of several names for a value, the first one.
    std::stable_sort(made_.names_.begin() + node.first, made_.names_.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    return node;
  }

  // As for bpftool, a typedef of char is not text.
  [[nodiscard]] bool is_char(std::uint32_t id) const {
    const btf_type* const type = resolve(id, false);
    return type != nullptr && btf_is_int(type) && type->size == 1 &&
           (btf_int_encoding(type) == BTF_INT_CHAR || name(type->name_off) == "char");
  }

  Result<Node> array(std::uint32_t id, const struct btf_array& array, int level) {
    const auto element = node(array.type, level + 1);
    if (!element) return base::Failure(element.error());
    const Node& of = made_.nodes_[*element];
    const std::uint64_t size = std::uint64_t{of.size} * array.nelems;
    if (size > UINT32_MAX) return senseless(id);
    Node node = {.kind = Kind::array, .size = static_cast<std::uint32_t>(size), .end = {}};
    node.text = is_char(array.type);
    node.first = *element;
    node.count = array.nelems;
    node.values = 1 + std::min(of.values, kMostValues) * array.nelems;
    node.levels = 1 + of.levels;
    return node;
  }

  // `begin` is what comes before the name of the first member.
  std::string member_begin(std::string_view begin, bool is_first, std::uint32_t name_offset) const {
    std::string text(is_first ? begin : ",");
    append_json_string(name(name_offset), text);
    return text += ':';
  }

  // Takes the members only when all are there: theirs come before them.
  Node object(std::uint32_t size, std::vector<ValueType::Member> members, std::string empty,
              std::string end) {
    Node node = {.kind = Kind::object, .size = size, .end = std::move(end)};
    if (members.empty()) node.end = std::move(empty);
    node.first = static_cast<std::uint32_t>(made_.members_.size());
    node.count = static_cast<std::uint32_t>(members.size());
    for (const auto& member : members) {
      const Node& part = made_.nodes_[member.node];
      node.values += std::min(part.values, kMostValues);
      node.levels = std::max(node.levels, 1 + part.levels);
    }
    std::move(members.begin(), members.end(), std::back_inserter(made_.members_));
    return node;
  }

  // A member's node and its offset in bytes.
  Result<ValueType::Member> member(const btf_type& type, std::uint32_t index, int level) {
    const btf_member& entry = btf_members(&type)[index];
    const std::uint32_t offset = btf_member_bit_offset(&type, index);
    const unsigned shift = offset % 8;
    unsigned width = btf_member_bitfield_size(&type, index);

    std::uint32_t id = entry.type;
    const btf_type* const of = resolve(id);
    // In older BTF it is the member's type that has the width.
    if (width == 0 && shift != 0 && of != nullptr && btf_is_int(of)) width = btf_int_bits(of);
    if (width == 0 && shift != 0) return senseless(entry.type);
    const auto made = [&]() -> Result<std::uint32_t> {
      if (width == 0) return node(entry.type, level + 1);
      return bits(entry.type, (shift + width + 7) / 8, shift, width).map([&](Node node) {
        return add(std::move(node));
      });
    }();
    if (!made) return base::Failure(made.error());
    return ValueType::Member{{}, offset / 8, *made};
  }

  Result<Node> structure(std::uint32_t id, const btf_type& type, int level) {
    std::vector<ValueType::Member> members;
    for (std::uint32_t i = 0; i < btf_vlen(&type); ++i) {
      auto made = member(type, i, level);
      if (!made) return base::Failure(made.error());
      if (std::uint64_t{made->offset} + made_.nodes_[made->node].size > type.size)
        return senseless(id);
      made->begin = member_begin("{", i == 0, btf_members(&type)[i].name_off);
      members.push_back(std::move(*made));
    }
    Node node = object(type.size, std::move(members), "{}", "}");
    node.hidden = type.size <= kMostHidden &&
                  std::find(kHiddenStructs.begin(), kHiddenStructs.end(), name(type.name_off)) !=
                      kHiddenStructs.end();
    return node;
  }

  // The variables of an object, in a list as bpftool has it.
  Result<Node> section(std::uint32_t id, const btf_type& type, int level) {
    std::string begin = "{";
    append_json_string(name(type.name_off), begin);
    begin += ":[";

    std::vector<ValueType::Member> members;
    for (std::uint32_t i = 0; i < btf_vlen(&type); ++i) {
      const btf_var_secinfo& place = btf_var_secinfos(&type)[i];
      const btf_type* const variable = btf__type_by_id(&types_, place.type);
      if (variable == nullptr || !btf_is_var(variable)) return senseless(id);
      const auto made = node(variable->type, level + 1);
      if (!made) return base::Failure(made.error());
      if (std::uint64_t{place.offset} + made_.nodes_[*made].size > type.size) return senseless(id);
      auto text = member_begin(begin + "{", i == 0, variable->name_off);
      if (i != 0) text.replace(0, 1, "},{");
      members.push_back({std::move(text), place.offset, *made});
    }
    return object(type.size, std::move(members), begin + "]}", "}]}");
  }

  const btf& types_;
  std::map<std::uint32_t, std::optional<std::uint32_t>> known_;
  ValueType made_;
};

Result<ValueType> ValueType::create(const btf& types, std::uint32_t id, std::uint32_t size) {
  return ValueTypeMaker(types).make(id, size);
}

}  // namespace bpfdump::loader
