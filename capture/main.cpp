#include "capture_stage.hpp"
#include "device_choice.hpp"
#include "echo_probe.hpp"
#include "stage/echo_choice.hpp"
#include "stage/stage_runner.hpp"

int main(int argc, char** argv) {
  using namespace prot::capture;
  const auto make = [](prot::stage::StageContext& context) {
    const prot::stage::Config& config = context.config();
    SourceOptions options;
    options.wav_then_silence = true;  // a conversation does not end with the file
    auto feed = std::make_unique<AudioThread>(open_configured(config, options), context.bell());
    auto detector = make_detector(config.get_string("capture.detector"),
                                  detector_model(config, context.environment().paths.cache));
    auto end_of_turn = make_end_of_turn_model(config.get_string("capture.turn_model"),
                                              end_of_turn_file(config, context.environment().paths.cache));
    auto canceller = make_echo_canceller(prot::stage::echo_canceller(config));
    return std::make_unique<CaptureStage>(context, std::move(feed), std::move(detector),
                                          std::move(end_of_turn), std::move(canceller));
  };
  return prot::stage::run_stage(argc, argv, "capture", make, {check_capture, capture_rows, probe_capture});
}
