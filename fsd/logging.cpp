// SPDX-License-Identifier: Apache-2.0
#include "fsd/logging.h"

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/sinks/syslog_sink.h>
#include <spdlog/sinks/systemd_sink.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <memory>

namespace bpfdump::fsd {
namespace {

constexpr const char* kJournal = "/run/systemd/journal/socket";

spdlog::sink_ptr make_sink(const std::string& name) {
  if (name == "journal") {
    auto sink = std::make_shared<spdlog::sinks::systemd_sink_mt>("bpfdumpd");
    sink->set_pattern("%v");
    return sink;
  }
  if (name == "syslog") {
    auto sink =
        std::make_shared<spdlog::sinks::syslog_sink_mt>("bpfdumpd", LOG_PID, LOG_DAEMON, true);
    sink->set_pattern("%v");
    return sink;
  }
  if (name == "stderr") {
    auto sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    sink->set_pattern("bpfdumpd: %l: %v");
    return sink;
  }
  auto sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(name);
  sink->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %l: %v");
  return sink;
}

std::string parent_of(const std::string& file) { return std::filesystem::path(file).parent_path(); }

// systemd sets JOURNAL_STREAM for what it starts with stderr in the journal: then the journal
// itself keeps the levels too.
std::string default_sink(bool foreground) {
  if (foreground && std::getenv("JOURNAL_STREAM") == nullptr) return "stderr";
  return ::access(kJournal, W_OK) == 0 ? "journal" : "syslog";
}

}  // namespace

base::Result<void> start_logging(const config::Log& settings, bool foreground) {
  const std::string name = settings.sink.empty() ? default_sink(foreground) : settings.sink;
  // spdlog would make missing directories, for which a mistake in the name is enough.
  if (name.starts_with('/') && !std::filesystem::is_directory(parent_of(name)))
    return base::fail(ENOENT, "open log '{}': there is no directory '{}'", name, parent_of(name));
  try {
    auto logger = std::make_shared<spdlog::logger>("bpfdumpd", make_sink(name));
    logger->flush_on(spdlog::level::trace);
    spdlog::set_default_logger(std::move(logger));
  } catch (const spdlog::spdlog_ex& error) {
    return base::fail(EIO, "open log '{}': {}", name, error.what());
  }
  set_log_level(settings.level);
  return {};
}

void set_log_level(config::LogLevel level) {
  switch (level) {
    case config::LogLevel::error:
      return spdlog::set_level(spdlog::level::err);
    case config::LogLevel::warn:
      return spdlog::set_level(spdlog::level::warn);
    case config::LogLevel::info:
      return spdlog::set_level(spdlog::level::info);
    case config::LogLevel::debug:
      return spdlog::set_level(spdlog::level::debug);
  }
}

}  // namespace bpfdump::fsd
