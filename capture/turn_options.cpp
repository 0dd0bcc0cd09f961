#include "turn_options.hpp"

namespace prot::capture {

SegmenterOptions segmenter_options(const stage::Config& config) {
  const auto count = [&](const char* key) { return static_cast<unsigned>(config.get_int(key)); };
  SegmenterOptions options;
  options.confirm = count("capture.confirm_windows");
  options.barge_in = count("capture.barge_in_windows");
  options.pre_roll = count("capture.pre_roll_windows");
  options.lull = windows_of(config.get_int("capture.lull_ms"));
  options.pause = windows_of(config.get_int("capture.pause_ms"));
  options.end = windows_of(config.get_int("capture.end_of_turn_ms"));
  options.longest = windows_of(config.get_int("capture.max_utterance_ms"));
  return options;
}

TurnWaitSettings wait_settings(const stage::Config& config) {
  return {windows_of(config.get_int("capture.end_of_turn_min_ms")),
          windows_of(config.get_int("capture.end_of_turn_ms")),
          windows_of(config.get_int("capture.end_of_turn_max_ms"))};
}

}  // namespace prot::capture
