#pragma once

#include <functional>
#include <string>

#include "engines/server_model.hpp"
#include "stage/service_table.hpp"

namespace prot::brain {

class AnthropicCompactions;

/// What is asked of the service besides the conversation. What is empty, 0 or false is not mentioned to it.
struct AnthropicFeatures {
  bool cache = true;           // the stable blocks are marked for its cache
  std::string effort;          // low, medium, high, xhigh, max
  std::string thinking;        // adaptive; enabled: with a budget of thinking_tokens
  int thinking_tokens = 2048;  // on top of what the answer may have
  bool temperature = false;    // newer models refuse it
  bool parallel_calls = true;
  // Context management: the service itself leaves out what is old.
  int thinking_keep_turns = 0;
  int tool_clear_tokens = 0;  // above so many tokens of input results of tools are cleared ...
  int tool_clear_keep = 3;    // ... but for so many
  int compaction_tokens = 0;  // above so many the beginning is replaced by a summary
  bool pause_after_compaction = true;
  // Its own search, where the model may use tools.
  bool web_search = false;
  std::string city, region, country, time_zone;  // where the person is; all empty: not told
};

struct AnthropicOptions {
  std::string url{stage::service_row("brain", "anthropic").own_url};  // with or without /v1
  std::string model;
  std::string api_key;
  std::string key_name;                 // for messages
  Nanos connect_timeout = 5 * kSecond;  // see ServerOptions
  Nanos first_byte_timeout = 15 * kSecond;
  Nanos retry_for = kNever;
  Nanos idle_timeout = 15 * kSecond;
  Nanos slow_timeout = 30 * kSecond;  // while it thinks, searches or writes a call
  int attempts = 0;
  Nanos answer_time = 300 * kSecond;
  std::size_t answer_bytes = 64U << 10U;
  AnthropicFeatures features = {};
};

/// Anthropic's Messages, also of servers that speak the same. The system prompt goes as blocks: persona,
/// memory, and what changes with every turn; the first two are marked for the cache, and whatever stands
/// before them (the tools) is byte-stable. What the model thought, searched and called goes back unchanged as
/// long as the reply goes on (ModelEvent::verbatim).
class AnthropicModel final : public ServerModel {
 public:
  AnthropicModel(const AnthropicOptions& options, std::function<void()> wake);
};

/// The body of a request. `carried`: blocks of an answer that was paused, joined by commas.
[[nodiscard]] std::string anthropic_body(const AnthropicOptions& options,
                                         const AnthropicCompactions& compactions, const Request& request,
                                         const std::string& carried);
/// Value of the header anthropic-beta; may be empty.
[[nodiscard]] std::string anthropic_betas(const AnthropicFeatures& features);
/// Whose thinking it is: no other model takes it back.
[[nodiscard]] std::string anthropic_author(const AnthropicOptions& options);

}  // namespace prot::brain
