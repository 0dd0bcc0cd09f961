#pragma once

#include <cstdint>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "base/clock.hpp"

namespace prot::memory {

/// Which facts were told to the model, until the database counts them: some at once, so that a turn pays
/// nothing for it. A fact counts once a time. Not thread-safe.
class ReadTally {
 public:
  static constexpr Nanos kWait = 30 * kSecond;
  static constexpr std::size_t kMost = 1000;  // more are not counted: a long outage must not make it grow

  void add(std::span<const std::int64_t> facts, Nanos now) {
    if (facts.empty()) return;
    if (facts_.empty()) due_ = now + kWait;
    for (const std::int64_t fact : facts)
      if (facts_.size() < kMost) facts_.insert(fact);
  }
  [[nodiscard]] Nanos due() const noexcept { return due_; }
  [[nodiscard]] std::vector<std::int64_t> take() {
    due_ = kNever;
    const std::set<std::int64_t> facts = std::exchange(facts_, {});
    return {facts.begin(), facts.end()};
  }

 private:
  std::set<std::int64_t> facts_;
  Nanos due_ = kNever;
};

}  // namespace prot::memory
