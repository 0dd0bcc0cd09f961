#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "language_model.hpp"
#include "tool_round.hpp"
#include "wire/memory.hpp"

namespace prot::brain {

/// 32 hexadecimal digits.
[[nodiscard]] std::string to_string(const wire::ConversationId& id);
/// False: it is none.
[[nodiscard]] bool parse_conversation(std::string_view text, wire::ConversationId& id) noexcept;
/// The first voice conversation of a run; the same for every brain of that run.
[[nodiscard]] wire::ConversationId conversation_of_run(std::string_view run_id) noexcept;
/// A new one; 128 random bits.
[[nodiscard]] wire::ConversationId new_conversation_id();

/// When things were said, CLOCK_REALTIME; 0: unknown.
struct Timeline {
  static constexpr std::size_t kRecent = 5;
  Nanos began = 0;            // the first turn, whether it is still in the history or not
  std::vector<Nanos> recent;  // the newest turns that were answered, oldest first
};

/// What was said in one conversation, as the model is to see it. A reply holds exactly what was heard, and
/// the tool rounds that led to it, whole: every call has its one result directly behind it, and a turn with
/// calls ends with words, so that any server takes the messages back. Bounded: above `max_tokens` whole turns
/// are dropped from the front until two thirds are left; they go in one step, so that in between the front
/// stays byte-stable and the server's cache warm. Voice and text may share a conversation: each side joins
/// its own open turn alone, and does not see the other's until that is answered. One thread.
class Conversation {
 public:
  using RoundsOf = std::function<std::vector<ToolRound>(std::uint64_t)>;
  explicit Conversation(std::size_t max_tokens) : max_tokens_(max_tokens) {}

  /// The person's words; several in a row (no reply between) are one message to the model.
  /// `number`: memory's of this message; 0: it is off the record.
  void add_user(std::string_view text, Nanos wall_ns = 0, Lane lane = Lane::kVoice, std::uint64_t number = 0);
  /// The same for words that memory may have brought already: they are not said twice.
  void add_user_again(std::string_view text, Nanos wall_ns, Lane lane = Lane::kVoice,
                      std::uint64_t number = 0);
  /// What was heard of the reply, and the rounds before it; nothing when both are empty.
  void add_reply(std::string_view text, bool interrupted, std::vector<ToolRound> rounds = {},
                 Lane lane = Lane::kVoice);
  /// The person wants no answer to their last words: what they say next is a message of its own.
  void leave_unanswered(Lane lane = Lane::kVoice);
  struct Last {
    std::string text;          // the person's; empty: there is nothing
    std::uint64_t number = 0;  // memory's, of the first message of it
  };
  /// Drops the newest turn.
  Last forget_last();
  /// Drops every turn but those that have no reply yet.
  void forget_answered();
  /// Oldest first; begins with the person.
  [[nodiscard]] std::vector<Message> messages(Lane lane = Lane::kVoice) const;
  [[nodiscard]] bool empty() const noexcept { return turns_.empty(); }
  [[nodiscard]] std::size_t tokens() const noexcept;
  /// Without the turn that has no reply yet: it is the same before and after the person's words came.
  [[nodiscard]] Timeline timeline() const;
  /// Puts what memory knows (wire::History) before what was said since; a reply that is still open and
  /// entries that make no sense are left out. `rounds_of`: the tools that were used for the person's message
  /// of that number. Throws Error when it is no JSON.
  void restore(std::string_view json, Lane lane = Lane::kVoice, const RoundsOf& rounds_of = {});

 private:
  struct Turn {
    std::string user;
    std::vector<ToolRound> rounds;
    std::string reply;  // empty: none yet
    Nanos at = 0;
    std::uint64_t number = 0;
    std::size_t tokens = 0;
    Lane lane = Lane::kVoice;
  };
  [[nodiscard]] Turn* newest(Lane lane) noexcept;
  void count(Turn& turn);
  void trim();

  std::size_t max_tokens_;
  std::deque<Turn> turns_;
  Nanos began_ = 0;
};

/// The conversations that are going on, the most recent ones. One thread.
class Conversations {
 public:
  static constexpr std::size_t kMost = 64;
  explicit Conversations(std::size_t max_tokens) : max_tokens_(max_tokens) {}
  /// Made at first use; the least recently used goes when there are too many, one in which nothing was said
  /// first: each client that connects has one. Valid until the next call.
  Conversation& at(const wire::ConversationId& id);
  /// All of them: memory has forgotten everything.
  void forget_all();
  [[nodiscard]] bool has(const wire::ConversationId& id) const { return known_.contains(to_string(id)); }

 private:
  struct Entry {
    Conversation conversation;
    std::uint64_t used;
  };
  std::size_t max_tokens_;
  std::uint64_t uses_ = 0;
  std::map<std::string, Entry> known_;
};

/// How an interrupted reply is marked for the model.
inline constexpr std::string_view kInterruptedMark = " [interrupted]";

}  // namespace prot::brain
