#include "self_check.hpp"

#include <cstdlib>

#include "base/error.hpp"
#include "http/fetch.hpp"
#include "http/url.hpp"
#include "stage/model_specs.hpp"
#include "tools/tools_check.hpp"

namespace prot::brain {
namespace {

using stage::ModelSpec;

constexpr std::int64_t kLimitMs = 3'000;

std::string key_of(const ModelSpec& model) {
  const char* key = model.key_name.empty() ? nullptr : std::getenv(model.key_name.c_str());
  return key == nullptr ? "" : key;
}

http::Request list_of_models(const ModelSpec& model) {
  http::Request request;
  request.method = "GET";
  request.url = http::service_url(model.url, "/models");
  const std::string key = key_of(model);
  if (model.kind == ModelSpec::Kind::kAnthropic) {
    request.headers.emplace_back("anthropic-version", "2023-06-01");
    if (!key.empty()) request.headers.emplace_back("x-api-key", key);
  } else {
    if (!key.empty()) request.headers.emplace_back("authorization", "Bearer " + key);
  }
  request.connect_timeout_ms = request.first_byte_timeout_ms = request.total_timeout_ms = kLimitMs;
  return request;
}

// Any answer shows that the server is there; only a refused key is the configuration's fault.
stage::Finding ask_server(const ModelSpec& model, const std::string& what, const stage::Config& config) {
  const char* allowed =
      model.kind == ModelSpec::Kind::kAnthropic ? "anthropic.plain_http" : "brain.plain_http";
  try {
    if (!config.get_bool(allowed)) http::refuse_plain_http(model.url, allowed);
    static_cast<void>(http::fetch(list_of_models(model)));
  } catch (const http::RequestError& error) {
    if (error.error_class() == http::ErrorClass::kAuth)
      return {stage::Verdict::kFail, what, error.what(), "check the key in " + model.key_name};
    if (error.status() == 0)
      return {stage::Verdict::kFail, what, error.what(), "check its address, and that the server runs"};
  } catch (const Error& error) {
    return {stage::Verdict::kFail, what, error.what(), "check its address"};
  }
  return {stage::Verdict::kOk, what,
          (model.model.empty() ? "" : model.model + ": ") + stage::shown_text(model.url) + " answers"};
}

// A service that is paid for is not asked: what can be said is what is configured.
stage::Finding look_at_key(const ModelSpec& model, const std::string& what) {
  if (key_of(model).empty())
    return {stage::Verdict::kFail, what, model.model + ": no key in " + model.key_name,
            "put it into the environment, or into .env (chmod 600)"};
  return {stage::Verdict::kOk, what,
          model.model + " at " + stage::shown_text(model.url) + ", key present, not asked"};
}

}  // namespace

stage::Findings check_brain(const stage::CheckContext& context) {
  stage::Findings findings;
  int fallbacks = 0;
  for (const ModelSpec& model : stage::model_specs(context.config)) {
    const bool first = findings.empty() && fallbacks == 0;
    const std::string what = first ? "language model" : "fallback model " + std::to_string(fallbacks);
    ++fallbacks;
    if (model.kind == ModelSpec::Kind::kNull)
      findings.push_back({stage::Verdict::kOk, what, "none (brain.url = null:)"});
    if (model.kind == ModelSpec::Kind::kNull) break;
    if (model.kind == ModelSpec::Kind::kLocal) continue;  // the child llm: the supervisor's to check
    const bool paid = model.kind == ModelSpec::Kind::kAnthropic && model.url.starts_with("https://");
    findings.push_back(paid ? look_at_key(model, what) : ask_server(model, what, context.config));
  }
  check_tools(context.config, findings);
  return findings;
}

}  // namespace prot::brain
