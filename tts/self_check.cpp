#include "self_check.hpp"

#include <algorithm>
#include <cstdlib>

#include "base/error.hpp"
#include "base/subprocess.hpp"
#include "http/fetch.hpp"
#include "pronunciations.hpp"
#include "voice.hpp"
#include "voices/elevenlabs_protocol.hpp"

namespace prot::tts {
namespace {

constexpr std::int64_t kLimitMs = 3'000;
constexpr const char* kInstall = "apt-get install espeak-ng, or set another voice";

// espeak-ng speaks by itself, and turns text into Piper's phonemes.
stage::Finding check_espeak(const std::string& what, const std::string& language) {
  const std::string voice = language == "en" ? "en-us" : language;
  try {
    const SubprocessResult result = run_subprocess({"espeak-ng", "-q", "-v", voice, "a"});
    if (result.exit_code == 0) return {stage::Verdict::kOk, what, "espeak-ng, voice " + voice};
    return {stage::Verdict::kFail, what, "espeak-ng has no voice " + voice, kInstall};
  } catch (const Error& error) {
    return {stage::Verdict::kFail, what, full_message(error), kInstall};
  }
}

stage::Finding check_piper(const std::string& what, const std::string& model) {
  const std::string mend = "./run fetches it; or set tts.piper_model to a Piper voice";
  // An onnx file has no magic; it begins with field 1, its version.
  stage::Finding sound = stage::check_file(what, model, "\x08", mend);
  if (sound.verdict != stage::Verdict::kOk) return sound;
  stage::Finding description = stage::check_file(what, model + ".json", "{", mend);
  if (description.verdict != stage::Verdict::kOk) return description;
  stage::Finding phonemes = check_espeak(what, "en");
  if (phonemes.verdict != stage::Verdict::kOk) return phonemes;
  sound.finding = "piper, " + sound.finding;
  return sound;
}

// Any answer shows that the service is there; nothing is spoken, for that costs money.
stage::Finding check_elevenlabs(const std::string& what, const std::string& language,
                                const stage::Config& config) {
  http::Request request;
  try {
    request.url = elevenlabs::models_url(elevenlabs_options(config, language));
  } catch (const Error& error) {
    return {stage::Verdict::kFail, what, error.what(), "set tts.elevenlabs_voice, or ELEVENLABS_VOICE_ID"};
  }
  request.method = "GET";
  const char* key = std::getenv(kElevenLabsKey);
  if (key == nullptr || key[0] == '\0')
    return {stage::Verdict::kFail, what, "elevenlabs has no key", std::string("set ") + kElevenLabsKey};
  request.headers = {{"xi-api-key", key}};
  request.connect_timeout_ms = request.first_byte_timeout_ms = request.total_timeout_ms = kLimitMs;
  const Nanos before = monotonic_now();
  try {
    static_cast<void>(http::fetch(request));
  } catch (const http::RequestError& error) {
    if (error.error_class() == http::ErrorClass::kAuth)
      return {stage::Verdict::kFail, what, error.what(), std::string("check the key in ") + kElevenLabsKey};
    if (error.status() == 0)
      return {stage::Verdict::kFail, what, error.what(), "check the network, and tts.elevenlabs_url"};
  }
  return {stage::Verdict::kOk, what,
          "elevenlabs answers after " + std::to_string((monotonic_now() - before) / kMillisecond) + " ms"};
}

}  // namespace

ElevenLabsOptions elevenlabs_options(const stage::Config& config, const std::string& language) {
  ElevenLabsOptions options;
  options.voice_id = config.get_string("tts.elevenlabs_voice");
  if (options.voice_id.empty())
    throw Error("tts.elevenlabs_voice is empty: there is no voice to speak with", 78);
  if (const std::string& url = config.get_string("tts.elevenlabs_url"); !url.empty()) options.url = url;
  options.model = config.get_string("tts.elevenlabs_model");
  options.language = language;
  options.rate = static_cast<unsigned>(std::stoul(config.get_string("tts.elevenlabs_format").substr(4)));
  options.transport = config.get_string("tts.elevenlabs_transport");
  options.normalization = config.get_string("tts.elevenlabs_normalization");
  options.stability = config.get_double("tts.elevenlabs_stability");
  options.similarity = config.get_double("tts.elevenlabs_similarity");
  options.style = config.get_double("tts.elevenlabs_style");
  options.speed = config.get_double("tts.elevenlabs_speed");
  options.plain_allowed = config.get_bool("tts.plain_http");
  options.timeout = config.get_int("tts.elevenlabs_timeout_ms") * kMillisecond;
  return options;
}

std::string piper_model(const stage::Config& config, const std::string& cache) {
  return config.model_path("tts.piper_model", cache, "piper-joe.onnx");
}

stage::Findings check_tts(const stage::CheckContext& context) {
  stage::Findings findings;
  const std::vector<std::string> built_in = voice_names();
  for (const std::string language : {"en", "ko"}) {
    const std::string what = language == "en" ? "English voice" : "Korean voice";
    const std::string& wanted = context.config.get_string("tts.voice_" + language);
    const bool there = std::find(built_in.begin(), built_in.end(), wanted) != built_in.end();
    if (wanted == "piper" && !there) {
      stage::Finding finding = check_espeak(what, language);
      if (finding.verdict == stage::Verdict::kOk)
        finding = {stage::Verdict::kWarn, what, "piper is not built in: " + finding.finding + " speaks",
                   "build with the engines (./run)"};
      findings.push_back(finding);
    } else if (!there) {
      findings.push_back({stage::Verdict::kFail, what, "there is no voice '" + wanted + "'",
                          "set tts.voice_" + language + " to one of those that prot config example names"});
    } else if (wanted == "piper") {
      findings.push_back(check_piper(what, piper_model(context.config, context.paths.cache)));
    } else if (wanted == kElevenLabs) {
      findings.push_back(check_elevenlabs(what, language, context.config));
    } else if (wanted == "espeak") {
      findings.push_back(check_espeak(what, language));
    } else {
      findings.push_back({stage::Verdict::kOk, what, wanted});
    }
  }
  if (const std::string& path = context.config.get_string("tts.pronunciation_file"); !path.empty()) {
    std::vector<std::string> problems;
    const Pronunciations own = Pronunciations::load(path, problems);
    if (problems.empty())
      findings.push_back({stage::Verdict::kOk, "pronunciations", path + ", " + std::to_string(own.size())});
    for (const std::string& problem : problems)
      findings.push_back({stage::Verdict::kFail, "pronunciations", problem, "mend that line"});
  }
  return findings;
}

}  // namespace prot::tts
