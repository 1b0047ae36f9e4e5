// SPDX-License-Identifier: Apache-2.0
#include "reader/source.h"

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <utility>
#include <vector>

#include "loader/map_rows.h"
#include "loader/named_objects.h"
#include "reader/networks.h"

namespace bpfdump::reader {
namespace {

using base::fail;
using base::Result;

/// Begins each line of a namespace with its label. The header, the first line of each namespace
/// that has anything to show, is given once.
class Labels {
 public:
  Labels(const std::vector<Network>& networks, bool headed) : headed_(headed) {
    for (const auto& network : networks) width_ = std::max(width_, network.label.size());
    width_ = std::max(width_, kHeader.size());
  }

  [[nodiscard]] static Format of(const std::shared_ptr<Labels>& labels, const std::string& label) {
    return [labels, label, fresh = true](std::span<const char> records, std::string& text) mutable {
      labels->append(label, {records.data(), records.size()}, fresh, text);
      return Result<std::size_t>(records.size());
    };
  }

 private:
  static constexpr std::string_view kHeader = "NETNS";

  void append(std::string_view label, std::string_view lines, bool& fresh, std::string& text) {
    while (!lines.empty()) {
      const std::size_t size = std::min(lines.find('\n'), lines.size() - 1) + 1;
      const bool is_header = std::exchange(fresh, false) && headed_;
      if (!is_header)
        append_line(label, lines.substr(0, size), text);
      else if (!std::exchange(header_given_, true))
        append_line(kHeader, lines.substr(0, size), text);
      lines.remove_prefix(size);
    }
  }

  void append_line(std::string_view label, std::string_view line, std::string& text) const {
    text += label;
    text.append(width_ - label.size() + 1, ' ');
    text += line;
  }

  const bool headed_;
  std::size_t width_ = 0;
  bool header_given_ = false;
};

/// What is known about what a dumper's program prints.
struct Output {
  bool is_known = false;  // it is the target's built-in program
  bool headed = false;    // then: its first line names the columns
  bool resumes = true;
  Format format;
};

/// The session of "netns=all".
class AllNetworks {
 public:
  AllNetworks(loader::Iterator iterator, NamespaceEntry& entry, const Output& output,
              std::vector<Network> networks)
      : iterator_(std::move(iterator)),
        entry_(entry),
        networks_(std::move(networks)),
        resumes_(output.resumes) {
    if (output.is_known) labels_ = std::make_shared<Labels>(networks_, output.headed);
  }

  // A namespace that is gone by now has nothing left to show.
  Result<std::optional<Part>> next() {
    while (at_ < networks_.size()) {
      const Network& network = networks_[at_++];
      auto where = open_network(network);
      if (!where && where.error().code == ENOENT) where = look_again(network);
      if (!where && where.error().code == ENOENT) continue;
      if (!where) return base::Failure(where.error());
      auto session = entry_.open(iterator_, *where);
      if (!session) return base::Failure(session.error());
      return Part{std::move(*session), labels_ ? Labels::of(labels_, network.label) : Format(),
                  resumes_};
    }
    return std::nullopt;
  }

 private:
  // Whoever led to it is gone; others may be in it by now. Once: it takes a look at all processes.
  Result<NamespacePtr> look_again(const Network& network) {
    if (!again_) {
      auto again = all_networks();
      if (!again) return base::Failure(again.error());
      again_ = std::move(*again);
    }
    for (const auto& other : *again_) {
      if (other.inode == network.inode) return open_network(other);
    }
    return fail(ENOENT, "network namespace {} is not there any more", network.label);
  }

  const loader::Iterator iterator_;  // its own: the dumper's program may be replaced meanwhile
  NamespaceEntry& entry_;
  const std::vector<Network> networks_;
  const bool resumes_;
  std::optional<std::vector<Network>> again_;
  std::shared_ptr<Labels> labels_;
  std::size_t at_ = 0;
};

Result<Parts> all_parts(const loader::Iterator& iterator, NamespaceEntry& entry,
                        const Output& output) {
  auto networks = all_networks();
  if (!networks) return base::Failure(networks.error());
  auto copy = iterator.copy();
  if (!copy) return base::Failure(copy.error());
  const auto all =
      std::make_shared<AllNetworks>(std::move(*copy), entry, output, std::move(*networks));
  auto first = all->next();
  if (!first) return base::Failure(first.error());
  if (!*first) return fail(EACCES, "no network namespace can be seen");
  return Parts{std::move(**first), [all] { return all->next(); }};
}

Result<Parts> part_in(const NamespacePtr& where, const loader::Iterator& iterator,
                      NamespaceEntry& entry, const Output& output) {
  auto session = entry.open(iterator, where);
  if (!session) return base::Failure(session.error());
  return Parts{Part{std::move(*session), output.format, output.resumes}};
}

// What makes text of the records that the built-in program writes for the elements of a map.
Result<Format> format_of_rows(const loader::Iterator& iterator) {
  const auto info = iterator.info();
  if (!info) return base::Failure(info.error());
  const auto map = loader::open_map({targets::ObjectName::Form::id, info->map_id});
  if (!map) return base::Failure(map.error());
  auto rows = loader::MapRows::create(map->get());
  if (!rows) return base::Failure(rows.error());
  // Shared by all sessions: it never changes, nor do the types of a map.
  const auto shared = std::make_shared<const loader::MapRows>(std::move(*rows));
  return [shared](std::span<const char> records, std::string& text) {
    return (*shared)(std::as_bytes(records), text);
  };
}

Result<Output> output_of(const loader::Iterator& iterator, bool is_builtin,
                         const targets::Known& target) {
  Output output;
  output.is_known = is_builtin;
  output.headed = target.headed;
  output.resumes = target.resumes || (output.is_known && target.builtin_resumes);
  if (output.is_known && target.writes_map_rows) {
    auto format = format_of_rows(iterator);
    if (!format) return base::Failure(format.error());
    output.format = std::move(*format);
  }
  return output;
}

}  // namespace

bool is_builtin(const std::string& program, const targets::Target& target) {
  constexpr std::size_t kKept = 15;  // bytes of a name, by the kernel
  return program == fmt::format("bpfdump_{}", target.name).substr(0, kKept);
}

Result<Dumper::Begin> begin_of(const std::shared_ptr<const loader::Iterator>& iterator,
                               bool is_builtin, const targets::Target& target,
                               const targets::Scope& scope, NamespaceEntry& entry) {
  const auto known = output_of(*iterator, is_builtin, target.known);
  if (!known) return base::Failure(known.error());
  const Output& output = *known;
  if (scope.netns == targets::Scope::kAllNetworks)
    return [=, &entry](const NamespacePtr&) { return all_parts(*iterator, entry, output); };
  if (scope.netns.empty())
    return
        [=, &entry](const NamespacePtr& where) { return part_in(where, *iterator, entry, output); };
  return [=, &entry, name = scope.netns](const NamespacePtr&) -> Result<Parts> {
    const auto where = network_named(name);
    if (!where) return base::Failure(where.error());
    return part_in(*where, *iterator, entry, output);
  };
}

}  // namespace bpfdump::reader
