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
    options.wake = [&context] { context.bell().ring(); };
    auto recognizer = prot::stt::make_recognizer(config.get_string("stt.engine"), options);
    return std::make_unique<prot::stt::SttStage>(context, std::move(recognizer));
  };
  return prot::stage::run_stage(argc, argv, "stt", make, {prot::stt::check_stt});
}
