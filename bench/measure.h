// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <vector>

namespace bpfdump::bench {

/// The middle and the ends of some numbers.
struct Spread {
  double median = 0;
  double least = 0;
  double most = 0;
};

[[nodiscard]] Spread spread_of(std::vector<double> numbers);

/// One thing against another, both in seconds, and their quotient pair by pair.
struct Comparison {
  Spread ours;
  Spread peer;
  Spread ratio;  // ours / peer; below 1 we are faster
};

/// Does something once; returns the seconds that count.
using Run = std::function<double()>;

/// Runs both in turn, A B A B ..., after one round that does not count, so that whatever slows the
/// machine down for a while slows both down.
[[nodiscard]] Comparison compare(const Run& ours, const Run& peer, int rounds);

/// The seconds that a call takes, by the monotonic clock.
[[nodiscard]] double seconds(const std::function<void()>& call);

}  // namespace bpfdump::bench
