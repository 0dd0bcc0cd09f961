#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "language_model.hpp"

namespace prot::json {
class View;
class Writer;
}  // namespace prot::json

namespace prot::brain {

/// A call of the model and what came of it. One object, so that neither can be without the other.
struct ToolExchange {
  ToolCall call;
  std::optional<std::string> result;  // none: it was interrupted, or is under way
};

/// What the model said before it called, and its calls, in its order. Never without a call.
struct ToolRound {
  std::string text;
  std::vector<ToolExchange> exchanges;
  std::string verbatim = {};  // of both, in its server's own form; only while the reply is under way
};

/// What the model reads in place of the result of a call that was interrupted.
inline constexpr std::string_view kInterruptedResult =
    R"({"error":"interrupted: no result came, and whether the call took effect is not known"})";

/// The round as messages: the assistant's with all calls, directly behind it exactly one result for each.
void append_messages(const ToolRound& round, std::vector<Message>& messages);
[[nodiscard]] std::size_t estimate_tokens(const ToolRound& round) noexcept;
/// {"error":WHY}
[[nodiscard]] std::string tool_error(std::string_view why);

/// For a journal.
void write_round(json::Writer& out, const ToolRound& round);
[[nodiscard]] ToolRound read_round(json::View object);

}  // namespace prot::brain
