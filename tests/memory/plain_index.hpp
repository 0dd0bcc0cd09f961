#pragma once

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "memory/memory_records.hpp"
#include "memory/terms.hpp"

namespace prot::memory::test {

/// What TurnIndex finds, by definition and slowly: every window's text put together, nothing packed.
class PlainIndex {
 public:
  struct Hit {
    MessageKey key;
    double score;
    double coverage;
  };

  void put(const Message& message) {
    turns_[{message.key.conversation.low, message.key.sequence}] = {message, terms_of(message.text)};
  }

  /// All that hold anything of the question, best first.
  [[nodiscard]] std::vector<Hit> search(const Terms& query) const {
    const std::vector<Leg> words = leg(query.words, &Terms::words);
    const std::vector<Leg> grams = leg(query.grams, &Terms::grams);
    std::vector<Hit> hits;
    std::size_t i = 0;
    for (const auto& [place, turn] : turns_) {
      double score = (words[i].score + grams[i].score) / 3.0;
      if (is_question(turn.message.text)) score *= 0.25;
      if (turn.message.role == Role::kAssistant) score *= 0.6;
      if (score > 0.0)
        hits.push_back({turn.message.key, score, std::max(words[i].coverage, grams[i].coverage)});
      ++i;
    }
    std::stable_sort(hits.begin(), hits.end(), [](const Hit& a, const Hit& b) { return a.score > b.score; });
    return hits;
  }

 private:
  struct Turn {
    Message message;
    Terms terms;
  };
  struct Leg {
    double score = 0.0;
    double coverage = 0.0;
  };
  using Bag = std::multiset<std::string>;
  using Turns = std::map<std::pair<std::uint64_t, std::uint64_t>, Turn>;

  static double bm25(const Bag& bag, const std::string& term, double average, double idf) {
    const auto count = static_cast<double>(bag.count(term));
    return idf * count * 2.2 / (count + 1.2 * (0.25 + 0.75 * static_cast<double>(bag.size()) / average));
  }
  static double idf(const std::vector<Bag>& bags, const std::string& term) {
    const auto with = static_cast<double>(
        std::count_if(bags.begin(), bags.end(), [&](const Bag& bag) { return bag.contains(term); }));
    return std::log(1.0 + (static_cast<double>(bags.size()) - with + 0.5) / (with + 0.5));
  }

  [[nodiscard]] std::vector<Leg> leg(const std::vector<std::string>& query,
                                     std::vector<std::string> Terms::*terms) const {
    std::vector<Bag> own;
    std::vector<Bag> windows;
    std::size_t total = 0;
    for (auto turn = turns_.begin(); turn != turns_.end(); ++turn) {
      const auto add = [&](Bag& bag, Turns::const_iterator from) {
        if (from->first.first == turn->first.first)
          bag.insert((from->second.terms.*terms).begin(), (from->second.terms.*terms).end());
      };
      own.emplace_back();
      add(own.back(), turn);
      total += own.back().size();
      windows.emplace_back(own.back());
      add(windows.back(), turn);
      if (turn != turns_.begin()) add(windows.back(), std::prev(turn));
      if (std::next(turn) != turns_.end()) add(windows.back(), std::next(turn));
    }
    std::vector<double> by_own(own.size());
    std::vector<double> by_window(own.size());
    std::vector<Leg> legs(own.size());
    if (total == 0) return legs;
    const double average = std::max(1.0, static_cast<double>(total) / static_cast<double>(own.size()));
    double all = 0.0;
    const std::set<std::string> distinct(query.begin(), query.end());
    for (const std::string& term : distinct) {
      const double weight = idf(own, term);
      const double window_weight = idf(windows, term);
      const auto times = static_cast<double>(std::count(query.begin(), query.end(), term));
      all += weight * times;
      for (std::size_t i = 0; i < own.size(); ++i) {
        by_own[i] += bm25(own[i], term, average, weight);
        by_window[i] += bm25(windows[i], term, 4 * average, window_weight);
        if (windows[i].contains(term)) legs[i].coverage += weight * times;
      }
    }
    const double best_own = *std::max_element(by_own.begin(), by_own.end());
    const double best_window = *std::max_element(by_window.begin(), by_window.end());
    for (std::size_t i = 0; i < own.size(); ++i) {
      if (best_window > 0.0) legs[i].score += by_window[i] / best_window;
      if (best_own > 0.0) legs[i].score += 0.5 * by_own[i] / best_own;
      if (all > 0.0) legs[i].coverage /= all;
    }
    return legs;
  }

  Turns turns_;
};

}  // namespace prot::memory::test
