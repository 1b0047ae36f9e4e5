// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "bench/measure.h"

namespace bpfdump::bench {

/// What was measured, as it is shown.
class Report {
 public:
  /// A comparison: `note` says what both do and how much of it.
  void add(const std::string& section, const std::string& ours, const std::string& peer,
           const Comparison& comparison, const std::string& note);

  /// A number that is not a comparison.
  void add_fact(const std::string& section, const std::string& what, const std::string& value);

  [[nodiscard]] std::string markdown() const;
  /// The ratios as bars on a logarithmic scale, with min and max.
  [[nodiscard]] std::string svg() const;

 private:
  struct Row {
    std::string section;
    std::string ours;
    std::string peer;
    Comparison comparison;
    std::string note;
  };
  struct Fact {
    std::string section;
    std::string what;
    std::string value;
  };

  std::vector<Row> rows_;
  std::vector<Fact> facts_;
};

/// Seconds for people: "1.23 ms".
[[nodiscard]] std::string duration_text(double seconds);

}  // namespace bpfdump::bench
