#pragma once

#include <functional>
#include <string>

#include "engines/openai_flags.hpp"
#include "engines/server_model.hpp"

namespace prot::brain {

struct OpenAiOptions {
  std::string url;          // "http://127.0.0.1:8080", with or without /v1
  std::string unix_socket;  // path; empty: TCP
  std::string model;
  std::string api_key;
  std::string key_name;                 // for messages
  Nanos connect_timeout = 5 * kSecond;  // see ServerOptions
  Nanos first_byte_timeout = 15 * kSecond;
  Nanos retry_for = kNever;
  Nanos idle_timeout = 15 * kSecond;
  int attempts = 0;
  Nanos answer_time = 300 * kSecond;
  std::size_t answer_bytes = 64U << 10U;
  bool local = false;  // our own llama-server: its extensions may be used
  OpenAiFlags flags = {};
};

/// Any server that speaks /v1/chat/completions with server-sent events: llama-server, vLLM, Ollama, OpenAI.
/// Tolerates what they really send: null content, empty choices, usage on any chunk, errors inside the
/// stream, a missing [DONE], tool calls in pieces or whole, one JSON object instead of a stream. What a model
/// thinks (`reasoning_content`, `reasoning`) is not part of its answer.
class OpenAiModel final : public ServerModel {
 public:
  OpenAiModel(const OpenAiOptions& options, std::function<void()> wake);
};

/// The body of a request.
[[nodiscard]] std::string openai_body(const OpenAiOptions& options, const Request& request);

}  // namespace prot::brain
