// SPDX-License-Identifier: Apache-2.0
#include "config/config.h"

#include <fmt/ranges.h>
#include <toml++/toml.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <concepts>
#include <fstream>
#include <sstream>
#include <vector>

namespace bpfdump::config {
namespace {

using base::fail;
using base::Result;

/// Collects what is wrong with a whole file, so that the readers below stay straight lines.
struct Context {
  struct Mistake {
    toml::source_position where;
    std::string what;
  };

  std::string_view file;
  std::vector<Mistake> mistakes;

  void reject(const toml::source_region& where, const std::string& what) {
    mistakes.push_back({where.begin, what});
  }

  /// A line each, in the order of the file.
  std::string message() {
    std::stable_sort(mistakes.begin(), mistakes.end(),
                     [](const Mistake& a, const Mistake& b) { return a.where < b.where; });
    std::vector<std::string> lines;
    for (const auto& [where, what] : mistakes)
      lines.push_back(fmt::format("{}:{}:{}: {}", file, where.line, where.column, what));
    return fmt::format("{}", fmt::join(lines, "\n"));
  }
};

std::string spell(const toml::node& node) {
  std::ostringstream out;
  if (node.is_table() || node.is_array()) {
    out << (node.is_array() ? "an array" : "a table");
  } else {
    node.visit([&](const auto& value) {
      if constexpr (toml::is_value<decltype(value)>)
        out << toml::node_view<const toml::node>(value);
    });
  }
  return out.str();
}

/// One table of the file. Every key that is asked for counts as known; finish() rejects the rest.
class Section {
 public:
  Section(Context& context, std::string path, const toml::table& table)
      : context_(context), path_(std::move(path)), table_(table) {}

  void absolute_path(std::string_view key, std::string& out) {
    if (const toml::node* node = find(key)) {
      auto value = node->value_exact<std::string>();
      if (value && value->starts_with('/'))
        out = *value;
      else
        expected(key, "an absolute path", *node);
    }
  }

  void boolean(std::string_view key, bool& out) {
    if (const toml::node* node = find(key)) {
      if (auto value = node->value_exact<bool>())
        out = *value;
      else
        expected(key, "true or false", *node);
    }
  }

  template <std::unsigned_integral T>
  void number(std::string_view key, T& out, std::int64_t least, std::int64_t most) {
    number(key, out, fmt::format("a number from {} to {}", least, most),
           [=](std::int64_t value) { return value >= least && value <= most; });
  }

  template <std::unsigned_integral T, std::predicate<std::int64_t> Accepts>
  void number(std::string_view key, T& out, std::string_view form, Accepts accepts) {
    if (const toml::node* node = find(key)) {
      auto value = node->value_exact<std::int64_t>();
      if (value && accepts(*value))
        out = static_cast<T>(*value);
      else
        expected(key, form, *node);
    }
  }

  /// A value that one function understands or not; `form` says what it understands.
  template <class Parse>
  void parsed(std::string_view key, std::string_view form, Parse parse) {
    if (const toml::node* node = find(key)) {
      auto value = node->value_exact<std::string>();
      if (!value || !parse(*value)) expected(key, form, *node);
    }
  }

  /// Calls `read` with the sub-table `key`, if it is there.
  template <class ReadTable>
  void table(std::string_view key, ReadTable read) {
    if (const toml::node* node = find(key)) {
      if (const toml::table* sub = node->as_table()) {
        Section section(context_, qualified(key), *sub);
        read(section);
        section.finish();
      } else {
        expected(key, "a table", *node);
      }
    }
  }

  /// Calls `read(name, section)` for every sub-table, whatever it is called.
  template <class ReadTable>
  void each_table(ReadTable read) {
    for (const auto& [key, node] : table_) {
      const std::string name(key.str());
      table(name, [&](Section& section) { read(name, section); });
    }
  }

  void finish() {
    for (const auto& [key, node] : table_) {
      if (std::find(known_.begin(), known_.end(), key.str()) != known_.end()) continue;
      context_.reject(key.source(), fmt::format("unknown key '{}'; expected one of: {}",
                                                qualified(key.str()), fmt::join(known_, ", ")));
    }
  }

 private:
  const toml::node* find(std::string_view key) {
    known_.emplace_back(key);
    return table_.get(key);
  }

  std::string qualified(std::string_view key) const {
    return path_.empty() ? std::string(key) : fmt::format("{}.{}", path_, key);
  }

  void expected(std::string_view key, std::string_view form, const toml::node& node) {
    context_.reject(node.source(),
                    fmt::format("{}: expected {}, not {}", qualified(key), form, spell(node)));
  }

  Context& context_;
  std::string path_;
  const toml::table& table_;
  std::vector<std::string> known_;
};

bool parse_duration(std::string_view text, std::chrono::milliseconds& out) {
  std::uint64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [unit, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || number == 0 || number > 86'400'000) return false;
  const std::string_view suffix(unit, static_cast<std::size_t>(end - unit));
  if (suffix == "ms")
    out = std::chrono::milliseconds(number);
  else if (suffix == "s")
    out = std::chrono::seconds(number);
  else if (suffix == "min")
    out = std::chrono::minutes(number);
  else
    return false;
  return true;
}

bool parse_mode(std::string_view text, std::optional<mode_t>& out) {
  mode_t mode = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, mode, 8);
  if (error != std::errc() || rest != end || mode > 0777) return false;
  out = mode;
  return true;
}

bool parse_level(std::string_view text, LogLevel& out) {
  if (text == "error")
    out = LogLevel::error;
  else if (text == "warn")
    out = LogLevel::warn;
  else if (text == "info")
    out = LogLevel::info;
  else if (text == "debug")
    out = LogLevel::debug;
  else
    return false;
  return true;
}

bool parse_sink(std::string_view text, std::string& out) {
  if (text != "journal" && text != "syslog" && text != "stderr" && !text.starts_with('/'))
    return false;
  out = text;
  return true;
}

bool parse_namespace(std::string_view text, bool& callers) {
  if (text != "caller" && text != "daemon") return false;
  callers = text == "caller";
  return true;
}

void read_target(Section& section, Target& target) {
  section.boolean("enabled", target.enabled);
  section.parsed("mode", "permissions in octal, such as \"0440\"",
                 [&](std::string_view text) { return parse_mode(text, target.mode); });
  section.parsed("group", "the name or number of a group", [&](std::string_view text) {
    target.group = text;
    return !text.empty();
  });
  section.parsed("namespace", "\"caller\" or \"daemon\"", [&](std::string_view text) {
    return parse_namespace(text, target.in_callers_namespace);
  });
}

Config read_config(Section& root) {
  Config config;
  root.table("mount", [&](Section& s) { s.absolute_path("point", config.mount.point); });
  root.table("paths", [&](Section& s) {
    s.absolute_path("pins", config.paths.pins);
    s.absolute_path("state", config.paths.state);
  });
  root.table("limits", [&](Section& s) {
    s.number("source_bytes", config.limits.source_bytes, 1, 256LL << 20);
    s.number("dumpers", config.limits.dumpers, 1, 1'000'000);
    s.number("readers", config.limits.readers, 1, 1'000);
    s.number("readers_per_uid", config.limits.readers_per_uid, 1, 1'000);
    s.number("open_files", config.limits.open_files, 1, 1'000'000);
    s.number("open_files_per_uid", config.limits.open_files_per_uid, 1, 1'000'000);
  });
  root.table("read", [&](Section& s) {
    s.parsed(
        "stall_timeout", "a time such as \"500ms\", \"30s\" or \"2min\"",
        [&](std::string_view text) { return parse_duration(text, config.read.stall_timeout); });
    s.number("ahead_bytes", config.read.ahead_bytes, "0, or a number from 32768 to 524288",
             [](std::int64_t n) { return n == 0 || (n >= 32'768 && n <= 524'288); });
  });
  root.table("log", [&](Section& s) {
    s.parsed("level", "\"error\", \"warn\", \"info\" or \"debug\"",
             [&](std::string_view text) { return parse_level(text, config.log.level); });
    s.parsed("sink", "\"journal\", \"syslog\", \"stderr\" or an absolute file name",
             [&](std::string_view text) { return parse_sink(text, config.log.sink); });
  });
  root.table("target", [&](Section& targets) {
    targets.each_table([&](const std::string& name, Section& section) {
      read_target(section, config.targets[name]);
    });
  });
  root.finish();
  return config;
}

}  // namespace

Result<Config> parse(std::string_view text, std::string_view file) {
  toml::table table;
  try {
    table = toml::parse(text, file);
  } catch (const toml::parse_error& error) {
    const auto& where = error.source().begin;
    // The likeliest slip of all has a message that does not help much.
    const bool octal = error.description().find("leading zeroes") != std::string_view::npos;
    return fail(EINVAL, "{}:{}:{}: {}{}", file, where.line, where.column, error.description(),
                octal ? "; permissions are written as text, such as \"0440\"" : "");
  }
  Context context{file, {}};
  Section root(context, "", table);
  Config config = read_config(root);
  if (!context.mistakes.empty()) return fail(EINVAL, "{}", context.message());
  return config;
}

Result<Config> load(const std::string& file) {
  errno = 0;
  std::ifstream stream(file);
  std::ostringstream text;
  if (!stream || !(text << stream.rdbuf())) {
    // An empty file sets failbit in operator<<, without an errno: it is a valid configuration.
    if (errno != 0) return base::fail_errno(errno, "read configuration '{}'", file);
  }
  return parse(text.str(), file);
}

}  // namespace bpfdump::config
