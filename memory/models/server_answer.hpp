#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>

#include "extraction/extraction_model.hpp"
#include "http/http.hpp"
#include "json/json.hpp"

namespace prot::memory {

/// Sends the request, which must be answered within its total_timeout_ms, and reads the answer. Throws
/// ServiceError: also for an answer that is no JSON, or that `read` throws Error about. `tokens`: what the
/// server says that it took; 0: it does not.
[[nodiscard]] std::string ask_server(http::Request request, const std::stop_token& stop,
                                     const std::function<std::string(const json::Document&)>& read,
                                     std::uint64_t& tokens);

}  // namespace prot::memory
