// SPDX-License-Identifier: Apache-2.0
#include "fsd/introspection.h"

#include <fmt/format.h>
#include <sys/utsname.h>

#include <algorithm>
#include <array>
#include <vector>

#include "fsd/dumper.h"
#include "fsd/version.h"

namespace bpfdump::fsd {
namespace {

/// Aligns rows of cells; the last column is not padded.
template <std::size_t N>
std::string table(const std::vector<std::array<std::string, N>>& rows) {
  std::array<std::size_t, N> widths{};
  for (const auto& row : rows) {
    for (std::size_t column = 0; column < N; ++column)
      widths[column] = std::max(widths[column], row[column].size());
  }
  std::string text;
  for (const auto& row : rows) {
    for (std::size_t column = 0; column + 1 < N; ++column)
      text += fmt::format("{:<{}}  ", row[column], widths[column]);
    text += row.back() + "\n";
  }
  return text;
}

std::string or_dash(const std::string& text) { return text.empty() ? "-" : text; }

std::string escape(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= ' ' || byte == 0x7f || byte == '\\')
      escaped += fmt::format("\\{:03o}", byte);
    else
      escaped += c;
  }
  return escaped;
}

// For people to read: what is not a character of a line is shown as one.
std::string escape_controls(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < ' ' || byte == 0x7f)
      escaped += fmt::format("\\{:03o}", byte);
    else
      escaped += c;
  }
  return escaped;
}

std::string_view to_string(targets::NamespaceKind kind) {
  switch (kind) {
    case targets::NamespaceKind::none:
      return "-";
    case targets::NamespaceKind::net:
      return "net";
    case targets::NamespaceKind::pid:
      return "pid";
  }
  return "?";
}

std::string parameters_of(const targets::Known& known) {
  std::string text;
  for (const auto& parameter : known.parameters) {
    text += fmt::format("{}{}={}", text.empty() ? "" : ",", parameter.key,
                        parameter.required ? "(required)" : "");
  }
  return text;
}

}  // namespace

std::string targets_text(const targets::Catalog& catalog) {
  std::vector<std::array<std::string, 6>> rows = {
      {"TARGET", "CONTEXT", "PARAMETERS", "NAMESPACE", "BUILT-IN", "NOTES"}};
  for (const auto& target : catalog.targets()) {
    rows.push_back({target.name, target.context_type, or_dash(parameters_of(target.known)),
                    std::string(to_string(target.known.namespace_kind)),
                    target.known.builtin.empty() ? "no" : "yes",
                    or_dash(std::string(target.known.notes))});
  }
  return table(rows);
}

std::string dumpers_text(const Tree& tree) {
  std::vector<std::array<std::string, 9>> rows = {
      {"PATH", "KIND", "PROG", "LINK", "MODE", "OWNER", "OPENS", "BYTES", "LAST-ERROR"}};
  for (const auto& [path, attributes, listed] : tree.dumpers()) {
    const Dumper& dumper = *listed;
    const auto info = dumper.iterator->info();
    rows.push_back({escape(path), std::string(fsd::to_string(dumper.kind)),
                    info ? std::to_string(info->program_id) : "-",
                    info ? std::to_string(info->link_id) : "-",
                    fmt::format("{:04o}", attributes.st_mode & 07777),
                    fmt::format("{}:{}", attributes.st_uid, attributes.st_gid),
                    std::to_string(dumper.reader->opens()), std::to_string(dumper.reader->bytes()),
                    or_dash(escape_controls(dumper.reader->last_error()))});
  }
  return table(rows);
}

std::string version_text() {
  utsname system{};
  uname(&system);
  return fmt::format("bpfdumpd {} on {} {}\n", kVersion, system.sysname, system.release);
}

}  // namespace bpfdump::fsd
