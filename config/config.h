// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

/// What /etc/bpfdump/bpfdumpd.toml says, as plain data. bpfdumpd.toml(5) describes each key.
namespace bpfdump::config {

constexpr std::string_view kDefaultPath = "/etc/bpfdump/bpfdumpd.toml";

struct Mount {
  std::string point = "/mnt/bpfdump";
  bool operator==(const Mount&) const = default;
};

struct Paths {
  std::string pins = "/sys/fs/bpf/bpfdump";
  std::string state = "/var/lib/bpfdump";
  bool operator==(const Paths&) const = default;
};

struct Limits {
  /// Bytes that may be written to one dumper.
  std::uint64_t source_bytes = 4ULL << 20;
  /// Dumpers in all targets together.
  std::uint32_t dumpers = 10'000;
  /// Reads that run an iterator at the same time; more wait their turn.
  std::uint32_t readers = 16;
  /// Of those, how many may belong to one user.
  std::uint32_t readers_per_uid = 8;
  /// Files that may be open at the same time, and how many of them by one user.
  std::uint32_t open_files = 4'096;
  std::uint32_t open_files_per_uid = 512;
  bool operator==(const Limits&) const = default;
};

struct Read {
  /// How long an iterator may answer "try again" without one byte of progress.
  std::chrono::milliseconds stall_timeout{30'000};
  /// How much of a long dump is produced before its reader asks for it; 0: nothing.
  std::uint32_t ahead_bytes = 128 * 1024;
  bool operator==(const Read&) const = default;
};

enum class LogLevel { error, warn, info, debug };

struct Log {
  LogLevel level = LogLevel::info;
  /// "journal", "syslog", "stderr" or an absolute file name; empty: where it is read best.
  std::string sink;
  bool operator==(const Log&) const = default;
};

/// [target.NAME]: what differs for one target.
struct Target {
  bool enabled = true;
  std::optional<mode_t> mode;
  std::optional<std::string> group;
  /// Whether a reader sees the objects of its own network or pid namespace, or of the daemon's.
  bool in_callers_namespace = true;
  bool operator==(const Target&) const = default;
};

struct Config {
  Mount mount;
  Paths paths;
  Limits limits;
  Read read;
  Log log;
  std::map<std::string, Target, std::less<>> targets;
  bool operator==(const Config&) const = default;
};

/// Reads a configuration text. Unknown keys, wrong types and impossible values are EINVAL with a
/// line "file:line:column: what was expected" for each; `file` is only used for that.
[[nodiscard]] base::Result<Config> parse(std::string_view text, std::string_view file);

/// parse() of a file's content. ENOENT and the like where it can't be read.
[[nodiscard]] base::Result<Config> load(const std::string& file);

}  // namespace bpfdump::config
