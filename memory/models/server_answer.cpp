#include "models/server_answer.hpp"

#include <algorithm>

#include "http/fetch.hpp"

namespace prot::memory {
namespace {

constexpr std::size_t kMaxBody = 1U << 20U;

// OpenAI's names, Anthropic's, and of those what it read from its cache or wrote there.
std::uint64_t tokens_in(const json::Document& answer) {
  const json::View usage = answer.get("usage");
  if (!usage) return 0;
  std::int64_t tokens = usage.get("total_tokens").as_int();
  if (tokens <= 0)
    for (const char* part :
         {"input_tokens", "output_tokens", "cache_creation_input_tokens", "cache_read_input_tokens"})
      tokens += usage.get(part).as_int();
  return static_cast<std::uint64_t>(std::max<std::int64_t>(0, tokens));
}

}  // namespace

std::string ask_server(http::Request request, const std::stop_token& stop,
                       const std::function<std::string(const json::Document&)>& read, std::uint64_t& tokens) {
  tokens = 0;
  request.headers.emplace_back("content-type", "application/json");
  request.first_byte_timeout_ms = request.idle_timeout_ms = request.total_timeout_ms;
  try {
    const json::Document answer = json::parse(http::fetch(request, stop, kMaxBody).body);
    tokens = tokens_in(answer);
    return read(answer);
  } catch (const ServiceError&) {
    throw;
  } catch (const http::RequestError& e) {
    if (stop.stop_requested()) throw ServiceError(ServiceError::Kind::kCancelled, e.what());
    const bool fatal = e.error_class() == http::ErrorClass::kFatal;
    throw ServiceError(fatal ? ServiceError::Kind::kFailed : ServiceError::Kind::kUnavailable, e.what(),
                       e.retry_after());
  } catch (const Error& e) {
    throw ServiceError(ServiceError::Kind::kFailed, std::string("the model's reply: ") + e.what());
  }
}

}  // namespace prot::memory
