#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "engines/server_model.hpp"
#include "engines/split_characters.hpp"
#include "json/json.hpp"

namespace prot::brain {

/// Reads a stream of /v1/chat/completions, or the one object of a server that does not stream. One thread.
class OpenAiReader final : public AnswerReader {
 public:
  OpenAiReader(std::string endpoint, bool prefill);

  State take(const http::SseEvent& event, std::vector<ModelEvent>& out) override;
  State end(bool broken, std::vector<ModelEvent>& out) override;
  [[nodiscard]] const Failure& failure() const override { return failure_; }

 private:
  State on_error(json::View error, std::vector<ModelEvent>& out);
  void on_tool(json::View delta);
  State finish(bool whole, std::vector<ModelEvent>& out);

  std::string endpoint_;
  SplitCharacters split_;
  std::map<std::int64_t, ToolCall> tools_;
  std::int64_t tool_index_ = -1;  // for servers that repeat index 0
  bool prefill_;
  bool stopped_ = false;  // a finish_reason was seen
  StopReason stop_ = StopReason::kEnd;
  Failure failure_;
};

}  // namespace prot::brain
