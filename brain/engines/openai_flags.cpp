#include "engines/openai_flags.hpp"

namespace prot::brain {
namespace {

using Schema = OpenAiFlags::Schema;

std::string_view host_of(std::string_view url) {
  if (const std::size_t scheme = url.find("://"); scheme != std::string_view::npos)
    url.remove_prefix(scheme + 3);
  return url.substr(0, url.find('/'));
}

// OpenAI's models that think refuse what the others take.
bool is_reasoning_model(std::string_view model) noexcept {
  for (const std::string_view begin : {"o1", "o3", "o4", "gpt-5"})
    if (model.starts_with(begin)) return true;
  return false;
}

std::string_view server_of(std::string_view url) noexcept {
  const std::string_view host = host_of(url);
  if (host == "api.openai.com" || host.ends_with(".api.openai.com")) return "openai";
  if (host.ends_with(":11434")) return "ollama";
  return "llama";
}

OpenAiFlags preset(std::string_view server, std::string_view model) noexcept {
  OpenAiFlags flags;
  if (server == "ollama") flags.tool_choice = false;  // it ignores the word: "none" would not hold
  if (server == "openai") {
    flags.completion_tokens = true;
    flags.developer_role = is_reasoning_model(model);
    flags.temperature = !is_reasoning_model(model);
  }
  return flags;
}

}  // namespace

OpenAiFlags openai_flags(std::string_view url, std::string_view model,
                         const std::vector<std::pair<std::string, std::string>>& settings) {
  std::string_view server = server_of(url);
  for (const auto& [name, value] : settings)
    if (name == "server") server = value;
  OpenAiFlags flags = preset(server, model);
  for (const auto& [name, value] : settings) {
    const bool yes = value == "yes";
    if (name == "role") flags.developer_role = value == "developer";
    if (name == "limit") flags.completion_tokens = value == "max_completion_tokens";
    if (name == "tools") flags.tools = yes;
    if (name == "tool_choice") flags.tool_choice = yes;
    if (name == "parallel") flags.parallel_calls = yes;
    if (name == "usage") flags.usage = yes;
    if (name == "temperature") flags.temperature = yes;
    if (name == "schema")
      flags.schema = value == "none" ? Schema::kNone : value == "object" ? Schema::kObject : Schema::kSchema;
  }
  return flags;
}

}  // namespace prot::brain
