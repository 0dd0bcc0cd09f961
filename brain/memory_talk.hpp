#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "confirmation.hpp"
#include "decision_words.hpp"
#include "json/json.hpp"
#include "memory_client.hpp"

namespace prot::brain {

/// What a person decides about memory by word of mouth, in one conversation: facts that wait for them, names
/// that mean the same. Nothing is done that was not asked back, heard and agreed to.
///
///   state | event                                         -> state | what is said
///   none  | "anything to confirm?", "yes, remember that"  -> asked | the newest that waits: is it true?
///   none  | "X and Y are the same person", memory has them -> asked | shall they be one?
///   asked | the question was heard                        -> heard |
///   heard | a clear yes or no within kTime                -> none  | done; -> asked when more waits
///   any   | other words, time over, something is forgotten -> none  | nothing; the words are a turn
///
/// What memory has to answer first makes the words wait: they are offered again (kLater). It does not outlive
/// its process. One thread.
class MemoryTalk {
 public:
  static constexpr Nanos kTime = Confirmation::kTime;
  static constexpr Nanos kToHear = Confirmation::kToHear;
  static constexpr Nanos kAnswer = 3 * kSecond;  // of memory
  enum class Taken : std::uint8_t { kNotMine, kLater, kSay };
  struct Result {
    Taken what = Taken::kNotMine;
    std::vector<std::string> pieces;  // what prot says, each in one language
  };

  explicit MemoryTalk(MemoryClient& memory) : memory_(&memory) {}

  /// Words that a person began to say at `said`.
  [[nodiscard]] Result take(std::string_view words, std::string_view language, Nanos said, Nanos now);
  /// What was said last is over.
  void over(bool heard, Nanos now);
  void drop();
  /// Drops what took too long.
  void tick(Nanos now);
  [[nodiscard]] bool idle() const noexcept { return state_ == State::kNone && !pending_; }
  [[nodiscard]] bool asks() const noexcept { return state_ == State::kAsked; }
  [[nodiscard]] Nanos next_deadline() const noexcept;

 private:
  enum class State : std::uint8_t { kNone, kAsked, kHeard };
  struct Fact {
    std::int64_t id;
    std::string statement;
  };
  struct Names {
    std::string name;
    std::string into;
    bool same;
  };
  enum class Step : std::uint8_t { kLook, kLookOnly, kDecide, kResolve, kJoin };
  struct Pending {  // memory was asked
    Step step;
    std::string words;
    std::string command;
    bool yes = false;  // kDecide: it was confirmed
    Names names = {};
    std::uint64_t request = 0;
    Nanos until = 0;
    bool late = false;
  };

  [[nodiscard]] std::optional<Pending> understand(std::string_view words, Nanos said);
  [[nodiscard]] std::optional<Pending> decide(std::string_view words);
  [[nodiscard]] Result answered(const Pending& pending, const json::View& answer, bool korean, Nanos now);
  [[nodiscard]] Result looked(const Pending& pending, const json::View& answer, bool korean, Nanos now);
  [[nodiscard]] Result resolved(Names names, bool one, bool korean, Nanos now);
  void ask_fact(std::vector<std::string>& pieces, bool korean, Nanos now);
  void ask(Nanos now);

  MemoryClient* memory_;
  State state_ = State::kNone;
  Nanos until_ = kNever;
  std::deque<Fact> facts_;      // that wait; the first one is asked about
  std::optional<Names> names_;  // are asked about
  std::optional<Pending> pending_;
  bool left_ = false;  // the names are to stay as they are: said without memory
};

/// Those of all conversations. One thread.
class MemoryTalks {
 public:
  explicit MemoryTalks(MemoryClient& memory) : memory_(&memory) {}

  [[nodiscard]] MemoryTalk::Result take(const wire::ConversationId& conversation, std::string_view words,
                                        std::string_view language, Nanos said, Nanos now);
  void over(const wire::ConversationId& conversation, bool heard, Nanos now);
  /// A question of prot's is the newest thing there.
  [[nodiscard]] bool asks(const wire::ConversationId& conversation) const;
  void drop() { talks_.clear(); }
  void tick(Nanos now);
  [[nodiscard]] Nanos next_deadline() const;

 private:
  using Key = std::pair<std::uint64_t, std::uint64_t>;
  static Key key(const wire::ConversationId& id) noexcept { return {id.high, id.low}; }

  MemoryClient* memory_;
  std::map<Key, MemoryTalk> talks_;  // that are not idle
};

}  // namespace prot::brain
