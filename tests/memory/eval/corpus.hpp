#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "base/clock.hpp"

/// Conversations with questions about them, as a file of one JSON object a line: doc/recall.md.
namespace prot::eval {

/// A message of which nobody knows when it was said.
inline constexpr Nanos kNoTime = INT64_MIN;

struct Message {
  std::string id;
  std::int64_t session = 0;
  std::string speaker;
  std::string text;
  Nanos at = 0;  // wall time
};

/// What a model would have extracted.
struct Facts {
  struct Item {
    std::string subject;
    std::string text;
    std::vector<std::string> sources;  // ids of messages
  };
  std::vector<Item> items;
};

struct Question {
  std::string text;
  std::vector<std::string> evidence;  // ids of messages
  std::vector<std::string> absent;    // ids that must not be found
  std::string category;
};

/// The person wants a message forgotten.
struct Forget {
  std::string id;
};

struct Line {
  std::string conversation;
  std::variant<Message, Facts, Question, Forget> what;
};

/// Messages without a time have one then. A message is there once in its conversation, and what is forgotten
/// was there before. Throws Error: "FILE:LINE: what is wrong".
[[nodiscard]] std::vector<Line> read_corpus(const std::string& path);

/// "2024-03-05T18:20", with seconds, their parts, "Z" or "+09:00" if they are there; without a zone it is
/// UTC. Throws Error, also of a year that nanoseconds do not reach.
[[nodiscard]] Nanos parse_time(std::string_view text);

}  // namespace prot::eval
