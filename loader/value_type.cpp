// SPDX-License-Identifier: Apache-2.0
#include "loader/value_type.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <iterator>

#include "loader/json.h"

namespace bpfdump::loader {
namespace {

constexpr bool kLittleEndian = std::endian::native == std::endian::little;

template <class Number>
Number read(const std::byte* data) {
  Number number;
  std::memcpy(&number, data, sizeof(number));
  return number;
}

std::uint64_t read_unsigned(const std::byte* data, std::uint32_t size) {
  switch (size) {
    case 1:
      return read<std::uint8_t>(data);
    case 2:
      return read<std::uint16_t>(data);
    case 4:
      return read<std::uint32_t>(data);
    default:
      return read<std::uint64_t>(data);
  }
}

std::int64_t read_signed(const std::byte* data, std::uint32_t size) {
  const unsigned unused = 64 - 8 * size;
  return static_cast<std::int64_t>(read_unsigned(data, size) << unused) >> unused;
}

template <class Number>
void append_number(Number number, std::string& text) {
  const fmt::format_int digits(number);
  text.append(digits.data(), digits.size());
}

void append_hex(std::uint64_t number, std::string& text) {
  fmt::format_to(std::back_inserter(text), "\"{:#x}\"", number);
}

// `width` of at most 128 bits, the first of which is `shift` bits behind the beginning of data.
void append_bits(const std::byte* data, unsigned shift, unsigned width, std::string& text) {
  const unsigned bytes = (shift + width + 7) / 8;
  const unsigned drop = kLittleEndian ? shift : 8 * bytes - shift - width;
  std::uint64_t high = 0, low = 0;
  for (unsigned i = 0; i < bytes; ++i) {
    high = high << 8 | low >> 56;
    low = low << 8 | std::to_integer<std::uint64_t>(data[kLittleEndian ? bytes - 1 - i : i]);
  }
  for (unsigned i = 0; i < drop; ++i) {
    low = low >> 1 | high << 63;
    high >>= 1;
  }
  if (width < 64) low &= (std::uint64_t{1} << width) - 1;
  if (width <= 64) high = 0;
  if (width > 64 && width < 128) high &= (std::uint64_t{1} << (width - 64)) - 1;
  if (high == 0) return append_hex(low, text);
  fmt::format_to(std::back_inserter(text), "\"{:#x}{:016x}\"", high, low);
}

template <class Number>
void append_floating(Number number, std::string& text) {
  // JSON has numbers only for what is one.
  const char* const quote = std::isfinite(number) ? "" : "\"";
  fmt::format_to(std::back_inserter(text), "{0}{1}{0}", quote, number);
}

void append_character(const std::byte* data, std::string& text) {
  const auto value = std::to_integer<unsigned>(*data);
  const char letter = static_cast<char>(value);
  if (value < 0x80 && is_printable({&letter, 1})) return append_json_string({&letter, 1}, text);
  fmt::format_to(std::back_inserter(text), "\"\\u00{:02x}\"", value);
}

std::string_view as_text(const std::byte* data, std::uint32_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

}  // namespace

ValueType ValueType::bytes(std::uint32_t size) {
  ValueType type;
  type.root_ = {.kind = Kind::bytes, .size = size, .end = {}};
  return type;
}

void ValueType::append(const Node& node, const std::byte* data, std::string& text) const {
  static constexpr std::array<std::byte, 64> kZeros = {};
  if (node.hidden) data = kZeros.data();
  switch (node.kind) {
    case Kind::unsigned_number:
      return append_number(read_unsigned(data, node.size), text);
    case Kind::signed_number:
      return append_number(read_signed(data, node.size), text);
    case Kind::boolean: {
      const auto bytes = as_text(data, node.size);
      text += bytes.find_first_not_of('\0') == bytes.npos ? "false" : "true";
      return;
    }
    case Kind::character:
      return append_character(data, text);
    case Kind::bits:
      return append_bits(data, node.shift, node.width, text);
    case Kind::pointer:
      return append_hex(read<std::uint64_t>(data), text);
    case Kind::enumeration:
      return append_enumeration(node, data, text);
    case Kind::floating:
      if (node.size == sizeof(float)) return append_floating(read<float>(data), text);
      return append_floating(read<double>(data), text);
    case Kind::bytes:
      return append_json_bytes(as_text(data, node.size), text);
    case Kind::array:
      return append_array(node, data, text);
    case Kind::object:
      for (std::uint32_t i = node.first; i < node.first + node.count; ++i) {
        const Member& member = members_[i];
        text += member.begin;
        append(nodes_[member.node], data + member.offset, text);
      }
      text += node.end;
      return;
  }
}

void ValueType::append_array(const Node& node, const std::byte* data, std::string& text) const {
  if (node.text) {
    const auto bytes = as_text(data, node.size);
    const auto string = bytes.substr(0, bytes.find('\0'));
    if (string.size() < bytes.size() && is_printable(string))
      return append_json_string(string, text);
  }
  const Node& element = nodes_[node.first];
  text += '[';
  for (std::uint32_t i = 0; i < node.count; ++i) {
    if (i != 0) text += ',';
    append(element, data + std::size_t{i} * element.size, text);
  }
  text += ']';
}

void ValueType::append_enumeration(const Node& node, const std::byte* data,
                                   std::string& text) const {
  // Sign-extended, as BTF has the values of the names.
  const std::int64_t value = read_signed(data, node.size);
  const auto begin = names_.begin() + node.first;
  const auto end = begin + node.count;
  const auto at =
      std::lower_bound(begin, end, static_cast<std::uint64_t>(value),
                       [](const Name& name, std::uint64_t wanted) { return name.first < wanted; });
  if (at != end && at->first == static_cast<std::uint64_t>(value)) {
    text += at->second;
  } else if (node.is_signed) {
    append_number(value, text);
  } else {
    append_number(read_unsigned(data, node.size), text);
  }
}

}  // namespace bpfdump::loader
