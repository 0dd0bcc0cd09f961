// What a request looks like on the wire.
#include "engines/openai.hpp"
#include "json/json.hpp"

namespace prot::brain {
namespace {

const char* role_name(Role role) noexcept {
  switch (role) {
    case Role::kSystem:
      return "system";
    case Role::kUser:
      return "user";
    case Role::kAssistant:
      return "assistant";
    case Role::kTool:
      return "tool";
  }
  return "user";
}

void write_message(json::Writer& out, const Message& message, const std::string& context) {
  out.begin_object().member("role", role_name(message.role));
  if (message.text.empty() && !message.tool_calls.empty()) {
    out.key("content").null();
  } else {
    out.member("content", context.empty() ? message.text : context + "\n\n" + message.text);
  }
  if (!message.tool_call_id.empty()) out.member("tool_call_id", message.tool_call_id);
  if (!message.tool_calls.empty()) {
    out.key("tool_calls").begin_array();
    for (const ToolCall& call : message.tool_calls) {
      out.begin_object().member("id", call.id).member("type", "function").key("function").begin_object();
      out.member("name", call.name).member("arguments", call.arguments).end_object().end_object();
    }
    out.end_array();
  }
  out.end_object();
}

// For a server that knows no tools: what they said becomes a part of what the assistant said.
std::vector<Message> without_tools(const std::vector<Message>& messages) {
  std::vector<Message> out;
  const auto say = [&out](std::string text) {
    if (text.empty()) return;
    if (out.empty() || out.back().role != Role::kAssistant) {
      out.push_back({Role::kAssistant, std::move(text), {}, {}});
    } else {
      out.back().text += "\n" + text;
    }
  };
  for (const Message& message : messages) {
    if (message.role == Role::kTool) {
      say("[" + message.text + "]");
    } else if (message.role == Role::kAssistant) {
      say(message.text);
    } else {
      out.push_back(message);
    }
  }
  return out;
}

void write_messages(json::Writer& out, const OpenAiOptions& options, const Request& request) {
  std::string system;
  for (const std::string& block : request.prompt) system += (system.empty() ? "" : "\n\n") + block;
  const char* const role = options.flags.developer_role ? "developer" : "system";
  out.key("messages").begin_array();
  if (!system.empty()) out.begin_object().member("role", role).member("content", system).end_object();
  const std::vector<Message> plain =
      options.flags.tools ? std::vector<Message>() : without_tools(request.messages);
  const std::vector<Message>& messages = options.flags.tools ? request.messages : plain;
  std::size_t last_user = messages.size();
  for (std::size_t i = 0; i < messages.size(); ++i)
    if (messages[i].role == Role::kUser) last_user = i;
  for (std::size_t i = 0; i < messages.size(); ++i)
    write_message(out, messages[i], i == last_user ? request.context : std::string());
  out.end_array();
}

void write_tools(json::Writer& out, const OpenAiFlags& flags, const Request& request) {
  if (request.tools.empty() || !flags.tools || (request.no_calls && !flags.tool_choice)) return;
  out.key("tools").begin_array();
  for (const Tool& tool : request.tools) {
    out.begin_object().member("type", "function").key("function").begin_object();
    out.member("name", tool.name).member("description", tool.description);
    out.key("parameters").raw(tool.schema).end_object().end_object();
  }
  out.end_array();
  if (request.no_calls) out.member("tool_choice", "none");
  if (!request.no_calls && !flags.parallel_calls) out.member("parallel_tool_calls", false);
}

void write_schema(json::Writer& out, OpenAiFlags::Schema form, const std::string& schema) {
  if (schema.empty() || form == OpenAiFlags::Schema::kNone) return;
  out.key("response_format").begin_object();
  if (form == OpenAiFlags::Schema::kObject) {
    out.member("type", "json_object").end_object();
    return;
  }
  out.member("type", "json_schema").key("json_schema");
  out.begin_object().member("name", "answer").member("strict", true);
  out.key("schema").raw(schema).end_object().end_object();
}

}  // namespace

std::string openai_body(const OpenAiOptions& options, const Request& request) {
  const OpenAiFlags& flags = options.flags;
  json::Writer out;
  out.begin_object();
  if (!options.model.empty()) out.member("model", options.model);
  write_messages(out, options, request);
  out.member("stream", true);
  if (flags.usage) out.key("stream_options").begin_object().member("include_usage", true).end_object();
  out.member(flags.completion_tokens ? "max_completion_tokens" : "max_tokens",
             request.prefill ? 1 : request.max_tokens);
  if (flags.temperature) out.member("temperature", request.temperature);
  write_tools(out, flags, request);
  write_schema(out, flags.schema, request.json_schema);
  if (options.local) out.member("cache_prompt", true).member("id_slot", request.lane == Lane::kVoice ? 0 : 1);
  return out.end_object().str();
}

}  // namespace prot::brain
