#pragma once

#include <string>
#include <vector>

#include "memory/recall/memory_records.hpp"

/// Conversations for the tests, in few words.
namespace prot::memory::test {

inline constexpr Nanos kDay = 86'400 * kSecond;
inline constexpr Nanos kNoon = 20'000 * kDay + kDay / 2;  // a day in 2024

inline MessageKey key(std::uint64_t conversation, std::uint64_t sequence) {
  return {{0x1234567890ABCDEFU, conversation}, sequence};
}

inline TurnRecord record(TurnRecord::Kind kind, MessageKey message, std::string text) {
  TurnRecord out;
  out.kind = kind;
  out.key = message;
  out.wall_ns = kNoon + static_cast<Nanos>(message.sequence) * kSecond;
  out.text = std::move(text);
  return out;
}
inline TurnRecord user(MessageKey message, std::string text) {
  return record(TurnRecord::Kind::kUser, message, std::move(text));
}
inline TurnRecord segment(MessageKey message, std::uint32_t number, std::string text) {
  TurnRecord out = record(TurnRecord::Kind::kSegment, message, std::move(text));
  out.segment = number;
  return out;
}
inline TurnRecord end(MessageKey message, std::string text, bool interrupted = false) {
  TurnRecord out = record(TurnRecord::Kind::kEnd, message, std::move(text));
  out.interrupted = interrupted;
  return out;
}

/// A whole exchange: the user's message at `sequence`, the reply in two segments after it.
inline std::vector<TurnRecord> exchange(std::uint64_t conversation, std::uint64_t sequence, std::string said,
                                        std::string reply) {
  return {user(key(conversation, sequence), std::move(said)),
          segment(key(conversation, sequence + 1), 0, "Well. "),
          segment(key(conversation, sequence + 1), 1, reply), end(key(conversation, sequence + 1), reply)};
}

inline Message message(std::uint64_t conversation, std::uint64_t sequence, Role role, std::string text,
                       Nanos at = kNoon) {
  Message out;
  out.key = key(conversation, sequence);
  out.role = role;
  out.at_ns = at;
  out.text = std::move(text);
  return out;
}

inline Fact fact(std::string predicate, std::string object, MessageKey source, Nanos from) {
  Fact out{"user", std::move(predicate), object, "The user's thing is " + object + ".", from, source};
  return out;
}

}  // namespace prot::memory::test
