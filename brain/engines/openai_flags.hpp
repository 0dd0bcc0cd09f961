#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace prot::brain {

/// What a server, or one model of it, really supports.
struct OpenAiFlags {
  enum class Schema { kNone, kObject, kSchema };  // response_format: not at all, json_object, json_schema
  bool developer_role = false;                    // the system prompt has the role "developer"
  bool completion_tokens = false;                 // "max_completion_tokens" in place of "max_tokens"
  bool tools = true;                              // else tool rounds become text
  bool tool_choice = true;                        // it knows "none"; else the tools are left out
  bool parallel_calls = true;                     // it may call several tools at once
  bool usage = true;                              // it takes stream_options
  bool temperature = true;                        // it may be set
  Schema schema = Schema::kSchema;
};

/// The preset of a server ("server=ollama", else by its address and the model's name), and over it the single
/// words of `settings`, already checked by stage::model_specs().
[[nodiscard]] OpenAiFlags openai_flags(std::string_view url, std::string_view model,
                                       const std::vector<std::pair<std::string, std::string>>& settings);

}  // namespace prot::brain
