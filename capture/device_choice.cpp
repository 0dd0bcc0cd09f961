#include "device_choice.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "base/error.hpp"
#include "echo_canceller.hpp"
#include "end_of_turn_model.hpp"
#include "pcm_source.hpp"
#include "stage/echo_choice.hpp"
#include "voice_detector.hpp"

namespace prot::capture {
namespace {

constexpr int kExitConfiguration = 78;
constexpr const char* kPlugIn =
    "plug a microphone in, start PulseAudio or PipeWire, name a row with MIC_DEVICE_INDEX, or set "
    "capture.source to \"null\" to go on without";

std::string row_by_index(long index, const std::string& source, const audio::DeviceList& list) {
  const auto refuse = [&](const std::string& why) {
    return Error(
        fmt::format("capture.device_index = {} (MIC_DEVICE_INDEX): {}; see: prot doctor", index, why),
        kExitConfiguration);
  };
  const std::string problems = list.problems.empty() ? "" : " (" + list.problems + ")";
  if (list.rows.empty()) throw refuse("there is no device to record from" + problems);
  if (index >= static_cast<long>(list.rows.size()))
    throw refuse(fmt::format("the rows are 0 to {}{}", list.rows.size() - 1, problems));
  const std::string& spec = list.rows[static_cast<std::size_t>(index)].spec;
  if (source != "auto" && !spec.starts_with(source + ":"))
    throw refuse(fmt::format("row {} is {}, but capture.source is {}", index, spec, source));
  return spec;
}

std::vector<std::string> candidates_of(const stage::Config& config, const audio::DeviceList* known) {
  const std::string& source = config.get_string("capture.source");
  const std::string& device = config.get_string("capture.device");
  const long index = config.get_int("capture.device_index");
  if (index >= 0 && source != "wav" && source != "null") {
    if (!device.empty())
      throw Error(
          fmt::format("capture.device_index = {} (MIC_DEVICE_INDEX) and capture.device = {}: only one "
                      "of them can name the microphone",
                      index, device),
          kExitConfiguration);
    return {row_by_index(index, source, known != nullptr ? *known : list_sources())};
  }
  const std::string suffix = device.empty() ? "" : ":" + device;
  if (source != "auto") return {source + suffix};
  std::vector<std::string> specs;
  const std::vector<std::string> built_in = source_names();
  for (const char* name : {"pulse", "alsa"})
    if (std::find(built_in.begin(), built_in.end(), name) != built_in.end()) specs.push_back(name + suffix);
  return specs;
}

std::vector<stage::DeviceRow> rows_of(const audio::DeviceList& list) {
  std::vector<stage::DeviceRow> rows;
  for (const audio::DeviceList::Row& row : list.rows)
    rows.push_back({static_cast<int>(rows.size()), row.spec, row.description, row.is_default, false});
  return rows;
}

stage::Finding check_source(const stage::Config& config) {
  const std::string what = "microphone";
  const std::string& source = config.get_string("capture.source");
  if (source == "null") return {stage::Verdict::kOk, what, "none (capture.source = null)"};
  try {
    if (source == "wav") {
      const auto file = make_source("wav:" + config.get_string("capture.device"));
      file->start();
      return {stage::Verdict::kOk, what, "the file " + config.get_string("capture.device")};
    }
    const audio::DeviceList list = list_sources();
    const std::vector<std::string> candidates = candidates_of(config, &list);
    for (const std::string& candidate : candidates) static_cast<void>(make_source(candidate));  // known?
    std::vector<stage::DeviceRow> rows = rows_of(list);
    const int used = mark_used(rows, candidates);
    if (used >= 0)
      return {stage::Verdict::kOk, what,
              fmt::format("row {}, {}", used, rows[static_cast<std::size_t>(used)].spec)};
    const std::string problems = list.problems.empty() ? "" : " (" + list.problems + ")";
    const bool named = !config.get_string("capture.device").empty();
    if (named && candidates.back().starts_with("alsa:"))
      return {stage::Verdict::kWarn, what, candidates.back() + " is tried; it is in no list" + problems,
              kPlugIn};
    return {stage::Verdict::kFail, what,
            (named ? "there is no " + candidates.front() : "there is none") + problems, kPlugIn};
  } catch (const Error& error) {
    return {stage::Verdict::kFail, what, full_message(error), kPlugIn};
  }
}

stage::Finding check_detector(const stage::CheckContext& context) {
  const std::string& wanted = context.config.get_string("capture.detector");
  const std::vector<std::string> names = detector_names();
  const std::string name = wanted == "auto" ? names.front() : wanted;
  if (std::find(names.begin(), names.end(), name) == names.end())
    return {stage::Verdict::kFail, "voice activity", "'" + name + "' is not built in",
            "set capture.detector to auto, or build with the engines (./run)"};
  if (name != "silero")
    return {wanted == "auto" ? stage::Verdict::kWarn : stage::Verdict::kOk, "voice activity",
            name + ", no model", wanted == "auto" ? "build with the engines (./run) for silero" : ""};
  stage::Finding finding =
      stage::check_file("voice activity", detector_model(context.config, context.paths.cache), "lmgg",
                        "./run fetches it; or set capture.vad_model, or capture.detector to energy");
  finding.finding = "silero, " + finding.finding;
  return finding;
}

stage::Finding check_end_of_turn(const stage::CheckContext& context) {
  const std::string what = "end of turn";
  const std::string& wanted = context.config.get_string("capture.turn_model");
  const std::vector<std::string> names = end_of_turn_models();
  const std::string name = wanted == "auto" ? names.front() : wanted;
  if (name == "silence")
    return {wanted == "auto" ? stage::Verdict::kWarn : stage::Verdict::kOk, what, "silence alone",
            wanted == "auto" ? "build with the engines (./run) for smart_turn" : ""};
  if (std::find(names.begin(), names.end(), name) == names.end())
    return {stage::Verdict::kFail, what, "'" + name + "' is not built in",
            "set capture.turn_model to auto, or build with the engines (./run)"};
  constexpr std::string_view kOnnx = "\x08";  // its first field is a version number
  stage::Finding finding =
      stage::check_file(what, end_of_turn_file(context.config, context.paths.cache), kOnnx,
                        "./run fetches it; or set capture.turn_model_file, or capture.turn_model to silence");
  if (wanted == "auto" && finding.verdict == stage::Verdict::kFail) finding.verdict = stage::Verdict::kWarn;
  finding.finding = name + ", " + finding.finding;
  return finding;
}

stage::Finding check_echo(const stage::Config& config) {
  const std::string what = "echo cancellation";
  if (config.get_bool("player.headphones"))
    return {stage::Verdict::kOk, what, "off: player.headphones = true"};
  if (config.get_string("capture.echo_cancellation") == "off")
    return {stage::Verdict::kOk, what, "off: prot is not to be interrupted while it speaks"};
  const std::string_view name = stage::echo_canceller(config);
  const std::string mend =
      "install libwebrtc-audio-processing-dev and build again (./run); with headphones set "
      "player.headphones = true";
  const std::vector<std::string_view> built_in = echo_canceller_names();
  if (std::find(built_in.begin(), built_in.end(), name) == built_in.end())
    return {stage::Verdict::kFail, what, "'" + std::string(name) + "' is not built in", mend};
  if (name == "none")
    return {stage::Verdict::kWarn, what, "none is built in: prot is not to be interrupted while it speaks",
            mend};
  return {stage::Verdict::kOk, what, std::string(name) + " (prot doctor --echo measures it)"};
}

}  // namespace

std::vector<std::string> source_candidates(const stage::Config& config) {
  return candidates_of(config, nullptr);
}

SourceOpener open_configured(const stage::Config& config, const SourceOptions& options) {
  auto candidates = std::make_shared<std::vector<std::string>>();  // the audio thread's alone
  return [config, options, candidates] {  // copies: a stuck thread outlives the stage
    if (candidates->empty()) *candidates = source_candidates(config);
    return open_first_of(*candidates, options)();
  };
}

std::vector<stage::DeviceRow> capture_rows(const stage::CheckContext& context) {
  const audio::DeviceList list = list_sources();
  std::vector<stage::DeviceRow> rows = rows_of(list);
  try {
    mark_used(rows, candidates_of(context.config, &list));
  } catch (const Error&) {  // the check says it
  }
  return rows;
}

stage::Findings check_capture(const stage::CheckContext& context) {
  return {check_source(context.config), check_echo(context.config), check_detector(context),
          check_end_of_turn(context)};
}

std::string detector_model(const stage::Config& config, const std::string& cache) {
  return config.model_path("capture.vad_model", cache, "ggml-silero-v6.2.0.bin");
}

std::string end_of_turn_file(const stage::Config& config, const std::string& cache) {
  return config.model_path("capture.turn_model_file", cache, "smart-turn-v3.2-cpu.onnx");
}

}  // namespace prot::capture
