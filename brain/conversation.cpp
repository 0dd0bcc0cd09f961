#include "conversation.hpp"

#include <fmt/format.h>
#include <sys/random.h>

#include <algorithm>
#include <charconv>

#include "base/error.hpp"
#include "base/log.hpp"
#include "json/json.hpp"
#include "text/normalize.hpp"

namespace prot::brain {
namespace {

constexpr std::size_t kMessageOverhead = 4;  // tokens of a chat template around a message

std::uint64_t fnv1a(std::string_view text, std::uint64_t seed) noexcept {
  std::uint64_t hash = 14695981039346656037U ^ seed;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
  return hash;
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
  return {fnv1a(run_id, 0x766F696365), fnv1a(run_id, 0x70726F74)};
}

wire::ConversationId new_conversation_id() {
  wire::ConversationId id;
  if (::getrandom(&id, sizeof id, 0) != static_cast<ssize_t>(sizeof id))
    throw errno_error("cannot draw a conversation number");
  return id;
}

void Conversation::add_user(std::string_view text, Nanos wall_ns) {
  if (text.empty()) return;
  if (turns_.empty() || !turns_.back().reply.empty()) {
    turns_.emplace_back();
    turns_.back().at = wall_ns;
  } else {
    turns_.back().user += "\n";
  }
  turns_.back().user += text;
  count(turns_.back());
}

void Conversation::add_user_again(std::string_view text, Nanos wall_ns) {
  const bool there = !turns_.empty() && turns_.back().reply.empty() && turns_.back().user.ends_with(text);
  if (!there) add_user(text, wall_ns);
}

void Conversation::add_reply(std::string_view text, bool interrupted, std::vector<ToolRound> rounds) {
  if ((text.empty() && rounds.empty()) || turns_.empty()) return;
  Turn& turn = turns_.back();
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

void Conversation::leave_unanswered() {
  if (turns_.empty() || !turns_.back().reply.empty()) return;
  turns_.back().reply = kInterruptedMark.substr(1);
  count(turns_.back());
}

std::vector<Message> Conversation::messages() const {
  std::vector<Message> out;
  for (const Turn& turn : turns_) {
    out.push_back({Role::kUser, turn.user, {}, {}});
    for (const ToolRound& round : turn.rounds) append_messages(round, out);
    if (!turn.reply.empty()) out.push_back({Role::kAssistant, turn.reply, {}, {}});
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

void Conversation::restore(std::string_view json) {
  const json::Document document = json::parse(json);
  std::deque<Turn> newer;
  newer.swap(turns_);
  began_ = 0;
  for (std::size_t i = 0; i < document.root().size(); ++i) {
    const json::View message = document.root().at(i);
    const std::string_view role = message.get("role").as_string();
    const std::string_view text = message.get("text").as_string();
    // A message's number is the microsecond in which it was given.
    if (role == "user") add_user(text, message.get("sequence").as_int() * kMicrosecond);
    if (role == "assistant" && !message.get("open").as_bool())
      add_reply(text, message.get("interrupted").as_bool());
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
  while (turns_.size() > 1 && tokens() > max_tokens_ * 2 / 3) turns_.pop_front();
}

Conversation& Conversations::at(const wire::ConversationId& id) {
  const std::string key = to_string(id);
  auto it = known_.find(key);
  if (it == known_.end()) {
    if (known_.size() >= kMost) {
      known_.erase(std::min_element(known_.begin(), known_.end(), [](const auto& a, const auto& b) {
        return a.second.used < b.second.used;
      }));
    }
    it = known_.emplace(key, Entry{Conversation(max_tokens_), 0}).first;
  }
  it->second.used = ++uses_;
  return it->second.conversation;
}

}  // namespace prot::brain
