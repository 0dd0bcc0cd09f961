#include "self_check.hpp"

#include <algorithm>

#include "speech_recognizer.hpp"

namespace prot::stt {

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
  stage::Finding finding =
      stage::check_file(what, recognizer_model(context.config, context.paths.cache), "lmgg",
                        "./run fetches it; or set stt.model to a whisper model in ggml form");
  finding.finding = engine + ", " + finding.finding;
  return {finding};
}

}  // namespace prot::stt
