#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "extraction/extraction_model.hpp"

namespace prot::memory {

/// Where an OpenAI-compatible server is.
struct OpenAiServer {
  std::string url;          // with or without /v1
  std::string unix_socket;  // of the local llama-server; empty: by network
  std::string model;        // may be empty for llama-server
  std::string api_key;
  bool llama_cpp = false;  // it takes id_slot and cache_prompt
  std::int64_t timeout_ms = 90'000;
};
[[nodiscard]] std::unique_ptr<ExtractionModel> make_openai_model(OpenAiServer server);

}  // namespace prot::memory
