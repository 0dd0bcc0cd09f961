// run_vad: the probability of speech in each window of 32 ms of a WAV file, one a line.
#include <array>
#include <cstdio>
#include <string_view>

#include "audio/resampler.hpp"
#include "audio/wav_file.hpp"
#include "base/error.hpp"
#include "base/paths.hpp"
#include "capture/voice_detector.hpp"
#include "stage/config.hpp"
#include "wire/speech_in.hpp"

namespace {

constexpr const char* kUsage = "usage: run_vad FILE.wav [--model FILE] [--detector auto|silero|energy]\n";

struct Options {
  std::string file;
  std::string model;
  std::string detector = "auto";
};

Options parse(int argc, char** argv) {
  Options options;
  options.model = prot::stage::Config::load("", {}).model_path(
      "capture.vad_model", prot::instance_paths("default").cache, "ggml-silero-v6.2.0.bin");
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    const bool takes_value = argument == "--model" || argument == "--detector";
    if (takes_value && i + 1 == argc) throw prot::UsageError(argument + " needs a value");
    if (argument == "--model")
      options.model = argv[++i];
    else if (argument == "--detector")
      options.detector = argv[++i];
    else if (!argument.starts_with("--") && options.file.empty())
      options.file = argument;
    else
      throw prot::UsageError("unexpected argument '" + argument + "'");
  }
  if (options.file.empty()) throw prot::UsageError("a WAV file is needed");
  return options;
}

int run(const Options& options) {
  prot::audio::WavReader reader(options.file);
  prot::audio::Resampler resampler(reader.rate(), prot::wire::kMicRate);
  std::vector<std::int16_t> samples;
  resampler.process(reader.read_all(), samples);
  resampler.flush(samples);
  const auto detector = prot::capture::make_detector(options.detector, options.model);
  for (std::size_t at = 0; at + prot::wire::kMicWindow <= samples.size(); at += prot::wire::kMicWindow)
    std::printf("%.4f\n", static_cast<double>(
                              detector->probability(std::span(samples).subspan(at, prot::wire::kMicWindow))));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc == 2 && std::string_view(argv[1]) == "--help") return std::fputs(kUsage, stdout) < 0;
    return run(parse(argc, argv));
  } catch (const prot::UsageError& error) {
    std::fprintf(stderr, "run_vad: %s\n%s", error.what(), kUsage);
    return 2;
  } catch (const prot::Error& error) {
    std::fprintf(stderr, "run_vad: %s\n", prot::full_message(error).c_str());
    return error.exit_code();
  }
}
