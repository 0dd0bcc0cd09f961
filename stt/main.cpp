#include "self_check.hpp"
#include "services/probe.hpp"
#include "services/socket_question.hpp"
#include "stage/service_keys.hpp"
#include "stage/stage_runner.hpp"
#include "stt_stage.hpp"

int main(int argc, char** argv) {
  const auto make = [](prot::stage::StageContext& context) {
    const prot::stage::Config& config = context.config();
    prot::stt::RecognizerOptions options;
    options.model = prot::stt::recognizer_model(config, context.environment().paths.cache);
    options.language = config.language();
    options.threads = static_cast<unsigned>(config.get_int("stt.threads"));
    options.url = prot::stage::recognizer_url(config);
    options.model_name = prot::stage::recognizer_model_name(config);
    options.api_key =
        context.environment().secrets.find(prot::stage::recognizer_key_name(config)).value_or("");
    options.plain_http = config.get_bool("stt.plain_http");
    options.first_byte_timeout = config.get_int("stt.first_byte_timeout_ms") * prot::kMillisecond;
    options.answer_timeout = config.get_int("stt.answer_timeout_ms") * prot::kMillisecond;
    options.session_limit = config.get_int("stt.session_limit_s") * prot::kSecond;
    options.key_terms = config.get_list("stt.key_terms");
    options.wake = [&context] { context.bell().ring(); };
    auto recognizer = prot::stt::make_recognizer(config.get_string("stt.engine"), options);
    return std::make_unique<prot::stt::SttStage>(context, std::move(recognizer));
  };
  return prot::stage::run_stage(
      argc, argv, "stt", make,
      {prot::stt::check_stt,
       {},
       prot::services::service_probe("stt",
                                     {{"elevenlabs-realtime", prot::services::greet_elevenlabs_realtime}})});
}
