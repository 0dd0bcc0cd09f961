#include "self_check.hpp"

#include <algorithm>
#include <cstdlib>

#include "base/error.hpp"
#include "http/fetch.hpp"
#include "service_url.hpp"
#include "speech_recognizer.hpp"
#include "stage/service_keys.hpp"

namespace prot::stt {
namespace {

constexpr std::int64_t kLimitMs = 3'000;

// Any answer shows that the service is there; only a refused key is the configuration's fault. Nothing is
// sent for recognition: that may cost money.
stage::Finding ask_service(const stage::Config& config) {
  const std::string what = "recognition";
  const std::string url = stage::recognizer_url(config);
  const std::string key_name = stage::recognizer_key_name(config);
  const bool elevenlabs = config.get_string("stt.engine") == "elevenlabs";
  http::Request request;
  try {
    const bool plain = config.get_bool("stt.plain_http");
    request.url = elevenlabs ? models_endpoint(url, plain) : transcription_endpoint(url, plain);
  } catch (const Error& error) {
    return {stage::Verdict::kFail, what, error.what(), "set stt.url"};
  }
  request.method = "GET";
  const char* key = std::getenv(key_name.c_str());
  if (key != nullptr && key[0] != '\0')
    request.headers.emplace_back(elevenlabs ? "xi-api-key" : "authorization",
                                 (elevenlabs ? "" : "Bearer ") + std::string(key));
  request.connect_timeout_ms = request.first_byte_timeout_ms = request.total_timeout_ms = kLimitMs;
  try {
    static_cast<void>(http::fetch(request));
  } catch (const http::RequestError& error) {
    if (error.error_class() == http::ErrorClass::kAuth)
      return {stage::Verdict::kFail, what, error.what(), "check the key in " + key_name};
    if (error.status() == 0)
      return {stage::Verdict::kFail, what, error.what(), "check stt.url and that the service runs"};
  }
  return {stage::Verdict::kOk, what, stage::shown_text(url) + " answers"};
}

}  // namespace

std::string recognizer_model(const stage::Config& config, const std::string& cache) {
  return config.model_path("stt.model", cache, "ggml-base-q8_0.bin");
}

stage::Findings check_stt(const stage::CheckContext& context) {
  const std::string what = "recognition";
  const std::string& engine = context.config.get_string("stt.engine");
  const std::vector<std::string> names = recognizer_names();
  if (std::find(names.begin(), names.end(), engine) == names.end())
    return {{stage::Verdict::kFail, what, "'" + engine + "' is not built in",
             "build with the engines (./run), or set stt.engine to null"}};
  if (engine == "null") return {{stage::Verdict::kOk, what, "none (stt.engine = null)"}};
  if (engine == "openai" || engine == "elevenlabs") return {ask_service(context.config)};
  stage::Finding finding =
      stage::check_file(what, recognizer_model(context.config, context.paths.cache), "lmgg",
                        "./run fetches it; or set stt.model to a whisper model in ggml form");
  finding.finding = engine + ", " + finding.finding;
  return {finding};
}

}  // namespace prot::stt
