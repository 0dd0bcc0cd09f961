#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "wire/memory.hpp"

/// What memory keeps. Plain values. Times named wall_ns or at_ns are CLOCK_REALTIME nanoseconds.
namespace prot::memory {

/// Identity of a message for ever: a replay of the same key changes nothing.
struct MessageKey {
  wire::ConversationId conversation;
  std::uint64_t sequence = 0;
  friend bool operator==(const MessageKey&, const MessageKey&) = default;
};

enum class Role { kUser, kAssistant };
[[nodiscard]] const char* to_string(Role role) noexcept;

struct Message {
  MessageKey key;
  Role role = Role::kUser;
  wire::Channel channel = wire::Channel::kVoice;
  Nanos at_ns = 0;
  std::string text;
  bool interrupted = false;
  bool open = false;  // a reply whose end has not come yet
};

/// One frame of `turns` that must be kept. kForget: the messages from `key` to `last_sequence` are to be
/// forgotten, those that are still to come too.
struct TurnRecord {
  enum class Kind { kUser = 1, kSegment, kEnd, kForget };
  Kind kind = Kind::kUser;
  MessageKey key;
  Nanos wall_ns = 0;
  wire::Channel channel = wire::Channel::kVoice;
  std::uint32_t segment = 0;        // kSegment
  bool interrupted = false;         // kEnd
  std::uint64_t last_sequence = 0;  // kForget
  std::string text;                 // valid UTF-8 without NUL
};

struct Entity {
  std::string name;
  std::string type;
  std::string description;
  std::int64_t known = 0;  // the entity that the model says it is, of those it was offered; 0: it did not say
};

/// An entity of the store. `aliases`: normalised (facts.hpp), its name's among them.
struct KnownEntity {
  std::int64_t id = 0;
  std::string name;
  std::string type;
  std::vector<std::string> aliases;
};

/// Whose words a fact stands on. Only the user's make a fact that counts at once.
enum class Origin { kUser, kAssistant, kTool, kWeb, kImport };
[[nodiscard]] const char* to_string(Origin origin) noexcept;
/// kQuarantined: it never reaches a block until a person confirms it.
enum class FactStatus { kActive, kSuperseded, kForgotten, kQuarantined };
[[nodiscard]] const char* to_string(FactStatus status) noexcept;

/// A statement about the world with its validity. `subject` and `predicate` are canonical (extraction.hpp).
struct Fact {
  std::string subject;
  std::string predicate;
  std::string object;
  std::string statement;
  Nanos valid_from = 0;
  MessageKey source;   // the newest message that says so
  Nanos valid_to = 0;  // 0: it still holds
  Origin origin = Origin::kUser;
  FactStatus status = FactStatus::kActive;
  std::string suspicion = {};  // why it is quarantined
  std::int64_t id = 0;         // in the store; 0: not from there
  int reads = 0;               // how often it was told to the model
  Nanos read_at = 0;           // and when last
};

/// What one exchange yields.
struct Extraction {
  std::vector<Entity> entities;
  std::vector<Fact> facts;
};

/// extract: ask the model, store its raw answer. apply: parse a stored answer, write entities and facts.
enum class JobKind { kExtract, kApply };
[[nodiscard]] const char* to_string(JobKind kind) noexcept;

struct Job {
  std::int64_t id = 0;
  JobKind kind = JobKind::kExtract;
  wire::ConversationId conversation;
  std::uint64_t first_seq = 0;  // the user's message
  std::uint64_t last_seq = 0;   // the reply, or first_seq; of the last exchange
  int exchanges = 1;            // extract: how many the lease holds (MemoryStore::claim_more)
  int attempts = 0;             // this one included
  std::string token;            // of the lease
  std::string result;           // kApply: the raw answer
  // The message before the first, then all of them that exist, from first_seq to last_seq.
  std::vector<Message> context;
  std::vector<KnownEntity> offered;  // to the model, by number from 1 on
};

/// What the language model was asked for.
struct ModelUse {
  std::uint64_t calls = 0;
  std::uint64_t tokens = 0;
};

struct Counts {
  std::uint64_t messages = 0;
  std::uint64_t jobs_ready = 0;  // leased ones of a dead owner too
  std::uint64_t jobs_leased = 0;
  std::uint64_t jobs_dead = 0;
  std::uint64_t facts = 0;        // active
  std::uint64_t quarantined = 0;  // facts that wait for a person
};

/// "8-4-4-4-12" hexadecimal, and back. parse: throws Error when it is none.
[[nodiscard]] std::string to_uuid(const wire::ConversationId& id);
[[nodiscard]] wire::ConversationId parse_uuid(std::string_view text);

}  // namespace prot::memory
