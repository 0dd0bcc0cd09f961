#pragma once

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "memory/recall/memory_records.hpp"
#include "memory/recall/terms.hpp"
#include "memory/recall/turn_index.hpp"

namespace prot::memory::test {

/// What TurnIndex finds, by definition and slowly: every window's text put together, and every session's,
/// nothing packed. A conversation is one session; nobody's name stands before a text.
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
  [[nodiscard]] std::vector<Hit> search(const Query& query) const {
    const std::vector<Leg> words = leg(query.words, &Terms::words);
    const std::vector<Leg> grams = leg(query.grams, &Terms::grams);
    Nanos newest = 0;
    for (const auto& [place, turn] : turns_) newest = std::max(newest, turn.message.at_ns);
    double most = 0.0;
    for (std::size_t k = 0; k < words.size(); ++k)
      most = std::max({most, words[k].coverage, grams[k].coverage});
    const double sureness = std::min(1.0, most / 0.5);
    std::vector<Hit> hits;
    std::size_t i = 0;
    for (const auto& [place, turn] : turns_) {
      const Leg& word = words[i];
      const Leg& gram = grams[i++];
      if (word.coverage == 0.0 && gram.coverage == 0.0) continue;
      double score = (word.score + gram.score + 0.3 * word.session + 0.4 * gram.session) / 3.9 * sureness;
      const bool question = is_question(turn.message.text);
      const bool by_user = turn.message.role == Role::kUser;
      const bool about_self =
          by_user && !question && !turn.terms.words.empty() && speaks_of_self(turn.message.text);
      if (query.of_self && about_self) score *= 1.15;
      if (question) score *= 0.5;
      if (!by_user) score *= 0.6;
      score *= TurnIndex::freshness(newest - turn.message.at_ns, about_self);
      hits.push_back({turn.message.key, score, std::max(word.coverage, gram.coverage)});
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
    double session = 0.0;
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

  static double average(const std::vector<Bag>& bags) {
    std::size_t total = 0;
    for (const Bag& bag : bags) total += bag.size();
    return std::max(1.0, static_cast<double>(total) / static_cast<double>(bags.size()));
  }
  /// Divides by the best.
  static std::vector<double> scores(const std::vector<Bag>& bags, double average,
                                    const std::vector<QueryTerm>& query) {
    std::vector<double> scores(bags.size());
    for (const QueryTerm& term : query) {
      const double weight = term.weight * idf(bags, term.text);
      for (std::size_t i = 0; i < bags.size(); ++i) scores[i] += bm25(bags[i], term.text, average, weight);
    }
    const double best = *std::max_element(scores.begin(), scores.end());
    for (double& score : scores) score = best > 0.0 ? score / best : 0.0;
    return scores;
  }

  [[nodiscard]] std::vector<Leg> leg(const std::vector<QueryTerm>& query,
                                     std::vector<std::string> Terms::*terms) const {
    std::vector<Bag> own;
    std::vector<Bag> windows;
    std::vector<Bag> sessions;
    std::vector<std::size_t> session_of;
    for (auto turn = turns_.begin(); turn != turns_.end(); ++turn) {
      const auto same = [&](Turns::const_iterator other) { return other->first.first == turn->first.first; };
      const auto add = [&](Bag& bag, Turns::const_iterator from) {
        bag.insert((from->second.terms.*terms).begin(), (from->second.terms.*terms).end());
      };
      own.emplace_back();
      add(own.back(), turn);
      windows.emplace_back(own.back());
      add(windows.back(), turn);
      if (turn != turns_.begin() && same(std::prev(turn))) {
        const std::string& before = std::prev(turn)->second.message.text;
        add(windows.back(), std::prev(turn));
        if (is_question(before) || asks_something(before)) add(windows.back(), std::prev(turn));
      }
      if (std::next(turn) != turns_.end() && same(std::next(turn))) add(windows.back(), std::next(turn));
      if (turn == turns_.begin() || !same(std::prev(turn))) sessions.emplace_back();
      add(sessions.back(), turn);
      session_of.push_back(sessions.size() - 1);
    }
    std::vector<Leg> legs(own.size());
    const std::vector<double> by_own = scores(own, average(own), query);
    const std::vector<double> by_window = scores(windows, 4 * average(own), query);
    const std::vector<double> by_session = scores(sessions, average(sessions), query);
    double all = 0.0;
    for (const QueryTerm& term : query) {
      const double weight = term.weight * idf(own, term.text);
      if (!term.added) all += weight;
      for (std::size_t i = 0; i < own.size(); ++i)
        if (windows[i].contains(term.text)) legs[i].coverage += weight;
    }
    for (std::size_t i = 0; i < own.size(); ++i) {
      legs[i].score = by_window[i] + 0.6 * by_own[i];
      legs[i].session = by_session[session_of[i]];
      legs[i].coverage = all > 0.0 ? std::min(1.0, legs[i].coverage / all) : 0.0;
    }
    return legs;
  }

  Turns turns_;
};

}  // namespace prot::memory::test
