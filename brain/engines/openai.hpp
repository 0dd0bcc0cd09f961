#pragma once

#include <functional>
#include <map>
#include <string>

#include "engines/split_characters.hpp"
#include "http/client.hpp"
#include "http/sse_parser.hpp"
#include "json/json.hpp"
#include "language_model.hpp"

namespace prot::brain {

struct OpenAiOptions {
  std::string url;          // "http://127.0.0.1:8080", with or without /v1
  std::string unix_socket;  // path; empty: TCP
  std::string model;
  std::string api_key;
  Nanos first_byte_timeout = 15 * kSecond;  // from start(), all attempts together
  Nanos idle_timeout = 15 * kSecond;        // between two pieces
  bool local = false;                       // our own llama-server: its extensions may be used
};

/// Any server that speaks /v1/chat/completions with server-sent events: llama-server, vLLM, Ollama, OpenAI.
/// Tolerates what they really send: null content, empty choices, usage on any chunk, errors inside the
/// stream, a missing [DONE], tool calls in pieces or whole. One thread; the transport's worker calls `wake`.
class OpenAiModel final : public LanguageModel {
 public:
  OpenAiModel(OpenAiOptions options, std::function<void()> wake);

  RequestId start(const Request& request, Nanos now) override;
  [[nodiscard]] std::vector<ModelEvent> poll(Nanos now) override;
  void cancel(RequestId id) override;
  [[nodiscard]] Nanos next_deadline() const override;
  [[nodiscard]] const std::string& name() const override { return name_; }
  [[nodiscard]] bool can_prefill() const override { return options_.local; }

  /// The body of a request, exposed for tests of its byte stability.
  [[nodiscard]] std::string body_of(const Request& request) const;

 private:
  struct Call {
    std::string body;
    Nanos give_up_at = 0;
    Nanos next_try = 0;  // 0: under way
    Nanos back_off = 0;
    Nanos request_ns = 0;
    http::RequestId transport = 0;
    http::SseParser parser;
    SplitCharacters split;
    std::map<std::int64_t, ToolCall> tools;
    std::int64_t tool_index = -1;  // for servers that repeat index 0
    bool prefill = false;
    bool got_data = false;
    bool stopped = false;  // a finish_reason or [DONE] was seen
    StopReason stop = StopReason::kEnd;
  };
  using Calls = std::map<RequestId, Call>;

  void send(Call& call, Nanos now);
  void on_transport(const http::Event& event, Nanos now, std::vector<ModelEvent>& out);
  void on_failure(Calls::iterator it, const http::Event& event, Nanos now, std::vector<ModelEvent>& out);
  bool on_sse(Calls::iterator it, const http::SseEvent& event, Nanos at, std::vector<ModelEvent>& out);
  static void on_tool_delta(Call& call, json::View delta);
  void finish(Calls::iterator it, Nanos at, std::vector<ModelEvent>& out);
  void fail(Calls::iterator it, http::ErrorClass error, const std::string& why, Nanos at,
            std::vector<ModelEvent>& out);

  OpenAiOptions options_;
  std::string endpoint_;
  std::string name_;
  http::Client client_;
  Calls calls_;
  RequestId last_id_ = 0;
};

}  // namespace prot::brain
