// echo_bench: what the canceller takes away, and whether prot interrupts itself or overhears a person, in
// computed rooms. Voices are files, because it is prot's own voice that matters: run_voice makes them.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "audio/level.hpp"
#include "audio/resampler.hpp"
#include "audio/wav_file.hpp"
#include "base/error.hpp"
#include "capture/cancellers/backends.hpp"
#include "capture/echo_remover.hpp"
#include "tests/capture/echo_scene.hpp"
#include "tests/support/synthetic_speech.hpp"

namespace prot::capture {
namespace {

constexpr const char* kUsage =
    "usage: echo_bench remove|listen PROT_FOLDER PERSON_FOLDER [OPTION=VALUE...]\n"
    "remove: what is taken away; listen: false and missed interruptions. The folders hold WAV files.\n"
    "Options: extended agnostic suppression noise high_pass delay (of the canceller, -1: none at all), "
    "error\n"
    "(of the stamps, microseconds), far near (levels, dBFS), room attenuation (one delay, ms, and loss, dB, "
    "instead\n"
    "of all), voices (at most as many), threshold (capture.vad_threshold_speaking)\n";

using Samples = std::vector<std::int16_t>;

struct Settings {
  std::map<std::string, double> values{
      {"extended", 1},     {"agnostic", 0},  {"suppression", 1}, {"noise", 1},  {"high_pass", 1},
      {"delay", 60},       {"error", 0},     {"far", -20},       {"near", -26}, {"room", -1},
      {"attenuation", -1}, {"voices", 1000}, {"threshold", 0.8}};
  [[nodiscard]] WebRtcOptions canceller() const {
    const auto flag = [&](const char* name) { return values.at(name) != 0; };
    const auto number = [&](const char* name) { return static_cast<int>(values.at(name)); };
    return {flag("extended"), flag("agnostic"),  number("suppression"),
            number("noise"),  flag("high_pass"), number("delay")};
  }
  [[nodiscard]] std::unique_ptr<EchoCanceller> make() const {
    return values.at("delay") < 0 ? nullptr : make_webrtc_canceller(canceller());
  }
};

std::vector<Samples> load(const std::filesystem::path& folder, double level_db) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (entry.path().extension() == ".wav") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  if (files.empty()) throw Error(folder.string() + " holds no WAV file");
  std::vector<Samples> all;
  for (const auto& file : files) {
    audio::WavReader reader(file);
    audio::Resampler resampler(reader.rate(), wire::kMicRate);
    Samples samples;
    resampler.process(reader.read_all(), samples);
    resampler.flush(samples);
    all.push_back(test::at_level(std::move(samples), level_db));
  }
  return all;
}

std::vector<test::RoomOptions> rooms(const Settings& settings) {
  const auto chosen = [&](const char* name, std::vector<double> all) {
    const double one = settings.values.at(name);
    return one < 0 ? all : std::vector<double>{one};
  };
  std::vector<test::RoomOptions> made;
  for (const double delay : chosen("room", {20, 60, 120}))
    for (const double attenuation : chosen("attenuation", {6, 12, 20}))
      made.push_back({.delay_ms = delay, .attenuation_db = attenuation, .tail_ms = 80});
  return made;
}

// Suppression in the first seconds and later, of one long reply.
void remove(const Settings& settings, const std::vector<Samples>& voices) {
  Samples far;
  for (std::size_t i = 0; far.size() < 24 * wire::kMicRate; ++i)
    far.insert(far.end(), voices[i % voices.size()].begin(), voices[i % voices.size()].end());
  fmt::print("delay  atten.   0-1 s   1-2 s   2-4 s  10-20 s  (dB removed)   left dBFS  ready s\n");
  for (const test::RoomOptions& options : rooms(settings)) {
    EchoRemover remover(settings.make());
    test::EchoRoom room(options);
    std::vector<double> heard;
    std::vector<double> left;
    for (std::size_t at = 0; at + 2 * wire::kMicWindow + 1600 < far.size(); at += wire::kMicWindow) {
      const std::span ahead(far.begin() + static_cast<std::ptrdiff_t>(at == 0 ? 0 : at + 1600),
                            at == 0 ? 1600 + wire::kMicWindow : wire::kMicWindow);
      const Nanos now =
          1000 * kSecond + audio::frames_to_nanos(static_cast<std::int64_t>(at), wire::kMicRate);
      remover.far_end().play(std::as_bytes(ahead), wire::kMicRate, at == 0 ? now : now + 100 * kMillisecond,
                             false);
      std::array<std::int16_t, wire::kMicWindow> window;
      room.hear(std::span(far).subspan(at, window.size()), {}, window);
      remover.process(window, now);
      heard.push_back(remover.powers().heard);
      left.push_back(remover.powers().left);
    }
    const auto mean = [](const std::vector<double>& powers, double from_s, double to_s) {
      double sum = 0;
      const auto begin = static_cast<std::size_t>(from_s * 31.25);
      const auto end = std::min(static_cast<std::size_t>(to_s * 31.25), powers.size());
      for (std::size_t i = begin; i < end; ++i) sum += powers[i] / static_cast<double>(end - begin);
      return 10 * std::log10(std::max(sum, 1e-12));
    };
    const auto removed = [&](double from_s, double to_s) {
      return mean(heard, from_s, to_s) - mean(left, from_s, to_s);
    };
    double ready = 0;
    while (ready < 15 && removed(ready, ready + 0.5) < removed(10, 20) - 3) ready += 0.032;
    fmt::print("{:5.0f} {:6.0f} {:8.1f} {:7.1f} {:7.1f} {:8.1f} {:22.1f} {:8.2f}\n", options.delay_ms,
               options.attenuation_db, removed(0, 1), removed(1, 2), removed(2, 4), removed(10, 20),
               mean(left, 10, 20), ready);
  }
}

struct Score {
  int started = 0;
  int confirmed = 0;
};

Score score(const std::vector<EchoScene::Event>& events) {
  Score sum;
  for (const EchoScene::Event& event : events) {
    if (event.what == wire::Heard::kStarted) ++sum.started;
    if (event.what == wire::Heard::kConfirmed) ++sum.confirmed;
  }
  return sum;
}

void listen(const Settings& settings, const std::vector<Samples>& voices,
            const std::vector<Samples>& people) {
  fmt::print(
      "delay  atten.   false holds  false interruptions   heard of {}   confirmed after ms (p50, worst)   "
      "quiet heard of {}\n",
      people.size(), people.size());
  const std::string model = test::installed_model("ggml-silero-v6.2.0.bin");
  for (const test::RoomOptions& options : rooms(settings)) {
    EchoScene scene({options,
                     {fmt::format("capture.vad_threshold_speaking={}", settings.values.at("threshold"))},
                     static_cast<Nanos>(settings.values.at("error")) * kMicrosecond},
                    make_detector("auto", model), settings.make());
    scene.pass({}, {}, 1);
    Score own;
    for (const Samples& voice : voices) {
      scene.pass(voice, {}, static_cast<double>(voice.size()) / wire::kMicRate + 1.2);
      const Score one = score(scene.events());
      own.started += one.started;
      own.confirmed += one.confirmed;
    }
    std::vector<double> waits;
    for (std::size_t i = 0; i < people.size(); ++i) {
      Samples far;
      for (std::size_t k = 0; k < 3; ++k)
        far.insert(far.end(), voices[(i + k) % voices.size()].begin(), voices[(i + k) % voices.size()].end());
      const std::size_t begins = wire::kMicRate + 137 * i;
      Samples near(begins);
      near.insert(near.end(), people[i].begin(), people[i].end());
      if (far.size() > near.size() + 4 * wire::kMicRate) far.resize(near.size() + 4 * wire::kMicRate);
      const Nanos onset =
          scene.now() + audio::frames_to_nanos(static_cast<std::int64_t>(begins), wire::kMicRate);
      scene.pass(far, near, static_cast<double>(std::max(far.size(), near.size())) / wire::kMicRate + 1.2);
      for (const EchoScene::Event& event : scene.events()) {
        if (event.what != wire::Heard::kConfirmed || event.decided < onset) continue;
        waits.push_back(static_cast<double>(event.decided - onset) / kMillisecond);
        break;
      }
    }
    int quiet = 0;
    for (const Samples& person : people) {
      scene.pass({}, person, static_cast<double>(person.size()) / wire::kMicRate + 1.2);
      if (score(scene.events()).confirmed > 0) ++quiet;
    }
    std::sort(waits.begin(), waits.end());
    fmt::print("{:5.0f} {:6.0f} {:11} {:15} {:17} {:18.0f} {:8.0f} {:22}\n", options.delay_ms,
               options.attenuation_db, own.started, own.confirmed, waits.size(),
               waits.empty() ? -1 : waits[waits.size() / 2], waits.empty() ? -1 : waits.back(), quiet);
  }
}

int run(int argc, char** argv) {
  if (argc < 4) throw UsageError("a part and two folders are needed");
  Settings settings;
  for (int i = 4; i < argc; ++i) {
    const std::string_view option = argv[i];
    const std::size_t sign = option.find('=');
    const auto found = settings.values.find(std::string(option.substr(0, sign)));
    if (sign == std::string_view::npos || found == settings.values.end())
      throw UsageError("unknown option '" + std::string(option) + "'");
    found->second = std::stod(std::string(option.substr(sign + 1)));
  }
  auto voices = load(argv[2], settings.values.at("far"));
  voices.resize(std::min(voices.size(), static_cast<std::size_t>(settings.values.at("voices"))));
  const std::string_view part = argv[1];
  if (part == "remove") return remove(settings, voices), 0;
  if (part != "listen") throw UsageError("unknown part '" + std::string(part) + "'");
  listen(settings, voices, load(argv[3], settings.values.at("near")));
  return 0;
}

}  // namespace
}  // namespace prot::capture

int main(int argc, char** argv) {
  try {
    return prot::capture::run(argc, argv);
  } catch (const prot::UsageError& error) {
    fmt::print(stderr, "echo_bench: {}\n{}", error.what(), prot::capture::kUsage);
    return 2;
  } catch (const std::exception& error) {
    fmt::print(stderr, "echo_bench: {}\n", error.what());
    return 1;
  }
}
