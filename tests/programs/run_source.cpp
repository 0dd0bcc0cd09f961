// One microphone by hand: prints its level every 100 ms, and records it when told to.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "audio/level.hpp"
#include "audio/wav_file.hpp"
#include "base/error.hpp"
#include "capture/pcm_source.hpp"

namespace {

constexpr unsigned kRate = 16'000;
constexpr std::size_t kStep = kRate / 10;

struct Options {
  std::string source;
  double seconds = 0;
  std::string out;
};

void show(std::int64_t step, std::span<const std::int16_t> samples, prot::Nanos latency) {
  const double level = prot::audio::rms_dbfs(samples);
  const int bar = std::max(0, static_cast<int>(level + 60.0) / 2);
  std::printf("%7.1f s %7.1f dB  latency %5.1f ms  %s\n", static_cast<double>(step) / 10.0, level,
              static_cast<double>(latency) / prot::kMillisecond,
              std::string(static_cast<std::size_t>(bar), '#').c_str());
  std::fflush(stdout);
}

void run(const Options& options) {
  const auto source = prot::capture::make_source(options.source, {.rate = kRate});
  std::unique_ptr<prot::audio::WavWriter> file;
  source->start();
  if (!options.out.empty())
    file = std::make_unique<prot::audio::WavWriter>(options.out, prot::audio::PcmFormat{.rate = kRate});
  std::vector<std::int16_t> samples(kStep);
  const auto steps = static_cast<std::int64_t>(options.seconds * 10.0 + 0.5);
  for (std::int64_t step = 1; (options.seconds <= 0 || step <= steps) && source->read(samples); ++step) {
    show(step, samples, source->latency());
    if (file) file->write(samples);
  }
  if (file) file->close();
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Prints the level of a microphone every 100 ms");
  Options options;
  app.add_option("source", options.source, "pulse, alsa, wav or null, then maybe :DEVICE")->required();
  app.add_option("--seconds", options.seconds, "end after this time (default: when the source ends)")
      ->check(CLI::Range(0.0, 86400.0));
  app.add_option("--out", options.out, "record to this WAV file");
  try {
    app.parse(argc, argv);
    run(options);
    return 0;
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  } catch (const prot::Error& error) {
    std::fprintf(stderr, "run_source: %s\n", error.what());
    return error.exit_code();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "run_source: %s\n", error.what());
    return 1;
  }
}
