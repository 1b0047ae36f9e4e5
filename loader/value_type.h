// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

struct btf;  // libbpf's

namespace bpfdump::loader {

/// A type of BTF, prepared for making JSON of its values. Immutable, so safe to share between
/// threads; does not refer to the BTF it was made of.
///
/// The JSON is that of `bpftool -j map dump` ("formatted"), but for: pointers, which are strings
/// ("0xffff888100000000") since JSON's readers don't keep 64 bits; text in UTF-8, which is a string
/// too; floating point, which bpftool does not know.
class ValueType {
 public:
  /// Bytes of which nothing is known: one string of hexadecimal numbers.
  [[nodiscard]] static ValueType bytes(std::uint32_t size);

  /// The type with number `id`, for values of `size` bytes. EINVAL where the type makes no sense:
  /// it refers to what is not there, contains itself, has a part outside of itself, is larger than
  /// `size`, or is too much to be shown: hundreds of thousands of numbers, or too many levels.
  [[nodiscard]] static base::Result<ValueType> create(const btf& types, std::uint32_t id,
                                                      std::uint32_t size);

  /// Appends a value; `data` has the `size` bytes that this was made for, with any alignment.
  void append(const std::byte* data, std::string& text) const { append(root_, data, text); }

 private:
  friend class ValueTypeMaker;

  enum class Kind {
    unsigned_number,
    signed_number,
    boolean,
    character,
    bits,  // and numbers of 128 bits
    pointer,
    enumeration,
    floating,
    bytes,
    array,
    object,
  };

  struct Node {
    Kind kind = Kind::bytes;
    std::uint32_t size = 0;
    bool hidden = false;      // belongs to the kernel: shown as zeros
    bool text = false;        // array: of char
    bool is_signed = false;   // enumeration
    std::uint8_t shift = 0;   // bits
    std::uint8_t width = 0;   // bits
    std::uint32_t first = 0;  // array: the element's node; object: in members_; enumeration: names_
    std::uint32_t count = 0;  // of elements, members or names
    std::uint64_t values = 1;  // how much JSON this is at most
    int levels = 0;            // of parts in parts
    std::string end;           // object
  };

  struct Member {
    std::string begin;  // all up to the value
    std::uint32_t offset;
    std::uint32_t node;
  };

  using Name = std::pair<std::uint64_t, std::string>;

  void append(const Node& node, const std::byte* data, std::string& text) const;
  void append_array(const Node& node, const std::byte* data, std::string& text) const;
  void append_enumeration(const Node& node, const std::byte* data, std::string& text) const;

  std::vector<Node> nodes_;
  std::vector<Member> members_;
  std::vector<Name> names_;  // each enumeration's sorted by value
  Node root_;
};

}  // namespace bpfdump::loader
