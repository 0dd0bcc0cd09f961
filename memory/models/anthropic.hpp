#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "extraction/extraction_model.hpp"

namespace prot::memory {

/// Where Anthropic's Messages are spoken.
struct AnthropicServer {
  std::string url;  // with or without /v1
  std::string model;
  std::string api_key;
  std::int64_t timeout_ms = 90'000;
};
[[nodiscard]] std::unique_ptr<ExtractionModel> make_anthropic_model(AnthropicServer server);

}  // namespace prot::memory
