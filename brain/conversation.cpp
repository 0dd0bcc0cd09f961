#include "conversation.hpp"

#include <fmt/format.h>
#include <sys/random.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <tuple>

#include "base/error.hpp"
#include "base/fnv.hpp"
#include "base/log.hpp"
#include "json/json.hpp"
#include "text/normalize.hpp"

namespace prot::brain {
namespace {

constexpr std::size_t kMessageOverhead = 4;  // tokens of a chat template around a message

// Memory has all that was said in one text; what was said before a call stands in its round.
std::string_view behind(const std::vector<ToolRound>& rounds, std::string_view text) {
  for (const ToolRound& round : rounds) {
    if (!text.starts_with(round.text)) break;
    text.remove_prefix(round.text.size());
    while (text.starts_with(' ')) text.remove_prefix(1);
  }
  return text;
}

}  // namespace

std::string to_string(const wire::ConversationId& id) {
  return fmt::format("{:016x}{:016x}", id.high, id.low);
}

bool parse_conversation(std::string_view text, wire::ConversationId& id) noexcept {
  if (text.size() != 32) return false;
  const auto half = [](std::string_view digits, std::uint64_t& value) {
    const auto result = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
    return result.ec == std::errc{} && result.ptr == digits.data() + digits.size();
  };
  return half(text.substr(0, 16), id.high) && half(text.substr(16), id.low);
}

wire::ConversationId conversation_of_run(std::string_view run_id) noexcept {
  return {fnv1a(run_id, kFnvBasis ^ 0x766F696365), fnv1a(run_id, kFnvBasis ^ 0x70726F74)};
}

wire::ConversationId new_conversation_id() {
  wire::ConversationId id;
  if (::getrandom(&id, sizeof id, 0) != static_cast<ssize_t>(sizeof id))
    throw errno_error("cannot draw a conversation number");
  return id;
}

Conversation::Turn* Conversation::newest(Lane lane) noexcept {
  const auto it = std::find_if(turns_.rbegin(), turns_.rend(), [&](const Turn& t) { return t.lane == lane; });
  return it == turns_.rend() ? nullptr : &*it;
}

void Conversation::add_user(std::string_view text, Nanos wall_ns, Lane lane, std::uint64_t number) {
  if (text.empty()) return;
  Turn* turn = newest(lane);
  if (turn == nullptr || !turn->reply.empty()) {
    turn = &turns_.emplace_back();
    turn->at = wall_ns;
    turn->lane = lane;
    turn->number = number;
  } else {
    turn->user += "\n";
  }
  turn->user += text;
  count(*turn);
}

void Conversation::add_user_again(std::string_view text, Nanos wall_ns, Lane lane, std::uint64_t number) {
  const bool there = !turns_.empty() && turns_.back().reply.empty() && turns_.back().user.ends_with(text);
  if (there) turns_.back().lane = lane;
  if (!there) add_user(text, wall_ns, lane, number);
}

void Conversation::add_reply(std::string_view text, bool interrupted, std::vector<ToolRound> rounds,
                             Lane lane) {
  Turn* const found = newest(lane);
  if ((text.empty() && rounds.empty()) || found == nullptr) return;
  Turn& turn = *found;
  for (ToolRound& round : rounds) {
    round.verbatim.clear();  // its server asks for that only while the reply goes on
    turn.rounds.push_back(std::move(round));
  }
  if (!turn.reply.empty() && !text.empty()) turn.reply += " ";
  turn.reply += text;
  if (turn.reply.empty()) {
    turn.reply = kInterruptedMark.substr(1);
  } else if (interrupted) {
    turn.reply += kInterruptedMark;
  }
  if (began_ == 0) began_ = turn.at;
  count(turn);
  trim();
}

void Conversation::leave_unanswered(Lane lane) {
  Turn* const turn = newest(lane);
  if (turn == nullptr || !turn->reply.empty()) return;
  turn->reply = kInterruptedMark.substr(1);
  count(*turn);
}

Conversation::Last Conversation::forget_last() {
  if (turns_.empty()) return {};
  Last last{std::move(turns_.back().user), turns_.back().number};
  turns_.pop_back();
  return last;
}

void Conversation::forget_answered() {
  std::erase_if(turns_, [](const Turn& turn) { return !turn.reply.empty(); });
}

std::vector<Message> Conversation::messages(Lane lane) const {
  std::vector<Message> out;
  for (const Turn& turn : turns_) {
    if (turn.reply.empty()) continue;
    out.push_back({Role::kUser, turn.user, {}, {}});
    for (const ToolRound& round : turn.rounds) append_messages(round, out);
    out.push_back({Role::kAssistant, turn.reply, {}, {}});
  }
  // What is answered now comes last, though the other side may have been answered since it was said; what
  // that side is being answered is left out.
  for (const Turn& turn : turns_) {
    if (!turn.reply.empty() || turn.lane != lane) continue;
    out.push_back({Role::kUser, turn.user, {}, {}});
    for (const ToolRound& round : turn.rounds) append_messages(round, out);
  }
  return out;
}

std::size_t Conversation::tokens() const noexcept {
  std::size_t sum = 0;
  for (const Turn& turn : turns_) sum += turn.tokens;
  return sum;
}

Timeline Conversation::timeline() const {
  Timeline out;
  out.began = began_;
  for (auto it = turns_.rbegin(); it != turns_.rend() && out.recent.size() < Timeline::kRecent; ++it)
    if (!it->reply.empty() && it->at != 0) out.recent.insert(out.recent.begin(), it->at);
  return out;
}

void Conversation::restore(std::string_view json, Lane lane, const RoundsOf& rounds_of) {
  const json::Document document = json::parse(json);
  std::deque<Turn> newer;
  newer.swap(turns_);
  began_ = 0;
  std::uint64_t asked = 0;
  for (std::size_t i = 0; i < document.root().size(); ++i) {
    const json::View message = document.root().at(i);
    const std::string_view role = message.get("role").as_string();
    const std::string_view text = message.get("text").as_string();
    // A message's number is the microsecond in which it was given.
    if (role == "user") asked = static_cast<std::uint64_t>(message.get("sequence").as_int());
    if (role == "user") add_user(text, static_cast<Nanos>(asked) * kMicrosecond, lane, asked);
    if (role != "assistant" || message.get("open").as_bool()) continue;
    std::vector<ToolRound> rounds = rounds_of ? rounds_of(asked) : std::vector<ToolRound>();
    const std::string_view last = behind(rounds, text);
    add_reply(last, message.get("interrupted").as_bool(), std::move(rounds), lane);
  }
  if (!turns_.empty() && !newer.empty() && turns_.back().reply.empty() &&
      turns_.back().user.ends_with(newer.front().user)) {
    newer.front().user = turns_.back().user;
    turns_.pop_back();
  }
  for (Turn& turn : newer) {
    if (began_ == 0 && !turn.reply.empty()) began_ = turn.at;
    count(turn);
    turns_.push_back(std::move(turn));
  }
  trim();
}

void Conversation::count(Turn& turn) {
  turn.tokens = text::estimate_tokens(turn.user) + kMessageOverhead;
  for (const ToolRound& round : turn.rounds) turn.tokens += estimate_tokens(round);
  if (!turn.reply.empty()) turn.tokens += text::estimate_tokens(turn.reply) + kMessageOverhead;
}

void Conversation::trim() {
  if (tokens() <= max_tokens_) return;
  // A turn that is being answered stays, and so does the newest one.
  const auto may_go = [this](const Turn& turn) { return !turn.reply.empty() || newest(turn.lane) != &turn; };
  while (turns_.size() > 1 && tokens() > max_tokens_ * 2 / 3) {
    const auto oldest = std::find_if(turns_.begin(), std::prev(turns_.end()), may_go);
    if (oldest == std::prev(turns_.end())) return;
    turns_.erase(oldest);
  }
}

void Conversations::forget_all() {
  for (auto& [id, entry] : known_) entry.conversation.forget_answered();
}

Conversation& Conversations::at(const wire::ConversationId& id) {
  const std::string key = to_string(id);
  auto it = known_.find(key);
  if (it == known_.end()) {
    if (known_.size() >= kMost) {
      known_.erase(std::min_element(known_.begin(), known_.end(), [](const auto& a, const auto& b) {
        const bool said_a = !a.second.conversation.empty();
        const bool said_b = !b.second.conversation.empty();
        return std::tie(said_a, a.second.used) < std::tie(said_b, b.second.used);
      }));
    }
    it = known_.emplace(key, Entry{Conversation(max_tokens_), 0}).first;
  }
  it->second.used = ++uses_;
  return it->second.conversation;
}

}  // namespace prot::brain
