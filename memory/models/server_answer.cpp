#include "models/server_answer.hpp"

#include "http/fetch.hpp"

namespace prot::memory {
namespace {

constexpr std::int64_t kTotalTimeoutMs = 90'000;
constexpr std::size_t kMaxBody = 1U << 20U;

}  // namespace

std::string ask_server(http::Request request, const std::stop_token& stop,
                       const std::function<std::string(const json::Document&)>& read) {
  request.headers.emplace_back("content-type", "application/json");
  request.first_byte_timeout_ms = request.idle_timeout_ms = request.total_timeout_ms = kTotalTimeoutMs;
  try {
    return read(json::parse(http::fetch(request, stop, kMaxBody).body));
  } catch (const ModelError&) {
    throw;
  } catch (const http::RequestError& e) {
    if (stop.stop_requested()) throw ModelError(ModelError::Kind::kCancelled, e.what());
    const bool fatal = e.error_class() == http::ErrorClass::kFatal;
    throw ModelError(fatal ? ModelError::Kind::kFailed : ModelError::Kind::kUnavailable, e.what());
  } catch (const Error& e) {
    throw ModelError(ModelError::Kind::kFailed, std::string("the model's reply: ") + e.what());
  }
}

}  // namespace prot::memory
