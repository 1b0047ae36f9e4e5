// SPDX-License-Identifier: Apache-2.0
#include "loader/load_log.h"

#include <bpf/libbpf.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <mutex>
#include <vector>

namespace bpfdump::loader {
namespace {

constexpr std::size_t kHalf = 512 * 1024;

// libbpf has one print function for the whole process; each thread has its own sink behind it.
thread_local LoadLog* sink = nullptr;

int print(libbpf_print_level level, const char* format, va_list arguments) {
  if (sink == nullptr || level == LIBBPF_DEBUG) return 0;
  va_list again;
  va_copy(again, arguments);
  const int size = std::vsnprintf(nullptr, 0, format, arguments);
  if (size > 0) {
    std::vector<char> text(static_cast<std::size_t>(size) + 1);
    std::vsnprintf(text.data(), text.size(), format, again);
    sink->append({text.data(), static_cast<std::size_t>(size)});
  }
  va_end(again);
  return 0;
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    if (end > 0) lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

// Lines of a verifier log that don't tell why: its statistics, the source lines that it quotes, a
// function's name, and the instructions ("12: (bf) r1 = r2").
bool is_commentary(std::string_view line) {
  if (line.starts_with("processed ") || line.starts_with(';') || line.starts_with("func#") ||
      line.starts_with("verification time ") || line.starts_with("stack depth "))
    return true;
  const std::size_t digits = line.find_first_not_of("0123456789");
  return digits != 0 && digits != std::string_view::npos && line[digits] == ':';
}

}  // namespace

void LoadLog::add(std::string_view line) {
  append(line);
  append("\n");
}

void LoadLog::append(std::string_view text) {
  const std::size_t to_head = std::min(kHalf - head_.size(), text.size());
  head_ += text.substr(0, to_head);
  tail_ += text.substr(to_head);
  // Not at every call: a text may come in small pieces.
  if (tail_.size() > 2 * kHalf) trim_tail();
}

void LoadLog::trim_tail() {
  if (tail_.size() <= kHalf) return;
  const std::size_t surplus = tail_.size() - kHalf;
  omitted_ += surplus;
  tail_.erase(0, surplus);
}

std::string LoadLog::text() const {
  LoadLog whole = *this;
  whole.trim_tail();
  if (whole.omitted_ == 0) return whole.head_ + whole.tail_;
  return fmt::format("{}\n[... {} bytes omitted ...]\n{}", whole.head_, whole.omitted_,
                     whole.tail_);
}

std::string LoadLog::summary() const {
  const std::string all = text();
  constexpr std::string_view kBegin = "-- BEGIN PROG LOAD LOG --";
  constexpr std::string_view kEnd = "-- END PROG LOAD LOG --";
  if (const std::size_t begin = all.rfind(kBegin); begin != std::string::npos) {
    const std::size_t from = begin + kBegin.size();
    const auto lines = lines_of(
        std::string_view(all).substr(from, std::min(all.find(kEnd, from), all.size()) - from));
    for (auto line = lines.rbegin(); line != lines.rend(); ++line) {
      if (!is_commentary(*line))
        return fmt::format("verifier: {} ({} line(s) more in the log)", *line, lines.size() - 1);
    }
  }
  const auto lines = lines_of(all);
  return lines.empty() ? std::string() : std::string(lines.back());
}

Capture::Capture(LoadLog& log) : outer_(sink) {
  static std::once_flag once;
  std::call_once(once, [] { libbpf_set_print(print); });
  sink = &log;
}

Capture::~Capture() { sink = outer_; }

}  // namespace bpfdump::loader
