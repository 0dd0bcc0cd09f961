// One loudspeaker by hand: plays a WAV file on it.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>
#include <vector>

#include "audio/wav_file.hpp"
#include "base/error.hpp"
#include "player/pcm_sink.hpp"

namespace {

void run(const std::string& spec, const std::string& path) {
  prot::audio::WavReader file(path);
  const auto sink = prot::player::make_sink(spec, {.rate = file.rate()});
  sink->start();
  const prot::Nanos start = prot::monotonic_now();
  sink->write(std::vector<std::int16_t>(file.rate() / 50));  // a device may swallow its first milliseconds
  std::vector<std::int16_t> samples(file.rate() / 50);
  prot::Nanos worst = 0;
  while (const std::size_t got = file.read(samples)) {
    sink->write(std::span(samples).first(got));
    worst = std::max(worst, sink->latency());
  }
  sink->drain();
  std::printf("%s: %.2f s of %u Hz in %.2f s, latency at most %.1f ms\n", sink->name().c_str(),
              static_cast<double>(file.frames()) / file.rate(), file.rate(),
              static_cast<double>(prot::monotonic_now() - start) / prot::kSecond,
              static_cast<double>(worst) / prot::kMillisecond);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Plays a WAV file");
  std::string sink;
  std::string file;
  app.add_option("sink", sink, "pulse, alsa, wav or null, then maybe :DEVICE")->required();
  app.add_option("file", file, "the WAV file")->required();
  try {
    app.parse(argc, argv);
    run(sink, file);
    return 0;
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  } catch (const prot::Error& error) {
    std::fprintf(stderr, "run_sink: %s\n", error.what());
    return error.exit_code();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "run_sink: %s\n", error.what());
    return 1;
  }
}
