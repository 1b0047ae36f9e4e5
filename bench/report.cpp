// SPDX-License-Identifier: Apache-2.0
#include "bench/report.h"

#include <fmt/format.h>
#include <sys/utsname.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <thread>

namespace bpfdump::bench {
namespace {

std::string processor() {
  std::ifstream cpuinfo("/proc/cpuinfo");
  for (std::string line; std::getline(cpuinfo, line);) {
    if (line.starts_with("model name")) return line.substr(line.find(": ") + 2);
  }
  return "unknown processor";
}

std::string machine() {
  utsname system{};
  uname(&system);
  return fmt::format("{} x {}, {} {}", std::thread::hardware_concurrency(), processor(),
                     system.sysname, system.release);
}

std::string escape(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '&')
      escaped += "&amp;";
    else if (c == '<')
      escaped += "&lt;";
    else
      escaped += c;
  }
  return escaped;
}

}  // namespace

std::string duration_text(double seconds) {
  if (seconds >= 1) return fmt::format("{:.2f} s", seconds);
  if (seconds >= 1e-3) return fmt::format("{:.2f} ms", seconds * 1e3);
  return fmt::format("{:.1f} us", seconds * 1e6);
}

void Report::add(const std::string& section, const std::string& ours, const std::string& peer,
                 const Comparison& comparison, const std::string& note) {
  rows_.push_back({section, ours, peer, comparison, note});
}

void Report::add_fact(const std::string& section, const std::string& what,
                      const std::string& value) {
  facts_.push_back({section, what, value});
}

std::string Report::markdown() const {
  std::string text = fmt::format("Measured on {}.\n", machine());
  std::string section;
  for (const auto& row : rows_) {
    if (row.section != section) {
      section = row.section;
      text += fmt::format(
          "\n### {}\n\n| bpfdump | against | bpfdump takes | the other | ratio (min-max) | |\n"
          "|---|---|---:|---:|---:|---|\n",
          section);
    }
    const auto& [ours, peer, ratio] = row.comparison;
    text += fmt::format("| {} | {} | {} | {} | **{:.2f}** ({:.2f}-{:.2f}) | {} |\n", row.ours,
                        row.peer, duration_text(ours.median), duration_text(peer.median),
                        ratio.median, ratio.least, ratio.most, row.note);
  }
  section.clear();
  for (const auto& fact : facts_) {
    if (fact.section != section) {
      section = fact.section;
      text += fmt::format("\n### {}\n\n| | |\n|---|---:|\n", section);
    }
    text += fmt::format("| {} | {} |\n", fact.what, fact.value);
  }
  return text;
}

std::string Report::svg() const {
  constexpr int kLeft = 470;
  constexpr int kWidth = 400;
  constexpr int kRow = 26;
  constexpr double kLeast = 0.01;
  constexpr double kMost = 10;
  const auto x = [=](double ratio) {
    const double clamped = std::clamp(ratio, kLeast, kMost);
    return kLeft + kWidth * std::log10(clamped / kLeast) / std::log10(kMost / kLeast);
  };
  const int height = kRow * static_cast<int>(rows_.size()) + 70;
  std::string text = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{}\" height=\"{}\" "
      "font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" "
      "fill=\"white\"/>\n<text x=\"10\" y=\"20\" font-size=\"14\">Time of bpfdump / time of the "
      "other: left of the line is faster</text>\n",
      kLeft + kWidth + 80, height);
  for (const double mark : {0.01, 0.1, 1.0, 10.0}) {
    text += fmt::format(
        "<line x1=\"{0:.0f}\" y1=\"34\" x2=\"{0:.0f}\" y2=\"{1}\" stroke=\"{2}\"/>\n"
        "<text x=\"{0:.0f}\" y=\"{3}\" text-anchor=\"middle\">{4}</text>\n",
        x(mark), height - 26, mark == 1.0 ? "black" : "#ccc", height - 10, mark);
  }
  int y = 40;
  for (const auto& row : rows_) {
    const Spread& ratio = row.comparison.ratio;
    const double one = x(1.0);
    const double end = x(ratio.median);
    text += fmt::format(
        "<text x=\"{0}\" y=\"{1}\" text-anchor=\"end\">{2}</text>\n"
        "<rect x=\"{3:.1f}\" y=\"{4}\" width=\"{5:.1f}\" height=\"14\" fill=\"{6}\"/>\n"
        "<line x1=\"{7:.1f}\" y1=\"{8}\" x2=\"{9:.1f}\" y2=\"{8}\" stroke=\"black\"/>\n"
        "<text x=\"{10}\" y=\"{1}\">{11:.2f}</text>\n",
        kLeft - 8, y + 12, escape(row.ours + " / " + row.peer), std::min(one, end), y + 1,
        std::max(1.0, std::abs(end - one)), ratio.median <= 1.0 ? "#4a8" : "#c74", x(ratio.least),
        y + 8, x(ratio.most), kLeft + kWidth + 12, ratio.median);
    y += kRow;
  }
  return text + "</svg>\n";
}

}  // namespace bpfdump::bench
