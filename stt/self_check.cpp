#include "self_check.hpp"

#include <algorithm>
#include <cstdlib>

#include "base/error.hpp"
#include "http/fetch.hpp"
#include "service_url.hpp"
#include "speech_recognizer.hpp"
#include "stage/recognizer_specs.hpp"
#include "wyoming/describe.hpp"

namespace prot::stt {
namespace {

constexpr std::int64_t kLimitMs = 3'000;

/// One recogniser of the configuration, and what the doctor calls it.
struct Asked {
  const stage::RecognizerSpec& spec;
  const stage::CheckContext& context;
  std::string what;
  std::string key;  // of the configuration: what names it

  [[nodiscard]] stage::Finding ok(const std::string& finding) const {
    return {stage::Verdict::kOk, what, finding};
  }
  [[nodiscard]] stage::Finding bad(const std::string& finding, const std::string& mend) const {
    return {stage::Verdict::kFail, what, finding, mend};
  }
};

// Any answer shows that the service is there; only a refused key is the configuration's fault. Nothing is
// sent for recognition: that may cost money.
stage::Finding ask_service(const Asked& asked) {
  const bool elevenlabs = asked.spec.engine == "elevenlabs";
  http::Request request;
  try {
    const bool plain = asked.context.config.get_bool("stt.plain_http");
    request.url =
        elevenlabs ? models_endpoint(asked.spec.url, plain) : transcription_endpoint(asked.spec.url, plain);
  } catch (const Error& error) {
    return asked.bad(error.what(), "set " + asked.key);
  }
  request.method = "GET";
  const char* key = std::getenv(asked.spec.key_name.c_str());
  if (key != nullptr && key[0] != '\0')
    request.headers.emplace_back(elevenlabs ? "xi-api-key" : "authorization",
                                 (elevenlabs ? "" : "Bearer ") + std::string(key));
  request.connect_timeout_ms = request.first_byte_timeout_ms = request.total_timeout_ms = kLimitMs;
  try {
    static_cast<void>(http::fetch(request));
  } catch (const http::RequestError& error) {
    if (error.error_class() == http::ErrorClass::kAuth)
      return asked.bad(error.what(), "check the key in " + asked.spec.key_name);
    if (error.status() == 0)
      return asked.bad(error.what(), "check " + asked.key + " and that the service runs");
  }
  return asked.ok(stage::shown_text(asked.spec.url) + " answers");
}

stage::Finding ask_wyoming(const Asked& asked) {
  try {
    const wyoming::Address address =
        wyoming_address(asked.spec.url, asked.context.config.get_bool("stt.plain_http"));
    const wyoming::Event info = wyoming::describe(address, kLimitMs);
    const json::View engine = info.get("asr").at(0);
    if (!engine)
      return asked.bad(address.shown + " recognises nothing", "set " + asked.key + " to one that does");
    return asked.ok(address.shown + ", " + std::string(engine.get("name").as_string("wyoming")));
  } catch (const UsageError& error) {
    return asked.bad(error.what(), "set " + asked.key);
  } catch (const Error& error) {
    return asked.bad(error.what(), "check " + asked.key + " and that the server runs");
  }
}

stage::Finding check_one(const Asked& asked) {
  const std::string& engine = asked.spec.engine;
  const std::vector<std::string> names = recognizer_names();
  if (std::find(names.begin(), names.end(), engine) == names.end())
    return asked.bad("'" + engine + "' is not built in",
                     "build with the engines (./run), or set stt.engine to null");
  if (engine == "null") return asked.ok("none (stt.engine = null)");
  if (engine == "openai" || engine == "elevenlabs") return ask_service(asked);
  if (engine == "wyoming") return ask_wyoming(asked);
  stage::Finding finding =
      stage::check_file(asked.what, recognizer_model(asked.context.config, asked.context.paths.cache), "lmgg",
                        "./run fetches it; or set stt.model to a whisper model in ggml form");
  finding.finding = engine + ", " + finding.finding;
  return finding;
}

}  // namespace

std::string recognizer_model(const stage::Config& config, const std::string& cache) {
  return config.model_path("stt.model", cache, "ggml-base-q8_0.bin");
}

stage::Findings check_stt(const stage::CheckContext& context) {
  stage::Findings findings;
  for (const stage::RecognizerSpec& spec : stage::recognizer_specs(context.config)) {
    const bool first = findings.empty();
    stage::Finding finding = check_one(
        {spec, context, first ? "recognition" : "recognition, fallback", first ? "stt.url" : "stt.fallback"});
    // Without it prot hears as long as the first one works.
    if (!first && finding.verdict == stage::Verdict::kFail) finding.verdict = stage::Verdict::kWarn;
    findings.push_back(std::move(finding));
  }
  return findings;
}

}  // namespace prot::stt
