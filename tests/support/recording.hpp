#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <utility>
#include <vector>

namespace prot::test {

/// A recorded reply, without the silence before and behind it.
class Recording {
 public:
  static constexpr int kSilent = 150;  // of full scale 32768: -47 dB

  Recording(std::vector<std::int16_t> samples, unsigned rate) : samples_(std::move(samples)), rate_(rate) {
    const auto loud = [](std::int16_t s) { return std::abs(static_cast<int>(s)) > kSilent; };
    const auto first = std::find_if(samples_.begin(), samples_.end(), loud);
    const auto last = std::find_if(samples_.rbegin(), samples_.rend(), loud);
    begin_ = static_cast<std::size_t>(first - samples_.begin());
    end_ = std::max(begin_, static_cast<std::size_t>(last.base() - samples_.begin()));
  }

  /// Silences of at least `least_ms` within it, in milliseconds.
  [[nodiscard]] std::vector<double> silences(double least_ms) const {
    std::vector<double> found;
    std::size_t since = begin_;
    for (std::size_t i = begin_; i < end_; ++i) {
      if (std::abs(static_cast<int>(samples_[i])) <= kSilent) continue;
      const double ms = static_cast<double>(i - since) * 1000 / rate_;
      if (ms >= least_ms) found.push_back(ms);
      since = i + 1;
    }
    return found;
  }
  /// The largest difference of neighbours where one of them ends, or begins, 5 ms of near silence: a click.
  /// The ends of the recording count too.
  [[nodiscard]] int largest_step_in_quiet() {
    const std::size_t quiet = rate_ / 200;
    int largest = 0;
    std::size_t silent = 0;  // samples in a row that were near silence
    for (std::size_t i = 1; i < samples_.size(); ++i) {
      silent = std::abs(static_cast<int>(samples_[i - 1])) <= kSilent ? silent + 1 : 0;
      if (silent >= quiet) note(i, largest);
    }
    silent = 0;
    for (std::size_t i = samples_.size(); i-- > 1;) {
      silent = std::abs(static_cast<int>(samples_[i])) <= kSilent ? silent + 1 : 0;
      if (silent >= quiet) note(i, largest);
    }
    return largest;
  }
  /// Where that is, in milliseconds from its first sound.
  [[nodiscard]] double where_in_quiet() const {
    return static_cast<double>(where_) * 1000 / rate_ - static_cast<double>(begin_) * 1000 / rate_;
  }
  [[nodiscard]] int largest_step() const {
    int largest = 0;
    for (std::size_t i = 1; i < samples_.size(); ++i) largest = std::max(largest, step(i));
    return largest;
  }
  [[nodiscard]] double length_ms() const { return static_cast<double>(end_ - begin_) * 1000 / rate_; }

 private:
  void note(std::size_t i, int& largest) {
    if (step(i) <= largest) return;
    largest = step(i);
    where_ = i;
  }
  [[nodiscard]] int step(std::size_t i) const {
    return std::abs(static_cast<int>(samples_[i]) - static_cast<int>(samples_[i - 1]));
  }
  std::vector<std::int16_t> samples_;
  unsigned rate_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::size_t where_ = 0;
};

}  // namespace prot::test
