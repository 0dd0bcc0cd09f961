#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engines/server_model.hpp"
#include "engines/split_characters.hpp"
#include "json/json.hpp"

namespace prot::brain {

/// Reads a stream of Anthropic's Messages. Blocks come one after the other; what they hold is kept, because
/// the service wants it back unchanged (ModelEvent::verbatim, carried()). One thread.
class AnthropicReader final : public AnswerReader {
 public:
  struct Links {
    std::string endpoint;
    std::string author;                                       // of `verbatim`
    std::function<void(const std::string& block)> compacted;  // a summary took the place of the beginning
    std::function<void(const std::string& what)> unknown;     // an event or field that nobody knows
  };
  /// `carried`: blocks of the same answer from before a pause.
  AnthropicReader(Links links, bool prefill, const std::string& carried);

  State take(const http::SseEvent& event, std::vector<ModelEvent>& out) override;
  State end(bool broken, std::vector<ModelEvent>& out) override;
  [[nodiscard]] const Failure& failure() const override { return failure_; }
  [[nodiscard]] bool is_slow() const override { return slow_; }
  [[nodiscard]] std::string carried() const override;

 private:
  struct Block {
    std::string type;
    json::Document start;  // content_block as it came
    std::string text;      // of whatever grows: text, thinking, summary
    std::string signature;
    std::string input;  // JSON in the making
    std::vector<std::string> citations;
    bool has_text = false;  // a summary may be null
    std::string encrypted;
  };

  State on_error(json::View error, std::vector<ModelEvent>& out);
  void on_usage(json::View usage, std::vector<ModelEvent>& out);
  void begin_block(json::View block, std::vector<ModelEvent>& out);
  void grow_block(json::View delta, std::vector<ModelEvent>& out);
  void end_block();
  void end_call(const Block& block, const std::string& input);
  void say(std::string_view text, std::vector<ModelEvent>& out);
  State take_whole(json::View message, std::vector<ModelEvent>& out);
  State finish(std::vector<ModelEvent>& out);

  Links links_;
  bool prefill_;
  SplitCharacters split_;
  std::unique_ptr<Block> block_;      // the open one
  std::vector<std::string> content_;  // finished blocks
  std::vector<ToolCall> calls_;
  Usage usage_;
  std::string stop_;
  bool slow_ = false;
  Failure failure_;
};

}  // namespace prot::brain
