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
  Nanos first_byte_timeout = 15 * kSecond;  // from start() to the first event, all attempts together
  Nanos idle_timeout = 15 * kSecond;        // between two events
  int attempts = 0;                         // at most so many; 0: as many as the time allows
  bool local = false;                       // our own llama-server: its extensions may be used
};

/// Any server that speaks /v1/chat/completions with server-sent events: llama-server, vLLM, Ollama, OpenAI.
/// Tolerates what they really send: null content, empty choices, usage on any chunk, errors inside the
/// stream, a missing [DONE], tool calls in pieces or whole, one JSON object instead of a stream.
///
///   what the server does                           | what comes of it
///   400, 401, 402, 403, 422, 501, no JSON          | kError at once
///   408, 429, 500, 503, 529, refused, reset, EOF,  | before the first word again, after a growing pause or
///   the error event of a passing kind              | one it asks for, while time and attempts last; then
///                                                  | kError
///   it is silent, or sends nothing but comments    | kError after first_byte_timeout, idle_timeout
///
/// One thread; the transport's worker calls `wake`. Invariant: a request ends within first_byte_timeout, or
/// its events are never further apart than idle_timeout.
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
    Nanos silent_until = 0;  // later than that it is dead
    Nanos request_ns = 0;
    http::RequestId transport = 0;
    http::SseParser parser;
    SplitCharacters split;
    std::string object;  // the answer is one JSON object
    std::map<std::int64_t, ToolCall> tools;
    std::int64_t tool_index = -1;  // for servers that repeat index 0
    int attempts = 0;
    bool prefill = false;
    bool is_object = false;
    bool useful = false;   // a word was passed on: no second attempt
    bool stopped = false;  // a finish_reason or [DONE] was seen
    StopReason stop = StopReason::kEnd;
  };
  using Calls = std::map<RequestId, Call>;
  using Out = std::vector<ModelEvent>;
  struct Failure {
    http::ErrorClass error;
    std::string why;
    Nanos retry_after = 0;
  };

  void send(Call& call, Nanos now);
  void on_transport(const http::Event& event, Nanos now, Out& out);
  void on_status(Call& call, const http::Event& event);
  bool on_data(Calls::iterator it, const http::Event& event, Nanos now, Out& out);
  void on_end(Calls::iterator it, Nanos at, Nanos now, Out& out);
  void on_silence(RequestId id, Nanos now, Out& out);
  /// Tries again when that may help, else kError.
  void on_failure(Calls::iterator it, const Failure& failure, Nanos at, Nanos now, Out& out);
  /// False: the request is over, or begins anew.
  bool on_sse(Calls::iterator it, const http::SseEvent& event, Nanos at, Nanos now, Out& out);
  static void on_tool_delta(Call& call, json::View delta);
  void finish(Calls::iterator it, Nanos at, Nanos now, Out& out);
  void fail(Calls::iterator it, http::ErrorClass error, const std::string& why, Nanos at, Out& out);

  OpenAiOptions options_;
  std::string endpoint_;
  std::string name_;
  http::Client client_;
  Calls calls_;
  RequestId last_id_ = 0;
};

}  // namespace prot::brain
