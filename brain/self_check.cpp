#include "self_check.hpp"

#include <cstdlib>

#include "base/error.hpp"
#include "http/fetch.hpp"

namespace prot::brain {
namespace {

constexpr std::int64_t kLimitMs = 3'000;

// Any answer shows that the server is there; only a refused key is the configuration's fault.
stage::Finding ask_server(const stage::Config& config, const std::string& prefix, const std::string& what) {
  const std::string& url = config.get_string(prefix + "url");
  const std::string& key_name = config.get_string(prefix + "api_key_env");
  const char* key = key_name.empty() ? nullptr : std::getenv(key_name.c_str());
  http::Request request;
  request.method = "GET";
  request.url = url + (url.ends_with('/') ? "models" : "/models");
  if (key != nullptr && key[0] != '\0')
    request.headers.emplace_back("authorization", std::string("Bearer ") + key);
  request.connect_timeout_ms = kLimitMs;
  request.first_byte_timeout_ms = kLimitMs;
  request.total_timeout_ms = kLimitMs;
  try {
    static_cast<void>(http::fetch(request));
  } catch (const http::RequestError& error) {
    if (error.error_class() == http::ErrorClass::kAuth)
      return {stage::Verdict::kFail, what, error.what(), "check the key in " + key_name};
    if (error.status() == 0)
      return {stage::Verdict::kFail, what, error.what(), "check " + prefix + "url and that the server runs"};
  }
  return {stage::Verdict::kOk, what, url + " answers"};
}

}  // namespace

stage::Findings check_brain(const stage::CheckContext& context) {
  const std::string what = "language model";
  const std::string& url = context.config.get_string("brain.url");
  if (url == "null:") return {{stage::Verdict::kOk, what, "none (brain.url = null:)"}};
  stage::Findings findings;
  // Without a URL it is the child llm: the supervisor's to check.
  if (!url.empty()) findings.push_back(ask_server(context.config, "brain.", what));
  if (!context.config.get_string("brain.fallback_url").empty())
    findings.push_back(ask_server(context.config, "brain.fallback_", "fallback model"));
  return findings;
}

}  // namespace prot::brain
