#include "self_check.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "base/subprocess.hpp"
#include "pronunciations.hpp"
#include "service_check.hpp"
#include "voice.hpp"

namespace prot::tts {
namespace {

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

}  // namespace

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
    } else if (const auto service = check_service(wanted, what, language, context.config)) {
      findings.push_back(*service);
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
