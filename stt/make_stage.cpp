#include <algorithm>

#include "base/error.hpp"
#include "base/log.hpp"
#include "fallback_recognizer.hpp"
#include "self_check.hpp"
#include "stage/recognizer_specs.hpp"
#include "stt_stage.hpp"

namespace prot::stt {
namespace {

RecognizerOptions options_of(const stage::RecognizerSpec& spec, stage::StageContext& context) {
  const stage::Config& config = context.config();
  RecognizerOptions options;
  options.model = recognizer_model(config, context.environment().paths.cache);
  options.language = config.language();
  options.threads = static_cast<unsigned>(config.get_int("stt.threads"));
  options.url = spec.url;
  options.model_name = spec.model;
  options.api_key = context.environment().secrets.find(spec.key_name).value_or("");
  options.plain_http = config.get_bool("stt.plain_http");
  options.connect_timeout = config.get_int("stt.connect_timeout_ms") * kMillisecond;
  options.first_byte_timeout = config.get_int("stt.first_byte_timeout_ms") * kMillisecond;
  options.answer_timeout = config.get_int("stt.answer_timeout_ms") * kMillisecond;
  options.session_limit = config.get_int("stt.session_limit_s") * kSecond;
  options.key_terms = config.get_list("stt.key_terms");
  options.wake = [&context] { context.bell().ring(); };
  return options;
}

}  // namespace

std::unique_ptr<stage::Stage> make_stt_stage(stage::StageContext& context) {
  const std::vector<stage::RecognizerSpec> specs = stage::recognizer_specs(context.config());
  std::vector<std::unique_ptr<SpeechRecognizer>> engines;
  const std::vector<std::string> names = recognizer_names();
  for (const stage::RecognizerSpec& spec : specs) {
    if (!engines.empty() && std::find(names.begin(), names.end(), spec.engine) == names.end()) {
      log_warn("the recogniser {} is not built in: it cannot go on when another one fails", spec.engine);
      continue;
    }
    try {
      engines.push_back(make_recognizer(spec.engine, options_of(spec, context)));
    } catch (const UsageError&) {
      throw;
    } catch (const Error& error) {
      if (specs.size() == 1) throw;
      log_error("recogniser {}: {}", spec.engine, full_message(error));
    }
  }
  if (engines.empty()) throw Error("no recogniser of stt.engine and stt.fallback can be used", 78);
  if (engines.size() == 1) return std::make_unique<SttStage>(context, std::move(engines.front()));
  FallbackSettings settings;
  settings.patience = context.config().get_int("stt.first_result_timeout_ms") * kMillisecond;
  return std::make_unique<SttStage>(
      context, std::make_unique<FallbackRecognizer>(std::move(engines), settings, context.clock()));
}

}  // namespace prot::stt
