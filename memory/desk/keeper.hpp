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

/// As a tsquery: one of the words (word_beginnings), or a longer one that begins like it. Of a question's
/// words a message rarely has all.
[[nodiscard]] std::string any_of_words(std::span<const std::string> words);

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
    kRivals,       // a number of a fact: those of the same subject and predicate, the oldest first
    kEntities,     // an alias or "", a limit: names and what else they are called
    kDead,         // a limit: jobs that have failed for good
    kAllMessages,  // after which row, a limit
    kAllFacts,     // likewise, and so on: the kinds of lines of an export
    kAllEntities,
    kAllSuccessions,
    kAllMerges,
    kAllCommunities,
    kSizes,  // of the tables
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
  struct ImportedMessage {
    Message message;
    bool pending = false;  // no model has read it yet
  };
  struct ImportedFact {
    Fact fact;
    std::string key;         // fact_key() where it is from; empty: of its first source
    bool confirmed = false;  // by a person: it is not screened again
    std::vector<MessageKey> sources;
  };
  struct ImportedEntity {
    struct Alias {
      std::string name;
      std::string kind;
    };
    Entity entity;
    std::vector<Alias> aliases;
  };
  struct ImportedSuccession {
    std::string fact;  // keys
    std::string by;
  };
  struct ImportedMerge {
    std::string name;
    std::string into;
    std::vector<std::string> ended;  // keys of the facts that it ended
  };
  struct ImportedCommunity {
    std::string summary;
    std::vector<std::string> members;  // names
    std::vector<std::string> facts;    // keys
  };
  /// Lines of an export, in its order: what a line refers to has come before it.
  struct Rows {
    std::vector<ImportedMessage> messages;
    std::vector<ImportedFact> facts;
    std::vector<ImportedEntity> entities;
    std::vector<ImportedSuccession> successions;
    std::vector<ImportedMerge> merges;
    std::vector<ImportedCommunity> communities;
  };
  /// All of it or nothing. What is there already stays as it is.
  virtual Imported import_rows(const Rows& rows, Nanos now) = 0;
  /// The tables of the Python original in the same database; they are only read. Twice changes nothing.
  /// Throws Error when there are none.
  virtual Imported import_original(Nanos now) = 0;
};

}  // namespace prot::memory
