#include "self_check.hpp"
#include "stage/stage_runner.hpp"
#include "stt_stage.hpp"

int main(int argc, char** argv) {
  const auto make = [](prot::stage::StageContext& context) {
    const prot::stage::Config& config = context.config();
    prot::stt::RecognizerOptions options;
    options.model = prot::stt::recognizer_model(config, context.environment().paths.cache);
    options.language = config.language();
    options.threads = static_cast<unsigned>(config.get_int("stt.threads"));
    options.url = config.get_string("stt.url");
    options.model_name = config.get_string("stt.model_name");
    options.api_key = context.environment().secrets.find(config.get_string("stt.api_key_env")).value_or("");
    options.plain_http = config.get_bool("stt.plain_http");
    options.first_byte_timeout = config.get_int("stt.first_byte_timeout_ms") * prot::kMillisecond;
    options.wake = [&context] { context.bell().ring(); };
    auto recognizer = prot::stt::make_recognizer(config.get_string("stt.engine"), options);
    return std::make_unique<prot::stt::SttStage>(context, std::move(recognizer));
  };
  return prot::stage::run_stage(argc, argv, "stt", make, {prot::stt::check_stt});
}
