// OpenAiModel: what a request looks like on the wire.
#include "engines/openai.hpp"

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

void write_messages(json::Writer& out, const Request& request) {
  std::string system;
  for (const std::string& block : request.prompt) system += (system.empty() ? "" : "\n\n") + block;
  out.key("messages").begin_array();
  if (!system.empty()) out.begin_object().member("role", "system").member("content", system).end_object();
  std::size_t last_user = request.messages.size();
  for (std::size_t i = 0; i < request.messages.size(); ++i)
    if (request.messages[i].role == Role::kUser) last_user = i;
  for (std::size_t i = 0; i < request.messages.size(); ++i)
    write_message(out, request.messages[i], i == last_user ? request.context : std::string());
  out.end_array();
}

void write_tools(json::Writer& out, const std::vector<Tool>& tools) {
  if (tools.empty()) return;
  out.key("tools").begin_array();
  for (const Tool& tool : tools) {
    out.begin_object().member("type", "function").key("function").begin_object();
    out.member("name", tool.name).member("description", tool.description);
    out.key("parameters").raw(tool.schema).end_object().end_object();
  }
  out.end_array();
}

}  // namespace

std::string OpenAiModel::body_of(const Request& request) const {
  json::Writer out;
  out.begin_object();
  if (!options_.model.empty()) out.member("model", options_.model);
  write_messages(out, request);
  out.member("stream", true).key("stream_options").begin_object().member("include_usage", true).end_object();
  out.member("max_tokens", request.prefill ? 1 : request.max_tokens);
  out.member("temperature", request.temperature);
  write_tools(out, request.tools);
  if (request.no_calls && !request.tools.empty()) out.member("tool_choice", "none");
  if (!request.json_schema.empty()) {
    out.key("response_format").begin_object().member("type", "json_schema").key("json_schema");
    out.begin_object().member("name", "answer").member("strict", true);
    out.key("schema").raw(request.json_schema).end_object().end_object();
  }
  if (options_.local)
    out.member("cache_prompt", true).member("id_slot", request.lane == Lane::kVoice ? 0 : 1);
  return out.end_object().str();
}

}  // namespace prot::brain
