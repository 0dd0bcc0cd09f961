#include <algorithm>

#include "audio_thread.hpp"
#include "capture_stage.hpp"
#include "stage/stage_runner.hpp"

namespace {

std::vector<std::string> candidates(const std::string& source, const std::string& device) {
  const std::string suffix = device.empty() ? "" : ":" + device;
  if (source != "auto") return {source + suffix};
  std::vector<std::string> specs;
  const std::vector<std::string> built_in = prot::capture::source_names();
  for (const char* name : {"pulse", "alsa"})
    if (std::find(built_in.begin(), built_in.end(), name) != built_in.end()) specs.push_back(name + suffix);
  return specs;
}

}  // namespace

int main(int argc, char** argv) {
  return prot::stage::run_stage(argc, argv, "capture", [](prot::stage::StageContext& context) {
    const prot::stage::Config& config = context.config();
    prot::capture::SourceOptions options;
    options.wav_then_silence = true;  // a conversation does not end with the file
    auto feed = std::make_unique<prot::capture::AudioThread>(
        prot::capture::open_first_of(
            candidates(config.get_string("capture.source"), config.get_string("capture.device")), options),
        context.bell());
    auto detector = prot::capture::make_detector(
        config.get_string("capture.detector"),
        config.model_path("capture.vad_model", context.environment().paths.cache, "ggml-silero-v6.2.0.bin"));
    return std::make_unique<prot::capture::CaptureStage>(context, std::move(feed), std::move(detector));
  });
}
