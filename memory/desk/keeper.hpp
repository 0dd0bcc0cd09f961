#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "recall/memory_records.hpp"

namespace prot::memory {

/// What a person wants forgotten.
struct ForgetTarget {
  enum class Kind {
    kMessages,  // those of a conversation from `first` to `last`, and what only they say
    kFact,      // what it states, wherever that was said
    kEntity,    // a name: its facts, and every message that mentions it
    kTime,      // messages from `from` to before `until`
    kEverything,
  };
  Kind kind = Kind::kMessages;
  wire::ConversationId conversation;
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  std::int64_t fact = 0;
  std::string name;
  Nanos from = 0;  // wall time
  Nanos until = 0;
};

/// What was, or would be, forgotten.
struct Forgotten {
  std::vector<MessageKey> messages;
  std::vector<std::string> texts;  // that no file may hold any more
  std::uint64_t facts = 0;
  std::uint64_t entities = 0;
  bool everything = false;
  std::string problem;  // a file that could not be cleaned, and why
  [[nodiscard]] bool nothing() const noexcept { return messages.empty() && facts == 0 && entities == 0; }
};

/// What a person may see of a store and change in it (`prot memory`). Rows are JSON objects, as
/// doc/memory.md lists them. Threads and errors: as MemoryStore.
class Keeper {
 public:
  enum class Look {
    kFind,         // messages that have one of the words (a tsquery), a limit
    kFindFacts,    // active facts, likewise
    kTime,         // messages from, to before (microseconds), a limit
    kMessage,      // a sequence, a conversation or ""
    kExchange,     // a conversation, a sequence: it and the replies to it
    kFacts,        // the state of the facts ("" any), a limit
    kFact,         // a number: it
    kSources,      // a number of a fact: the messages that say so
    kFactsOf,      // a conversation, a sequence: what was taken from the message
    kDead,         // a limit: jobs that have failed for good
    kAllMessages,  // after which row, a limit
    kAllFacts,     // likewise
    kSizes,        // of the tables
  };
  struct Row {
    std::string json;
    std::int64_t cursor;  // kAll...: its place
  };
  virtual ~Keeper() = default;
  virtual std::vector<Row> look(Look what, std::span<const std::string> arguments) = 0;
  /// Dead jobs ready again, or gone; all when no number is given. Returns how many.
  virtual int retry_dead(std::span<const std::int64_t> jobs, Nanos now) = 0;
  virtual int drop_dead(std::span<const std::int64_t> jobs) = 0;

  struct Imported {
    std::uint64_t messages = 0;
    std::uint64_t facts = 0;
    std::uint64_t forgotten = 0;  // refused: a person had them forgotten
  };
  struct ImportedFact {
    Fact fact;
    std::string status;
    Nanos valid_to = 0;  // 0: still valid
    std::vector<MessageKey> sources;
  };
  /// No model reads them: their facts come along.
  virtual Imported import_rows(std::span<const Message> messages, std::span<const ImportedFact> facts,
                               Nanos now) = 0;
  /// The tables of the Python original in the same database; they are only read. Twice changes nothing.
  /// Throws Error when there are none.
  virtual Imported import_original(Nanos now) = 0;
};

}  // namespace prot::memory
