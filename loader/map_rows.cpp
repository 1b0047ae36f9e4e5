// SPDX-License-Identifier: Apache-2.0
#include "loader/map_rows.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <iterator>
#include <memory>

#include "loader/map_socket.h"
#include "targets/bpf/map_rows.h"

namespace bpfdump::loader {
namespace {

using base::fail;
using base::fail_errno;
using base::Result;

struct BtfDeleter {
  void operator()(btf* types) const { btf__free(types); }
};

bool is_per_cpu(unsigned type) {
  return type == BPF_MAP_TYPE_PERCPU_HASH || type == BPF_MAP_TYPE_PERCPU_ARRAY ||
         type == BPF_MAP_TYPE_LRU_PERCPU_HASH;
}

ValueType value_type(const btf* types, std::uint32_t id, std::uint32_t size) {
  if (types != nullptr && id != 0) {
    // The kernel has checked the types and sizes of its maps: what makes no sense is rather ours
    // not to know, and bytes are still true.
    if (auto made = ValueType::create(*types, id, size)) return std::move(*made);
  }
  return ValueType::bytes(size);
}

std::uint64_t rounded_up(std::uint32_t size) { return (std::uint64_t{size} + 7) / 8 * 8; }

// Whether a record is as one of this map.
bool fits(const map_row& row, const MapShape& shape) {
  if (row.socket_size != 0 && row.socket_size != sizeof(map_socket)) return false;
  if (row.key_size != 0 && row.key_size != shape.key_size) return false;
  if (row.value_size == 0) return row.socket_size != 0 || shape.value_size == 0;
  if (shape.value_size == 0) return false;
  return shape.per_cpu ? row.value_size % rounded_up(shape.value_size) == 0
                       : row.value_size == shape.value_size;
}

}  // namespace

Result<MapRows> MapRows::create(int map) {
  bpf_map_info info = {};
  __u32 size = sizeof(info);
  if (bpf_obj_get_info_by_fd(map, &info, &size) != 0)
    return fail_errno(errno, "ask the kernel about a map");
  std::unique_ptr<btf, BtfDeleter> types;
  if (info.btf_id != 0) {
    types.reset(btf__load_from_kernel_by_id(info.btf_id));
    if (!types) return fail_errno(errno, "read the types of map '{}' ({})", info.name, info.id);
  }
  return MapRows({.key_size = info.key_size,
                  .value_size = info.value_size,
                  .per_cpu = is_per_cpu(info.type),
                  .key_type = info.btf_key_type_id,
                  .value_type = info.btf_value_type_id},
                 types.get());
}

MapRows::MapRows(const MapShape& shape, const btf* types)
    : shape_(shape),
      has_key_(shape.key_type != 0 || shape.value_type == 0),
      key_(value_type(types, shape.key_type, shape.key_size)),
      value_(value_type(types, shape.value_type, shape.value_size)) {}

Result<std::size_t> MapRows::operator()(std::span<const std::byte> records,
                                        std::string& text) const {
  const std::size_t all = records.size();
  while (!records.empty() && text.size() < kLongText) {
    map_row row;
    if (records.size() < sizeof(row))
      return fail(EIO, "read the elements of a map: {} bytes are no record", records.size());
    std::memcpy(&row, records.data(), sizeof(row));
    if (row.size != std::uint64_t{sizeof(row)} + row.socket_size + row.key_size + row.value_size ||
        !fits(row, shape_)) {
      return fail(EIO,
                  "read the elements of a map: a record of {} bytes with {} for a socket, {} for a "
                  "key and {} for a value is not of this map",
                  row.size, row.socket_size, row.key_size, row.value_size);
    }
    if (records.size() < row.size) {
      return fail(EIO, "read the elements of a map: a record of {} bytes is cut after {}", row.size,
                  records.size());
    }
    const auto record = records.first(row.size).subspan(sizeof(row));
    records = records.subspan(row.size);

    char separator = '{';
    const auto begin = [&](std::string_view name) {
      text += separator;
      text += name;
      separator = ',';
    };
    if (row.key_size != 0 && has_key_) {
      begin("\"key\":");
      key_.append(&record[row.socket_size], text);
    }
    if (row.socket_size != 0) {
      map_socket socket;
      std::memcpy(&socket, record.data(), sizeof(socket));
      begin("\"socket\":");
      append_socket(socket, text);
    }
    if (row.value_size != 0) {
      begin(shape_.per_cpu ? "\"values\":" : "\"value\":");
      append_values(record.subspan(row.socket_size + row.key_size), text);
    }
    text += separator == '{' ? "{}\n" : "}\n";
  }
  return all - records.size();
}

void MapRows::append_values(std::span<const std::byte> values, std::string& text) const {
  if (!shape_.per_cpu) return value_.append(values.data(), text);
  const std::uint64_t step = rounded_up(shape_.value_size);
  for (std::uint64_t cpu = 0; cpu * step < values.size(); ++cpu) {
    fmt::format_to(std::back_inserter(text), "{}{{\"cpu\":{},\"value\":", cpu == 0 ? "[" : ",",
                   cpu);
    value_.append(&values[cpu * step], text);
    text += '}';
  }
  text += ']';
}

}  // namespace bpfdump::loader
