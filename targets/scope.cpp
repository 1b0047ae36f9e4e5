// SPDX-License-Identifier: Apache-2.0
#include "targets/scope.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <limits>
#include <set>

namespace bpfdump::targets {
namespace {

using base::fail;
using base::Result;

constexpr std::string_view kVariable = "set.";

template <class Number>
std::optional<Number> number(std::string_view text, Number least) {
  Number value = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  const bool canonical = text == "0" || !text.starts_with('0');
  if (error != std::errc() || rest != end || !canonical || value < least) return std::nullopt;
  return value;
}

// Undoes systemd-escape(1); `path`: '-' stands for '/'. Nothing where an escape is malformed or
// stands for the byte that ends C's strings.
std::optional<std::string> unescape(std::string_view text, bool path) {
  std::string plain;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '\\') {
      plain += path && text[at] == '-' ? '/' : text[at];
      continue;
    }
    unsigned byte = 0;
    const std::string_view digits = text.substr(at, 4);
    if (digits.size() != 4 || digits[1] != 'x' ||
        std::from_chars(digits.data() + 2, digits.data() + 4, byte, 16).ptr != digits.data() + 4 ||
        byte == 0)
      return std::nullopt;
    plain += static_cast<char>(byte);
    at += 3;
  }
  return plain;
}

// No component of a path leads back, nor is it empty.
bool goes_forward(std::string_view path) {
  while (true) {
    const std::size_t end = path.find('/');
    const std::string_view part = path.substr(0, end);
    if (part.empty() || part == "..") return false;
    if (end == std::string_view::npos) return true;
    path.remove_prefix(end + 1);
  }
}

bool read_process(std::string_view value, std::optional<std::uint32_t>& out) {
  const auto id = number<std::uint32_t>(value, 1);
  if (id && *id <= std::uint32_t{std::numeric_limits<std::int32_t>::max()}) out = id;
  return out.has_value();
}

// A map's name has no '-' (Linux, bpf_obj_name_cpy()), and a path of bpffs has at least two parts.
bool read_map(std::string_view value, std::optional<ObjectName>& out) {
  if (const auto id = number<std::uint32_t>(value, 1)) {
    out = ObjectName{ObjectName::Form::id, *id};
  } else if (value.find('-') != std::string_view::npos) {
    const auto path = unescape(value, true);
    if (path && goes_forward(*path)) out = ObjectName{ObjectName::Form::path, 0, "/" + *path};
  } else if (auto name = unescape(value, false); name && !name->empty()) {
    out = ObjectName{ObjectName::Form::name, 0, std::move(*name)};
  }
  return out.has_value();
}

bool read_cgroup(std::string_view value, std::optional<ObjectName>& out) {
  if (const auto id = number<std::uint64_t>(value, 1)) {
    out = ObjectName{ObjectName::Form::id, *id};
  } else if (value == "-") {  // what systemd-escape makes of "/"
    out = ObjectName{ObjectName::Form::path, 0, ""};
  } else if (auto path = unescape(value, true); path && goes_forward(*path)) {
    out = ObjectName{ObjectName::Form::path, 0, std::move(*path)};
  }
  return out.has_value();
}

bool read_order(std::string_view value, CgroupOrder& out) {
  constexpr std::pair<std::string_view, CgroupOrder> kOrders[] = {{"pre", CgroupOrder::pre},
                                                                  {"post", CgroupOrder::post},
                                                                  {"up", CgroupOrder::up},
                                                                  {"self", CgroupOrder::self}};
  for (const auto& [name, order] : kOrders) {
    if (name != value) continue;
    out = order;
    return true;
  }
  return false;
}

bool read_netns(std::string_view value, std::string& out) {
  const auto name = unescape(value, false);
  if (!name || name->empty() || *name == "." || *name == ".." ||
      name->find('/') != std::string::npos)
    return false;
  out = *name;
  return true;
}

Result<void> read_variable(std::string_view name, std::string_view value, Scope& scope) {
  auto text = unescape(value, false);
  if (name.empty() || !text)
    return fail(EINVAL, "'{}{}={}': expected {}NAME=VALUE, with bytes as \\xNN", kVariable, name,
                value, kVariable);
  scope.variables.push_back({std::string(name), std::move(*text)});
  return {};
}

std::string allowed_keys(const Target& target) {
  std::vector<std::string> keys;
  for (const auto& parameter : target.known.parameters)
    keys.push_back(fmt::format("{}=", parameter.key));
  keys.push_back(fmt::format("{}NAME=", kVariable));
  return fmt::format("{}", fmt::join(keys, ", "));
}

Result<void> read_setting(const Target& target, std::string_view key, std::string_view value,
                          Scope& scope) {
  if (key.starts_with(kVariable)) return read_variable(key.substr(kVariable.size()), value, scope);
  const auto& parameters = target.known.parameters;
  const auto parameter = std::find_if(parameters.begin(), parameters.end(),
                                      [&](const Parameter& one) { return one.key == key; });
  if (parameter == parameters.end())
    return fail(EINVAL, "target '{}' has no parameter '{}'; it takes {}", target.name, key,
                allowed_keys(target));
  const bool valid = key == "pid"      ? read_process(value, scope.pid)
                     : key == "tid"    ? read_process(value, scope.tid)
                     : key == "map"    ? read_map(value, scope.map)
                     : key == "cgroup" ? read_cgroup(value, scope.cgroup)
                     : key == "order"  ? read_order(value, scope.order)
                                       : read_netns(value, scope.netns);
  if (!valid) return fail(EINVAL, "'{}={}': expected {}", key, value, parameter->form);
  return {};
}

}  // namespace

Result<Scope> Scope::parse(const Target& target, std::string_view name) {
  Scope scope;
  scope.name = name;
  std::set<std::string_view> keys;
  for (std::string_view rest = name; !rest.empty() || keys.empty();) {
    const std::size_t comma = rest.find(',');
    const std::string_view setting = rest.substr(0, comma);
    const std::size_t equals = setting.find('=');
    if (equals == std::string_view::npos || equals == 0 ||
        (comma != std::string_view::npos && comma + 1 == rest.size()))
      return fail(EINVAL, "'{}': expected key=value[,key=value...]; target '{}' takes {}", name,
                  target.name, allowed_keys(target));
    const std::string_view key = setting.substr(0, equals);
    if (!keys.insert(key).second) return fail(EINVAL, "'{}': '{}' is given twice", name, key);
    if (auto read = read_setting(target, key, setting.substr(equals + 1), scope); !read)
      return base::Failure(read.error());
    rest.remove_prefix(comma == std::string_view::npos ? rest.size() : comma + 1);
  }
  if (scope.pid && scope.tid)
    return fail(EINVAL, "'{}': a process or a thread can be given, not both", name);
  return scope;
}

Result<void> Scope::check_complete(const Target& target) const {
  for (const auto& parameter : target.known.parameters) {
    if (parameter.required && !(parameter.key == "map" && map))
      return fail(EINVAL,
                  "target '{0}' must be told {1}=, which is {2}; create it as {0}/{1}=.../NAME",
                  target.name, parameter.key, parameter.form);
  }
  return {};
}

}  // namespace bpfdump::targets
