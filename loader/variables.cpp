// SPDX-License-Identifier: Apache-2.0
#include "loader/variables.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace bpfdump::loader {
namespace {

using base::fail;
using base::Result;

constexpr std::string_view kSection = ".rodata";
constexpr const char* kSettable = "only numbers, enums and arrays of char can be set";

/// A whole number of up to 64 bits.
struct Number {
  bool negative;
  std::uint64_t magnitude;
};

std::optional<Number> parse_number(std::string_view text) {
  Number number = {text.starts_with('-'), 0};
  if (number.negative) text.remove_prefix(1);
  const bool hexadecimal = text.starts_with("0x");
  if (hexadecimal) text.remove_prefix(2);
  const char* end = text.data() + text.size();
  const auto [rest, error] =
      std::from_chars(text.data(), end, number.magnitude, hexadecimal ? 16 : 10);
  if (error != std::errc() || rest != end) return std::nullopt;
  return number;
}

// Writes a number in two's complement, as the machine orders its bytes; false where it does not
// fit.
bool store(Number number, bool is_signed, std::span<std::byte> room) {
  if (room.empty() || room.size() > sizeof(std::uint64_t)) return false;
  const unsigned bits = static_cast<unsigned>(room.size()) * 8;
  const std::uint64_t most = ~std::uint64_t{0} >> (64 - (is_signed ? bits - 1 : bits));
  if (number.negative && (!is_signed || number.magnitude > most + 1)) return false;
  if (!number.negative && number.magnitude > most) return false;
  const std::uint64_t value = number.negative ? 0 - number.magnitude : number.magnitude;
  switch (room.size()) {
    case 1:
      room[0] = static_cast<std::byte>(value);
      return true;
    case 2: {
      const auto narrow = static_cast<std::uint16_t>(value);
      std::memcpy(room.data(), &narrow, sizeof(narrow));
      return true;
    }
    case 4: {
      const auto narrow = static_cast<std::uint32_t>(value);
      std::memcpy(room.data(), &narrow, sizeof(narrow));
      return true;
    }
    case 8:
      std::memcpy(room.data(), &value, sizeof(value));
      return true;
    default:
      return false;
  }
}

const btf_type* resolve(const btf& types, std::uint32_t id) {
  const btf_type* type = btf__type_by_id(&types, id);
  while (type != nullptr && (btf_is_mod(type) || btf_is_typedef(type)))
    type = btf__type_by_id(&types, type->type);
  return type;
}

// Whether a program reads the variable from memory at all: a plain constant may be compiled in.
bool is_volatile(const btf& types, std::uint32_t id) {
  constexpr int kMostLevels = 32;  // as deep as the kernel follows types
  const btf_type* type = btf__type_by_id(&types, id);
  for (int level = 0; level < kMostLevels && type != nullptr; ++level) {
    if (btf_is_volatile(type)) return true;
    if (!btf_is_mod(type) && !btf_is_typedef(type) && !btf_is_array(type)) return false;
    type = btf__type_by_id(&types, btf_is_array(type) ? btf_array(type)->type : type->type);
  }
  return false;
}

std::optional<Number> enum_value(const btf& types, const btf_type* type, std::string_view name) {
  const bool is_signed = btf_kflag(type);
  for (int at = 0; at < btf_vlen(type); ++at) {
    const bool wide = btf_is_enum64(type);
    const auto name_offset = wide ? btf_enum64(type)[at].name_off : btf_enum(type)[at].name_off;
    if (name != btf__str_by_offset(&types, name_offset)) continue;
    const std::uint64_t value =
        wide ? btf_enum64_value(&btf_enum64(type)[at])
             : static_cast<std::uint64_t>(std::int64_t{btf_enum(type)[at].val});
    const bool negative = is_signed && static_cast<std::int64_t>(value) < 0;
    if (!is_signed && !wide) return Number{false, value & 0xffffffff};
    return Number{negative, negative ? 0 - value : value};
  }
  return std::nullopt;
}

// Compilers such as clang 14 do not say whether an enum is signed; -1 is then 4294967295.
bool looks_signed(const btf_type* type) {
  if (!btf_is_enum(type)) return false;
  const std::span values(btf_enum(type), btf_vlen(type));
  return std::any_of(values.begin(), values.end(), [](const auto& one) { return one.val < 0; });
}

/// One variable's type and memory.
class Slot {
 public:
  Slot(const btf& types, const btf_type* type, std::span<std::byte> room)
      : types_(types), type_(type), room_(room) {}

  /// What is wrong with the value, or nothing.
  [[nodiscard]] std::string set(std::string_view value) const {
    if (type_ == nullptr) return kSettable;
    switch (btf_kind(type_)) {
      case BTF_KIND_INT:
        return set_integer(value);
      case BTF_KIND_ENUM:
      case BTF_KIND_ENUM64:
        return set_enum(value);
      case BTF_KIND_ARRAY:
        return set_text(value);
      default:
        return kSettable;
    }
  }

 private:
  std::string set_integer(std::string_view value) const {
    const auto encoding = btf_int_encoding(type_);
    auto number = parse_number(value);
    if (encoding & BTF_INT_BOOL) {
      if (value == "true" || value == "false") number = Number{false, value == "true" ? 1U : 0U};
      if (!number || number->negative || number->magnitude > 1) return "expected true or false";
    }
    const bool is_signed = (encoding & BTF_INT_SIGNED) != 0;
    if (number && store(*number, is_signed, room_)) return {};
    return fmt::format("expected a number of {} {} bits", is_signed ? "signed" : "unsigned",
                       room_.size() * 8);
  }

  std::string set_enum(std::string_view value) const {
    auto number = enum_value(types_, type_, value);
    if (!number) number = parse_number(value);
    const bool is_signed = btf_kflag(type_);
    if (number &&
        (store(*number, is_signed, room_) || (looks_signed(type_) && store(*number, true, room_))))
      return {};
    return fmt::format("expected a value of enum {}",
                       btf__name_by_offset(&types_, type_->name_off));
  }

  std::string set_text(std::string_view value) const {
    const btf_type* element = resolve(types_, btf_array(type_)->type);
    if (element == nullptr || !btf_is_int(element) || element->size != 1) return kSettable;
    if (value.size() >= room_.size())
      return fmt::format("expected at most {} bytes", room_.size() - 1);
    std::memset(room_.data(), 0, room_.size());
    std::memcpy(room_.data(), value.data(), value.size());
    return {};
  }

  const btf& types_;
  const btf_type* type_;
  std::span<std::byte> room_;
};

/// The read-only data of an object, as it will be loaded.
class Section {
 public:
  explicit Section(bpf_object* object) : types_(bpf_object__btf(object)) {
    bpf_map* map = nullptr;
    bpf_object__for_each_map(map, object) {
      // "NAME.rodata", with as much of the object's name as fits. .rodata.str1.1 is no variable.
      if (!std::string_view(bpf_map__name(map)).ends_with(kSection)) continue;
      std::size_t size = 0;
      // libbpf offers this memory for writing, whatever its type says: there is no other way to
      // change one variable (bpf_map__set_initial_value() copies it to itself).
      auto* memory =
          const_cast<void*>(static_cast<const void*>(bpf_map__initial_value(map, &size)));
      memory_ = {static_cast<std::byte*>(memory), memory == nullptr ? 0 : size};
    }
    const int id =
        types_ == nullptr ? -1 : btf__find_by_name_kind(types_, kSection.data(), BTF_KIND_DATASEC);
    if (id > 0) layout_ = btf__type_by_id(types_, static_cast<std::uint32_t>(id));
  }

  [[nodiscard]] std::optional<Slot> find(std::string_view name) const {
    for (const auto& entry : entries()) {
      if (!is_settable(entry) || name_of(entry) != name || entry.offset > memory_.size() ||
          entry.size > memory_.size() - entry.offset)
        continue;
      const btf_type* variable = btf__type_by_id(types_, entry.type);
      return Slot(*types_, resolve(*types_, variable->type),
                  memory_.subspan(entry.offset, entry.size));
    }
    return std::nullopt;
  }

  [[nodiscard]] std::vector<std::string_view> names() const {
    std::vector<std::string_view> names;
    for (const auto& entry : entries()) {
      if (is_settable(entry)) names.push_back(name_of(entry));
    }
    return names;
  }

 private:
  [[nodiscard]] std::span<const btf_var_secinfo> entries() const {
    if (layout_ == nullptr) return {};
    return {btf_var_secinfos(layout_), btf_vlen(layout_)};
  }
  [[nodiscard]] bool is_settable(const btf_var_secinfo& entry) const {
    return is_volatile(*types_, btf__type_by_id(types_, entry.type)->type);
  }
  [[nodiscard]] std::string_view name_of(const btf_var_secinfo& entry) const {
    return btf__name_by_offset(types_, btf__type_by_id(types_, entry.type)->name_off);
  }

  const btf* types_;
  const btf_type* layout_ = nullptr;
  std::span<std::byte> memory_;
};

}  // namespace

Result<void> set_variables(bpf_object* object, const std::vector<targets::Variable>& variables) {
  if (variables.empty()) return {};
  const Section section(object);
  for (const auto& [name, value] : variables) {
    const auto slot = section.find(name);
    if (!slot) {
      const auto names = section.names();
      return fail(EINVAL, "set.{0}: the program has no const volatile variable '{0}'{1}{2}", name,
                  names.empty() ? ", nor any other" : "; it has ", fmt::join(names, ", "));
    }
    if (const std::string wrong = slot->set(value); !wrong.empty())
      return fail(EINVAL, "set.{}={}: {}", name, value, wrong);
  }
  return {};
}

}  // namespace bpfdump::loader
