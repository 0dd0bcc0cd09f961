// AnthropicModel: what a request looks like on the wire.
#include <algorithm>
#include <utility>
#include <vector>

#include "engines/anthropic.hpp"
#include "engines/anthropic_compactions.hpp"
#include "json/json.hpp"
#include "prompt.hpp"
#include "tool_round.hpp"

namespace prot::brain {
namespace {

constexpr const char* kNoMemory = "(no additional context)";
constexpr int kLeastCompaction = 50'000;  // less is refused
constexpr const char* kNothing = "...";   // an empty text is refused

void write_text(json::Writer& out, std::string_view text, bool cached) {
  out.begin_object().member("type", "text").member("text", text);
  if (cached) out.key("cache_control").begin_object().member("type", "ephemeral").end_object();
  out.end_object();
}

void write_system(json::Writer& out, const AnthropicFeatures& features, const Request& request) {
  if (request.prompt.empty() && request.context.empty()) return;
  out.key("system").begin_array();
  for (std::size_t i = 0; i < request.prompt.size(); ++i)
    write_text(out, request.prompt[i], features.cache && i + 1 == request.prompt.size());
  if (!request.context.empty()) {
    const ContextParts parts = split_context(request.context);
    write_text(out, parts.memory.empty() ? kNoMemory : parts.memory, features.cache);
    write_text(out, parts.timeline, false);
  }
  out.end_array();
}

void write_search(json::Writer& out, const AnthropicFeatures& features) {
  out.begin_object().member("type", "web_search_20250305").member("name", "web_search").member("max_uses", 1);
  const std::pair<const char*, const std::string*> place[] = {{"city", &features.city},
                                                              {"region", &features.region},
                                                              {"country", &features.country},
                                                              {"timezone", &features.time_zone}};
  if (std::any_of(std::begin(place), std::end(place), [](const auto& one) { return !one.second->empty(); })) {
    out.key("user_location").begin_object().member("type", "approximate");
    for (const auto& [name, value] : place)
      if (!value->empty()) out.member(name, *value);
    out.end_object();
  }
  out.end_object();
}

void write_tools(json::Writer& out, const AnthropicFeatures& features, const Request& request) {
  if (request.tools.empty()) return;
  out.key("tools").begin_array();
  for (const Tool& tool : request.tools) {
    out.begin_object().member("name", tool.name).member("description", tool.description);
    out.key("input_schema").raw(tool.schema).end_object();
  }
  if (features.web_search) write_search(out, features);
  out.end_array();
  if (!request.no_calls && features.parallel_calls) return;
  out.key("tool_choice").begin_object().member("type", request.no_calls ? "none" : "auto");
  if (!request.no_calls) out.member("disable_parallel_tool_use", true);
  out.end_object();
}

void write_trigger(json::Writer& out, int tokens) {
  out.key("trigger").begin_object().member("type", "input_tokens").member("value", tokens).end_object();
}

void write_keep(json::Writer& out, const char* what, int count) {
  out.key("keep").begin_object().member("type", what).member("value", count).end_object();
}

bool clears_thinking(const AnthropicFeatures& features) noexcept {
  return features.thinking_keep_turns > 0 && !features.thinking.empty();
}

void write_context_management(json::Writer& out, const AnthropicFeatures& features) {
  if (!clears_thinking(features) && features.tool_clear_tokens == 0 && features.compaction_tokens == 0)
    return;
  out.key("context_management").begin_object().key("edits").begin_array();
  if (clears_thinking(features)) {  // must be the first
    out.begin_object().member("type", "clear_thinking_20251015");
    write_keep(out, "thinking_turns", features.thinking_keep_turns);
    out.end_object();
  }
  if (features.tool_clear_tokens > 0) {
    out.begin_object().member("type", "clear_tool_uses_20250919");
    write_trigger(out, features.tool_clear_tokens);
    write_keep(out, "tool_uses", features.tool_clear_keep);
    out.end_object();
  }
  if (features.compaction_tokens > 0) {
    out.begin_object().member("type", "compact_20260112");
    write_trigger(out, std::max(features.compaction_tokens, kLeastCompaction));
    out.member("pause_after_compaction", features.pause_after_compaction).end_object();
  }
  out.end_array().end_object();
}

/// The messages, as the service wants them: same-role neighbours are one, each call has its result in the
/// message behind it, before any text.
class Messages {
 public:
  Messages(json::Writer& out, std::string author, const AnthropicCompactions& compactions)
      : out_(out), author_(std::move(author)), compactions_(compactions) {}

  void write(const std::vector<Message>& messages, const std::string& carried) {
    out_.key("messages").begin_array();
    for (std::size_t i = 0; i < messages.size(); ++i) {
      const Message& message = messages[i];
      if (message.role == Role::kAssistant) {
        assistant(message);
      } else if (message.role == Role::kTool) {
        result(message);
      } else {
        compaction_ = compactions_.find(AnthropicCompactions::mark(messages, i));
        user(message);
      }
    }
    if (!carried.empty()) {
      open("assistant");
      for_each_raw(carried);
    }
    close();
    if (!open_calls_.empty()) {
      begin("user");
      close();
    }
    out_.end_array();
  }

 private:
  void open(const std::string& role) {
    if (role == role_) return;
    close();
    if (role == "assistant" && !open_calls_.empty()) {
      begin("user");
      close();
    }
    begin(role);
  }
  void begin(const std::string& role) {
    out_.begin_object().member("role", role).key("content").begin_array();
    role_ = role;
    empty_ = true;
  }
  void close() {
    if (role_.empty()) return;
    if (role_ == "user") answer_rest();
    if (empty_) write_text(out_, kNothing, false);
    out_.end_array().end_object();
    role_.clear();
  }
  // Whatever comes, a call without a result is refused.
  void answer_rest() {
    for (const std::string& id : std::exchange(open_calls_, {})) write_result(id, kInterruptedResult);
  }
  void user(const Message& message) {
    open("user");
    answer_rest();
    if (message.text.empty()) return;
    write_text(out_, message.text, false);
    empty_ = false;
  }
  void result(const Message& message) {
    const auto known = std::find(open_calls_.begin(), open_calls_.end(), message.tool_call_id);
    if (known == open_calls_.end()) return;  // one that nobody called is refused too
    open_calls_.erase(known);
    open("user");
    write_result(message.tool_call_id, message.text);
  }
  void write_result(const std::string& id, std::string_view text) {
    out_.begin_object().member("type", "tool_result").member("tool_use_id", id);
    out_.member("content", text.empty() ? kNothing : text);
    if (text.starts_with("{\"error\":")) out_.member("is_error", true);
    out_.end_object();
    empty_ = false;
  }
  void assistant(const Message& message) {
    open("assistant");
    const std::string compaction = std::exchange(compaction_, {});
    if (!verbatim(message)) {
      if (!compaction.empty()) out_.raw(compaction);
      if (!message.text.empty()) write_text(out_, message.text, false);
      for (const ToolCall& call : message.tool_calls) {
        out_.begin_object().member("type", "tool_use").member("id", call.id).member("name", call.name);
        out_.key("input").raw(call.arguments).end_object();
      }
      empty_ = empty_ && compaction.empty() && message.text.empty() && message.tool_calls.empty();
    }
    for (const ToolCall& call : message.tool_calls) open_calls_.push_back(call.id);
  }
  bool verbatim(const Message& message);
  // Blocks joined by commas: the writer must see them one by one.
  void for_each_raw(const std::string& blocks) {
    const json::Document document = json::parse("[" + blocks + "]");
    for (std::size_t i = 0; i < document.root().size(); ++i) out_.value(document.root().at(i));
    empty_ = empty_ && document.root().size() == 0;
  }

  json::Writer& out_;
  std::string author_;
  const AnthropicCompactions& compactions_;
  std::string role_;
  bool empty_ = true;
  std::string compaction_;
  std::vector<std::string> open_calls_;
};

// Its content, when it is this model's and holds exactly the calls of the message; else null.
json::View content_of(const json::Document& document, const std::string& author, const Message& message) {
  if (document.get("by").as_string() != author) return {};
  const json::View content = document.get("content");
  std::size_t call = 0;
  for (std::size_t i = 0; i < content.size(); ++i) {
    if (content.at(i).get("type").as_string() != "tool_use") continue;
    if (call == message.tool_calls.size()) return {};
    if (content.at(i).get("id").as_string() != message.tool_calls[call++].id) return {};
  }
  return call == message.tool_calls.size() ? content : json::View();
}

bool Messages::verbatim(const Message& message) {
  if (message.verbatim.empty()) return false;
  const json::Document document = json::parse(message.verbatim);
  const json::View content = content_of(document, author_, message);
  for (std::size_t i = 0; i < content.size(); ++i) out_.value(content.at(i));
  empty_ = empty_ && content.size() == 0;
  return content.size() > 0;
}

// A model that thought before its calls refuses to think on when that is not there any more.
bool may_think(const std::string& author, const std::vector<Message>& messages) {
  for (std::size_t i = AnthropicCompactions::last_question(messages); i < messages.size(); ++i) {
    if (messages[i].role != Role::kAssistant) continue;
    if (messages[i].verbatim.empty()) return false;
    const json::Document document = json::parse(messages[i].verbatim);
    if (!content_of(document, author, messages[i])) return false;
  }
  return true;
}

}  // namespace

std::string anthropic_author(const AnthropicOptions& options) { return options.url + " " + options.model; }

std::string anthropic_betas(const AnthropicFeatures& features) {
  std::string out;
  if (features.compaction_tokens > 0) out = "compact-2026-01-12";
  if (clears_thinking(features) || features.tool_clear_tokens > 0 || features.compaction_tokens > 0)
    out += std::string(out.empty() ? "" : ",") + "context-management-2025-06-27";
  return out;
}

std::string anthropic_body(const AnthropicOptions& options, const AnthropicCompactions& compactions,
                           const Request& request, const std::string& carried) {
  const AnthropicFeatures& features = options.features;
  const std::string author = anthropic_author(options);
  const bool thinks = !features.thinking.empty() && !request.prefill && may_think(author, request.messages);
  json::Writer out;
  out.begin_object().member("model", options.model);
  out.member("max_tokens",
             request.prefill ? 1 : request.max_tokens + (thinks ? features.thinking_tokens : 0));
  out.member("stream", true);
  write_tools(out, features, request);
  write_system(out, features, request);
  if (features.temperature) out.member("temperature", request.temperature);
  if (thinks) {
    out.key("thinking").begin_object().member("type", features.thinking);
    if (features.thinking == "enabled") out.member("budget_tokens", features.thinking_tokens);
    out.end_object();
  }
  if (!request.prefill && (!features.effort.empty() || !request.json_schema.empty())) {
    out.key("output_config").begin_object();
    if (!features.effort.empty()) out.member("effort", features.effort);
    if (!request.json_schema.empty()) {
      out.key("format").begin_object().member("type", "json_schema");
      out.key("schema").raw(request.json_schema).end_object();
    }
    out.end_object();
  }
  if (!request.prefill) write_context_management(out, features);
  Messages(out, author, compactions).write(request.messages, carried);
  return out.end_object().str();
}

}  // namespace prot::brain
