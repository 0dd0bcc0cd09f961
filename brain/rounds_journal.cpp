#include "rounds_journal.hpp"

#include <algorithm>
#include <fstream>
#include <utility>

#include "base/log.hpp"
#include "conversation.hpp"
#include "json/json.hpp"

namespace prot::brain {

void RoundsJournal::load() {
  std::ifstream file(file_.path(), std::ios::binary);
  std::string text;
  try {
    if (!std::getline(file, text) || json::parse(text).get("run").as_string() != run_id_) return;
    while (std::getline(file, text)) {
      const json::Document line = json::parse(text);
      Kept kept;
      if (!parse_conversation(line.get("conversation").as_string(), kept.conversation)) continue;
      kept.user_sequence = static_cast<std::uint64_t>(line.get("user_sequence").as_int());
      const json::View rounds = line.get("rounds");
      for (std::size_t i = 0; i < rounds.size(); ++i) kept.rounds.push_back(read_round(rounds.at(i)));
      kept.line = text;
      kept_.push_back(std::move(kept));
      forget_oldest();
    }
  } catch (const std::exception& error) {  // cut off by the death of its writer
    log_warn("rounds journal: {}", error.what());
  }
}

void RoundsJournal::keep(const wire::ConversationId& conversation, std::uint64_t user_sequence,
                         const std::vector<ToolRound>& rounds) {
  if (rounds.empty()) return;
  Kept kept{conversation, user_sequence, rounds, {}};
  for (ToolRound& round : kept.rounds) round.verbatim.clear();  // as in the history
  kept.line = line_of(kept);
  kept_.push_back(std::move(kept));
  forget_oldest();
  if (++lines_ <= 2 * kMost) return file_.append(kept_.back().line);
  write_anew();
}

void RoundsJournal::forget(const wire::ConversationId& conversation,
                           std::span<const std::uint64_t> user_sequences) {
  const auto gone = std::erase_if(kept_, [&](const Kept& one) {
    return one.conversation == conversation &&
           std::find(user_sequences.begin(), user_sequences.end(), one.user_sequence) != user_sequences.end();
  });
  if (gone > 0) write_anew();
}

void RoundsJournal::forget_all() {
  kept_.clear();
  write_anew();
}

void RoundsJournal::write_anew() {
  std::string content = session_line() + "\n";
  for (const Kept& one : kept_) content += one.line + "\n";
  lines_ = kept_.size();
  file_.replace(content);
}

std::vector<ToolRound> RoundsJournal::find(const wire::ConversationId& conversation,
                                           std::uint64_t user_sequence) const {
  for (auto it = kept_.rbegin(); it != kept_.rend(); ++it)
    if (it->user_sequence == user_sequence && it->conversation == conversation) return it->rounds;
  return {};
}

void RoundsJournal::forget_oldest() {
  std::size_t bytes = 0;
  for (const Kept& one : kept_) bytes += one.line.size();
  while (kept_.size() > 1 && (kept_.size() > kMost || bytes > kMostBytes)) {
    bytes -= kept_.front().line.size();
    kept_.pop_front();
  }
}

std::string RoundsJournal::line_of(const Kept& kept) {
  json::Writer out;
  out.begin_object().member("conversation", to_string(kept.conversation));
  out.member("user_sequence", kept.user_sequence).key("rounds").begin_array();
  for (const ToolRound& round : kept.rounds) write_round(out, round);
  return out.end_array().end_object().str();
}

std::string RoundsJournal::session_line() const {
  json::Writer out;
  return out.begin_object().member("what", "session").member("run", run_id_).end_object().str();
}

}  // namespace prot::brain
