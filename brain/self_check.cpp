#include "self_check.hpp"

#include <cstdlib>

#include "base/error.hpp"
#include "http/fetch.hpp"

namespace prot::brain {
namespace {

constexpr std::int64_t kLimitMs = 3'000;

// Any answer shows that the server is there; only a refused key is the configuration's fault.
stage::Finding ask_server(const std::string& url, const std::string& key, const std::string& key_name) {
  const std::string what = "language model";
  http::Request request;
  request.method = "GET";
  request.url = url + (url.ends_with('/') ? "models" : "/models");
  if (!key.empty()) request.headers.emplace_back("authorization", "Bearer " + key);
  request.connect_timeout_ms = kLimitMs;
  request.first_byte_timeout_ms = kLimitMs;
  request.total_timeout_ms = kLimitMs;
  try {
    static_cast<void>(http::fetch(request));
  } catch (const http::RequestError& error) {
    if (error.error_class() == http::ErrorClass::kAuth)
      return {stage::Verdict::kFail, what, error.what(), "check the key in " + key_name};
    if (error.status() == 0)
      return {stage::Verdict::kFail, what, error.what(), "check brain.url and that the server runs"};
  }
  return {stage::Verdict::kOk, what, url + " answers"};
}

}  // namespace

stage::Findings check_brain(const stage::CheckContext& context) {
  const std::string what = "language model";
  const std::string& url = context.config.get_string("brain.url");
  if (url.empty()) return {};  // the child llm: the supervisor's to check
  if (url == "null:") return {{stage::Verdict::kOk, what, "none (brain.url = null:)"}};
  const std::string& key_name = context.config.get_string("brain.api_key_env");
  const char* key = std::getenv(key_name.c_str());
  return {ask_server(url, key != nullptr ? key : "", key_name)};
}

}  // namespace prot::brain
