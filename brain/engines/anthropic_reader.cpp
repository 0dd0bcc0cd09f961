#include "engines/anthropic_reader.hpp"

#include <utility>

#include "base/error.hpp"
#include "base/log.hpp"
#include "engines/token_count.hpp"

namespace prot::brain {
namespace {

using http::ErrorClass;

ErrorClass classify(std::string_view type) noexcept {
  const auto says = [&](std::string_view part) { return type.find(part) != std::string_view::npos; };
  if (says("authentication") || says("permission")) return ErrorClass::kAuth;
  if (says("billing")) return ErrorClass::kQuota;
  if (says("overloaded") || says("rate_limit") || says("unavailable")) return ErrorClass::kOverloaded;
  // "api_error"; other servers that speak this have their own words.
  if (says("api_error") || says("timeout") || says("internal") || says("Internal") || says("server_error"))
    return ErrorClass::kRetry;
  return ErrorClass::kFatal;
}

ModelEvent make_event(ModelEvent::Kind kind) {
  ModelEvent event;
  event.kind = kind;
  return event;
}

// What the model wrote as arguments; `whole` false: it is no JSON.
std::string input_or_nothing(const std::string& input, bool& whole) {
  try {
    const json::Document document = json::parse(input);
    if (document.root().is_object()) return document.root().to_json();
  } catch (const Error&) {  // the caller of the tool says so to the model
  }
  whole = false;
  return "{}";
}

std::string joined(const std::vector<std::string>& blocks) {
  std::string out;
  for (const std::string& block : blocks) out += (out.empty() ? "" : ",") + block;
  return out;
}

// What goes back stands deeper in the request than it came in an event: a request that cannot be written is
// no way to go on.
bool can_go_back(const std::string& block) {
  try {
    return static_cast<bool>(json::parse(R"({"content":[)" + block + "]}").root());
  } catch (const Error&) {
    return false;
  }
}

}  // namespace

AnthropicReader::AnthropicReader(Links links, bool prefill, const std::string& carried)
    : links_(std::move(links)), prefill_(prefill) {
  if (!carried.empty()) content_.push_back(carried);
}

AnthropicReader::State AnthropicReader::take(const http::SseEvent& event, std::vector<ModelEvent>& out) {
  if (event.event == "ping") return State::kIdle;
  if (event.data == "[DONE]") return end(false, out);
  json::Document document = json::parse(split_.protect(event.data));
  const json::View root = document.root();
  // Some servers leave the "event:" line out.
  std::string_view type = root.get("type").as_string(event.event);
  if (type == "ping") return State::kIdle;
  if (type == "error" || root.get("error")) return on_error(root.get("error"), out);
  if (type == "message_start") {
    on_usage(root.get("message").get("usage"), out);
    stop_ = root.get("message").get("stop_reason").as_string();
  } else if (type == "content_block_start") {
    begin_block(root.get("content_block"), out);
  } else if (type == "content_block_delta") {
    grow_block(root.get("delta"), out);
  } else if (type == "content_block_stop") {
    end_block();
  } else if (type == "message_delta") {
    if (const json::View reason = root.get("delta").get("stop_reason")) stop_ = reason.as_string();
    on_usage(root.get("usage"), out);
    if (const json::View edits = root.get("context_management").get("applied_edits"); edits.size() > 0)
      log_info("the language model's service left out what is old: {}", edits.to_json());
  } else if (type == "message_stop") {
    return finish(out);
  } else if (type == "message") {
    return take_whole(root, out);
  } else {
    links_.unknown("event " + std::string(type));
  }
  return State::kOpen;
}

AnthropicReader::State AnthropicReader::end(bool broken, std::vector<ModelEvent>& out) {
  (void)broken;
  if (!stop_.empty()) return finish(out);  // everything had come, but for the last word
  failure_ = {ErrorClass::kRetry, links_.endpoint + ": the stream ended before the answer did"};
  return State::kFailed;
}

AnthropicReader::State AnthropicReader::on_error(json::View error, std::vector<ModelEvent>& out) {
  if (!stop_.empty()) return finish(out);
  const std::string type(error.is_string() ? "" : error.get("type").as_string());
  const std::string name = http::error_name(error.to_json());
  log_content("{}: {}", links_.endpoint, error.to_json());
  failure_ = {classify(type),
              links_.endpoint + ": the stream ends with an error" + (name.empty() ? "" : ": " + name)};
  return State::kFailed;
}

// All counts are of the whole request so far.
void AnthropicReader::on_usage(json::View usage, std::vector<ModelEvent>& out) {
  if (!usage) return;
  const bool has_input = static_cast<bool>(usage.get("input_tokens"));
  const std::uint32_t read = token_count(usage.get("cache_read_input_tokens"));
  const std::uint32_t written = token_count(usage.get("cache_creation_input_tokens"));
  if (has_input && (token_count(usage.get("input_tokens")) + read + written > 0)) {
    usage_.prompt_tokens = token_count(usage.get("input_tokens")) + read + written;
    usage_.cached_tokens = read;
    usage_.written_tokens = written;
  }
  usage_.reply_tokens = token_count(usage.get("output_tokens"));
  out.push_back(make_event(ModelEvent::Kind::kUsage));
  out.back().usage = usage_;
}

void AnthropicReader::begin_block(json::View block, std::vector<ModelEvent>& out) {
  end_block();
  block_ = std::make_unique<Block>();
  block_->type = block.get("type").as_string();
  block_->start = json::parse(block.to_json());
  slow_ = block_->type != "text";
  if (block_->type == "text") {
    const std::string text = split_.restore(block.get("text").as_string());
    block_->text = text;
    say(text, out);
  }
  if (block_->type == "thinking") block_->text = block.get("thinking").as_string();
}

void AnthropicReader::grow_block(json::View delta, std::vector<ModelEvent>& out) {
  if (!block_) {  // a server that does not announce its only block
    block_ = std::make_unique<Block>();
    block_->type = "text";
  }
  const std::string_view type = delta.get("type").as_string();
  if (type == "text_delta") {
    const std::string text = split_.restore(delta.get("text").as_string());
    block_->text += text;
    say(text, out);
  } else if (type == "input_json_delta") {
    block_->input += split_.restore(delta.get("partial_json").as_string());
  } else if (type == "thinking_delta") {
    block_->text += split_.restore(delta.get("thinking").as_string());
  } else if (type == "signature_delta") {
    block_->signature += delta.get("signature").as_string();
  } else if (type == "citations_delta") {
    block_->citations.push_back(delta.get("citation").to_json());
  } else if (type == "compaction_delta") {
    block_->has_text = block_->has_text || delta.get("content").is_string();
    block_->text += split_.restore(delta.get("content").as_string());
    block_->encrypted += delta.get("encrypted_content").as_string();
  } else {
    links_.unknown("delta " + std::string(type));
  }
}

void AnthropicReader::say(std::string_view text, std::vector<ModelEvent>& out) {
  if (text.empty() || prefill_) return;
  out.push_back(make_event(ModelEvent::Kind::kText));
  out.back().text = text;
}

void AnthropicReader::end_block() {
  if (!block_) return;
  const std::unique_ptr<Block> block = std::move(block_);
  const std::string& type = block->type;
  const json::View start = block->start.root();
  // It searches now, or reads what was found before it goes on.
  slow_ = type == "server_tool_use" || type.ends_with("_tool_result");
  json::Writer out;
  if (type == "text") {
    if (block->text.empty()) return;  // it would not be taken back
    out.begin_object().member("type", type).member("text", block->text);
    if (!block->citations.empty()) {
      out.key("citations").begin_array();
      for (const std::string& citation : block->citations) out.raw(citation);
      out.end_array();
    }
    out.end_object();
  } else if (type == "thinking") {
    out.begin_object().member("type", type).member("thinking", block->text);
    const std::string_view given = start.get("signature").as_string();
    out.member("signature", block->signature.empty() ? given : block->signature).end_object();
  } else if (type.ends_with("tool_use")) {
    const json::View given = start.get("input");  // whole, of servers that do not send it in pieces
    std::string input = block->input;
    if (input.empty()) input = given.size() > 0 ? given.to_json() : "{}";
    bool whole = true;
    const std::string parsed = input_or_nothing(input, whole);
    if (type == "tool_use") end_call(*block, whole ? parsed : input);
    out.begin_object().member("type", type).member("id", start.get("id").as_string());
    out.member("name", start.get("name").as_string()).key("input").raw(parsed).end_object();
  } else if (type == "compaction") {
    const std::string content = block->has_text ? block->text : std::string(start.get("content").as_string());
    out.begin_object().member("type", type).key("content");
    if (content.empty()) {  // it failed, and changes nothing
      out.null();
    } else {
      out.value(content);
    }
    const std::string_view given = start.get("encrypted_content").as_string();
    const std::string_view encrypted = block->encrypted.empty() ? given : block->encrypted;
    if (!encrypted.empty()) out.member("encrypted_content", encrypted);
    out.end_object();
    if (!content.empty()) links_.compacted(out.str());
  } else {
    out.value(start);
  }
  if (!can_go_back(out.str())) return links_.unknown("block that nests too deeply");
  content_.push_back(out.str());
}

void AnthropicReader::end_call(const Block& block, const std::string& input) {
  const json::View start = block.start.root();
  calls_.push_back(
      {std::string(start.get("id").as_string()), std::string(start.get("name").as_string()), input});
}

// The answer of a server that does not stream.
AnthropicReader::State AnthropicReader::take_whole(json::View message, std::vector<ModelEvent>& out) {
  on_usage(message.get("usage"), out);
  for (std::size_t i = 0; i < message.get("content").size(); ++i)
    begin_block(message.get("content").at(i), out);
  stop_ = message.get("stop_reason").as_string();
  return finish(out);
}

std::string AnthropicReader::carried() const { return joined(content_); }

AnthropicReader::State AnthropicReader::finish(std::vector<ModelEvent>& out) {
  end_block();
  slow_ = false;
  if (stop_ == "pause_turn" || stop_ == "compaction") return State::kAskAgain;
  ModelEvent done = make_event(ModelEvent::Kind::kDone);
  if (stop_ == "max_tokens" || stop_ == "model_context_window_exceeded") {
    done.stop = StopReason::kLength;  // perhaps within a call
  } else if (stop_ == "refusal") {
    done.stop = StopReason::kFiltered;
  } else if (!calls_.empty()) {
    done.stop = StopReason::kTools;
  } else if (!stop_.empty() && stop_ != "end_turn" && stop_ != "stop_sequence" && stop_ != "tool_use") {
    links_.unknown("stop reason " + stop_);
  }
  if (!calls_.empty()) {
    json::Writer verbatim;
    verbatim.begin_object().member("by", links_.author).key("content").raw("[" + joined(content_) + "]");
    done.verbatim = verbatim.end_object().str();
  }
  for (ToolCall& call : calls_) {
    out.push_back(make_event(ModelEvent::Kind::kToolCall));
    out.back().call = std::move(call);
  }
  out.push_back(std::move(done));
  return State::kOver;
}

}  // namespace prot::brain
