#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "conversation.hpp"
#include "language_model.hpp"

namespace prot::brain {

/// Puts a request together. Order: persona, tools, history, then in the last user message the timeline, the
/// memory block and the person's words; behind it the tool rounds of the reply under way. Invariant:
/// everything before the last user message is the same bytes in every request of a conversation until its
/// history is trimmed, so that a local server has it in its cache. One thread.
class Prompt {
 public:
  struct Settings {
    std::string language;  // "en" or "ko": of the built-in persona and of what frames the memory block
    std::string persona;   // empty: the built-in one
    int max_tokens = 160;
    double temperature = 0.3;
    bool compact = false;  // for a slow model: the timeline in one line
    std::vector<Tool> tools = {};
  };
  explicit Prompt(Settings settings);

  /// The request for the words that are already the last of `conversation`.
  [[nodiscard]] Request reply(const Conversation& conversation, std::string_view context, Lane lane) const;
  /// What can be computed before the person has finished: history, and when they are known context and the
  /// words so far.
  [[nodiscard]] Request prefill(const Conversation& conversation, std::string_view context,
                                std::string_view words, Lane lane) const;

  /// The dynamic part: the timeline of the session at `wall_ns`, and the memory block when there is one.
  [[nodiscard]] std::string context(Nanos wall_ns, std::string_view memory, const Timeline& timeline = {},
                                    Lane lane = Lane::kVoice) const;
  /// For the requests from now on.
  void set_tools(std::vector<Tool> tools) { settings_.tools = std::move(tools); }
  [[nodiscard]] const std::string& persona() const noexcept { return settings_.persona; }

 private:
  [[nodiscard]] std::string compact_timeline(Nanos wall_ns, const Timeline& timeline) const;

  Settings settings_;
};

/// The two halves of Prompt::context(): what changes with every turn, and what memory knows.
struct ContextParts {
  std::string_view timeline;
  std::string_view memory;  // may be empty
};
[[nodiscard]] ContextParts split_context(std::string_view context) noexcept;

/// A UTF-8 file, sent verbatim; empty path: empty. Throws Error, with exit code 78 for what it holds.
[[nodiscard]] std::string read_persona(const std::string& path);
/// brain.history_tokens, or what suits the model: a small and slow one reads each token of it.
[[nodiscard]] std::size_t history_tokens(std::size_t configured, bool local_model) noexcept;

/// All that the server computes, as one text: a request is warm when an earlier one's begins with it.
[[nodiscard]] std::string cache_key(const Request& request);

/// Short sentences for what goes wrong, in the language of the settings.
enum class Notice {
  kNotUnderstood,
  kModelAway,
  kModelRefuses,
  kModelBusy,
  kNoAnswer,
  kNotSaid,
  kOneMoment,
  kStillThinking,  // the same once more
};
[[nodiscard]] std::string_view notice_text(Notice notice, std::string_view language) noexcept;
[[nodiscard]] Notice notice_for(http::ErrorClass error) noexcept;

}  // namespace prot::brain
