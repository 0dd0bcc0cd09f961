#pragma once

#include <set>
#include <string>
#include <vector>

#include "brain/language_model.hpp"
#include "json/json.hpp"

namespace prot::test {

/// Empty: any server takes these messages; else what is wrong with them.
inline std::string complaint(const std::vector<brain::Message>& messages) {
  using brain::Role;
  std::set<std::string> ids;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const brain::Message& message = messages[i];
    if (message.role == Role::kTool) return "a result without a call directly before it";
    if (i == 0 && message.role != Role::kUser) return "it does not begin with the person";
    if (message.role == Role::kUser) continue;
    if (message.text.empty() && message.tool_calls.empty()) return "an empty answer";
    for (const brain::ToolCall& call : message.tool_calls) {
      if (!ids.insert(call.id).second) return "the id " + call.id + " twice";
      if (call.id.size() < 9 || call.name.empty() || call.name.size() > 64) return "an odd id or name";
      if (!json::parse(call.arguments).root().is_object()) return "arguments that are no object";
    }
    for (const brain::ToolCall& call : message.tool_calls) {
      if (++i >= messages.size() || messages[i].role != Role::kTool) return "a call without a result";
      if (messages[i].tool_call_id != call.id) return "the result of another call";
      if (messages[i].text.empty() || !messages[i].tool_calls.empty()) return "an odd result";
    }
  }
  return {};
}

}  // namespace prot::test
