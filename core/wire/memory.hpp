#pragma once

#include "wire/frame.hpp"

/// turns (brain -> memory) and recall (memory -> brain).
namespace prot::wire {

struct ConversationId {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  friend bool operator==(const ConversationId&, const ConversationId&) = default;
};

enum class Channel : std::uint32_t { kVoice = 1, kText };

/// A message is accepted at the tail store of its frame. `sequence` rises within the conversation and is
/// unique there for ever (wall-clock microseconds, never repeated), so that a replay changes nothing. Tail:
/// text.
struct UserMessage {
  static constexpr Kind kKind = Kind::kUserMessage;
  static constexpr std::uint8_t kVersion = 1;
  ConversationId conversation;
  std::uint64_t sequence;
  Nanos wall_ns;
  Channel channel;
  std::uint32_t reserved = 0;
};

/// One spoken segment of the reply, as it is given to the voice. Appended to the assistant's message
/// `sequence`.
struct ReplySegment {
  static constexpr Kind kKind = Kind::kReplySegment;
  static constexpr std::uint8_t kVersion = 1;
  ConversationId conversation;
  std::uint64_t sequence;
  Nanos wall_ns;
  std::uint32_t segment;
  Channel channel;
};

/// The reply is over. Tail: the text that was really heard; it replaces the segments.
struct ReplyEnd {
  static constexpr Kind kKind = Kind::kReplyEnd;
  static constexpr std::uint8_t kVersion = 1;
  ConversationId conversation;
  std::uint64_t sequence;
  Nanos wall_ns;
  std::uint32_t interrupted;
  Channel channel;
};

/// Tail: the query text. The answer is a RecallBlock with the same request number. Its best line may take
/// `line_tokens` even when that is more than `max_tokens`. A second one follows when the database knows more
/// than the index in memory.
struct RecallRequest {
  static constexpr Kind kKind = Kind::kRecallRequest;
  static constexpr std::uint8_t kVersion = 1;
  ConversationId conversation;
  std::uint64_t request;
  std::uint32_t max_tokens;
  std::uint32_t line_tokens = 0;
};

/// A restarted brain asks for the messages of its conversation.
struct HistoryRequest {
  static constexpr Kind kKind = Kind::kHistoryRequest;
  static constexpr std::uint8_t kVersion = 1;
  ConversationId conversation;
  std::uint64_t request;
  std::uint32_t max_messages;
  std::uint32_t reserved = 0;
};

/// A person wants the messages `first` to `last` of a conversation forgotten, those that are still on their
/// way too. Kept like a message.
struct ForgetRequest {
  static constexpr Kind kKind = Kind::kForgetRequest;
  static constexpr std::uint8_t kVersion = 1;
  ConversationId conversation;
  std::uint64_t first;
  std::uint64_t last;
  Nanos wall_ns;
};

/// In place of a message that is off the record: nothing of it, but that it has passed.
struct Unrecorded {
  static constexpr Kind kKind = Kind::kUnrecorded;
  static constexpr std::uint8_t kVersion = 1;
  std::uint32_t reserved = 0;
};

/// What a person wants to see or decide, by word of mouth. Tail: a request as on memory.sock (doc/memory.md),
/// of those that are asked back before they are carried out. The answer is a DeskAnswer with its number.
struct DeskRequest {
  static constexpr Kind kKind = Kind::kDeskRequest;
  static constexpr std::uint8_t kVersion = 1;
  std::uint64_t request;
};

/// Tail: the memory block, UTF-8, ready for the prompt; empty when nothing is known.
struct RecallBlock {
  static constexpr Kind kKind = Kind::kRecallBlock;
  static constexpr std::uint8_t kVersion = 1;
  std::uint64_t request;
  std::uint64_t generation;
  Nanos built_ns;
  std::uint32_t tokens;
  std::uint32_t facts;
};

/// Tail: JSON [{"sequence","role","text","interrupted","open"}], oldest first.
struct History {
  static constexpr Kind kKind = Kind::kHistory;
  static constexpr std::uint8_t kVersion = 1;
  ConversationId conversation;
  std::uint64_t request;
};

/// Memory has forgotten messages: brain drops what it has of that conversation and asks for what is left.
/// Tail: their sequences, eight bytes each. Conversation 0: everything is forgotten, and there is no tail.
struct Forgotten {
  static constexpr Kind kKind = Kind::kForgotten;
  static constexpr std::uint8_t kVersion = 1;
  ConversationId conversation;
};

/// Tail: one JSON object, as on memory.sock.
struct DeskAnswer {
  static constexpr Kind kKind = Kind::kDeskAnswer;
  static constexpr std::uint8_t kVersion = 1;
  std::uint64_t request;
};

}  // namespace prot::wire
