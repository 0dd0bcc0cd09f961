#include "tests/memory/eval/plain_bm25.hpp"

#include <algorithm>
#include <cmath>

#include "memory/recall/terms.hpp"

namespace prot::eval {
namespace {

constexpr double kK1 = 1.2;
constexpr double kB = 0.75;

}  // namespace

void PlainBm25::take(const Message& message) {
  Turn turn{message, {}, 0};
  for (const std::string& word : memory::terms_of(message.speaker + ": " + message.text).words) {
    ++turn.words[word];
    ++turn.length;
  }
  turns_.push_back(std::move(turn));
}

std::vector<const PlainBm25::Turn*> PlainBm25::ranked(const std::string& text) const {
  double total = 0.0;
  for (const Turn& turn : turns_) total += turn.length;
  const auto count = static_cast<double>(turns_.size());
  const double average = std::max(1.0, total / std::max(1.0, count));
  std::vector<std::pair<double, const Turn*>> scored;
  for (const Turn& turn : turns_) scored.emplace_back(0.0, &turn);
  for (const std::string& word : memory::terms_of(text).words) {
    const auto with = static_cast<double>(std::count_if(
        turns_.begin(), turns_.end(), [&](const Turn& turn) { return turn.words.contains(word); }));
    const double idf = std::log(1.0 + (count - with + 0.5) / (with + 0.5));
    for (auto& [score, turn] : scored)
      if (const auto held = turn->words.find(word); held != turn->words.end())
        score +=
            idf * held->second * (kK1 + 1) / (held->second + kK1 * (1 - kB + kB * turn->length / average));
  }
  std::stable_sort(scored.begin(), scored.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  std::vector<const Turn*> best;
  for (const auto& [score, turn] : scored)
    if (score > 0.0) best.push_back(turn);
  return best;
}

Findings PlainBm25::ask(const Question& question, std::size_t k, std::size_t tokens) const {
  Findings findings;
  const Nanos begin = monotonic_now();
  const std::vector<const Turn*> best = ranked(question.text);
  memory::BlockPacker packer(tokens);
  std::uint64_t number = 0;
  std::map<std::uint64_t, const Turn*> packed;
  for (const Turn* turn : best) {
    const std::string text = turn->message.speaker + ": " + turn->message.text;
    const memory::MessageKey key{{0, static_cast<std::uint64_t>(turn->message.session)}, ++number};
    packed[number] = turn;
    packer.add(
        {memory::BlockPacker::Line::Kind::kQuote, text, turn->message.at, key, memory::Role::kUser, true},
        tokens);
  }
  for (const memory::MessageKey& source : packer.result().sources)
    findings.in_block.insert(packed[source.sequence]->message.id);
  findings.ms = static_cast<double>(monotonic_now() - begin) / static_cast<double>(kMillisecond);
  for (std::size_t i = 0; i < std::min(k, best.size()); ++i) findings.ranked.push_back(best[i]->message.id);
  return findings;
}

}  // namespace prot::eval
