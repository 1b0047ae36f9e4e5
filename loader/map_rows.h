// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "base/result.h"
#include "loader/value_type.h"

namespace bpfdump::loader {

/// What is to be known about a map to make text of its elements.
struct MapShape {
  std::uint32_t key_size = 0;
  std::uint32_t value_size = 0;  ///< of one CPU
  bool per_cpu = false;
  std::uint32_t key_type = 0;    ///< in the map's BTF; 0 where it has none
  std::uint32_t value_type = 0;  ///< the same
};

/// Makes text of the records that the built-in programs for elements of maps write
/// (targets/bpf/map_rows.h): one line of JSON an element.
///
///   {"key":1,"value":{"packets":10,"name":"eth0"}}
///   {"key":1,"values":[{"cpu":0,"value":10},{"cpu":1,"value":0}]}    per-CPU maps
///   {"socket":{"family":"inet","type":"stream",...},"value":7}       bpf_sk_storage_map
///   {"key":1,"socket":{...}}                                         sockmap
///
/// Keys and values are as their BTF says (value_type.h). Where the map has none, or it makes no
/// sense, they are bytes: "01 00 ff". Global data has no key. Immutable: safe to share.
class MapRows {
 public:
  /// Asks the kernel about a map; borrows `map` for the call. EPERM where its types may not be
  /// read, which takes CAP_SYS_ADMIN.
  [[nodiscard]] static base::Result<MapRows> create(int map);

  /// For a map of this shape. `types` may be nullptr, and is not referred to later.
  MapRows(const MapShape& shape, const btf* types);

  /// Where a text is this long, it is time to give it to the reader.
  static constexpr std::size_t kLongText = 256 * 1024;

  /// Appends a line to `text` for each of `records`, which must be whole, until it is long; returns
  /// how many bytes of them that took. EIO: one is not whole, or is of a map of another shape; the
  /// lines of those before it are appended.
  [[nodiscard]] base::Result<std::size_t> operator()(std::span<const std::byte> records,
                                                     std::string& text) const;

 private:
  void append_values(std::span<const std::byte> values, std::string& text) const;

  MapShape shape_;
  bool has_key_;
  ValueType key_;
  ValueType value_;
};

}  // namespace bpfdump::loader
