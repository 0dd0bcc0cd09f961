#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "tests/memory/eval/memory_path.hpp"

namespace prot::eval {

struct Figures {
  std::size_t questions = 0;
  double at_k = 0.0;  // sums until they are divided
  double in_block = 0.0;
};

struct Report {
  Figures all;
  std::map<std::string, Figures> by_category;
  std::vector<double> ms;  // of each question, sorted
  std::size_t messages = 0;
  std::size_t without_evidence = 0;  // questions that cannot be judged
  std::size_t unknown_evidence = 0;  // ids that no message before the question has: they count as not found
  [[nodiscard]] double percentile(double part) const;
};

struct Settings {
  std::size_t k = 10;
  std::size_t tokens = 3000;
  bool plain = false;  // the baseline
  std::function<std::unique_ptr<memory::MemoryStore>()> store;
  std::function<memory::DenseLeg::Parts()> dense;          // may be empty: by words alone
  std::function<void(const Line&, const Findings&)> each;  // may be empty
};

/// Line by line, in order; a question searches its own conversation as far as it has come. A question whose
/// `absent` must not be found counts in its category only: 1 when nothing of it is in the result.
[[nodiscard]] Report evaluate(const std::vector<Line>& corpus, const Settings& settings);

}  // namespace prot::eval
