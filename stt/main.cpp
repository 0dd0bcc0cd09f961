#include "stage/stage_runner.hpp"
#include "stt_stage.hpp"

int main(int argc, char** argv) {
  return prot::stage::run_stage(argc, argv, "stt", [](prot::stage::StageContext& context) {
    const prot::stage::Config& config = context.config();
    prot::stt::RecognizerOptions options;
    options.model = config.model_path("stt.model", context.environment().paths.cache, "ggml-base-q8_0.bin");
    options.language = config.language();
    options.threads = static_cast<unsigned>(config.get_int("stt.threads"));
    options.wake = [&context] { context.bell().ring(); };
    auto recognizer = prot::stt::make_recognizer(config.get_string("stt.engine"), options);
    return std::make_unique<prot::stt::SttStage>(context, std::move(recognizer));
  });
}
