// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

namespace bpfdump::targets {

/// The namespace of its creator that an iterator is confined to.
enum class NamespaceKind { none, net, pid };

/// What one target's iterator can be narrowed to, or must be told.
struct Parameter {
  std::string_view key = {};
  /// What its value may be, in words.
  std::string_view form = {};
  bool required = false;
};

/// What is known about a target beyond what BTF says. All views live as long as the program.
struct Known {
  std::string_view name = {};
  NamespaceKind namespace_kind = NamespaceKind::none;
  std::vector<Parameter> parameters = {};
  /// The BPF object of the built-in program; empty: there is none.
  std::span<const std::byte> builtin = {};
  /// Whether the first line that the built-in program prints names the columns.
  bool headed = false;
  /// Whether the built-in program writes records of a map's elements (targets/bpf/map_rows.h), of
  /// which loader/map_rows.h makes text.
  bool writes_map_rows = false;
  /// Where the 2020 proposal had this target: `nested_name` in the directory of `nested_in`.
  std::string_view nested_in = {};
  std::string_view nested_name = {};
  std::string_view notes = {};
  /// Whether the kernel goes on where a full buffer of 32 KiB ended. If not, it leaves out what
  /// comes behind, or some of it, without a word (Linux 6.18, kernel/bpf/dmabuf_iter.c;
  /// net/unix/af_unix.c for the rest of a hash bucket).
  bool resumes = true;
  /// The same of the built-in program, which may end its reads where nothing gets lost.
  bool builtin_resumes = true;
};

/// The one table of knowledge, sorted by name. A target that is not in it works all the same.
[[nodiscard]] const std::vector<Known>& known_targets();

}  // namespace bpfdump::targets
