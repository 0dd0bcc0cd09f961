#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "audio/wav_file.hpp"
#include "base/error.hpp"
#include "capture/pcm_source.hpp"
#include "tests/core/audio/fake_time.hpp"
#include "tests/support/temp_folder.hpp"

using namespace prot;

namespace {

std::vector<std::int16_t> ramp(std::size_t count) {
  std::vector<std::int16_t> out(count);
  for (std::size_t i = 0; i < count; ++i) out[i] = static_cast<std::int16_t>(i + 1);
  return out;
}

std::string write_wav(const test::TempFolder& folder, unsigned rate,
                      const std::vector<std::int16_t>& samples) {
  const auto path = folder.path() / "in.wav";
  audio::WavWriter(path, {.rate = rate, .channels = 1}).write(samples);
  return "wav:" + path.string();
}

}  // namespace

TEST_CASE("the null source gives silence in real time") {
  test::FakeTime time;
  const auto source = capture::make_source("null", {.pacing = time.pacing()});
  source->start();
  const Nanos start = time.clock.now();
  std::vector<std::int16_t> samples(512, 7);
  for (int i = 1; i <= 100; ++i) {
    CHECK(source->read(samples));
    CHECK(time.clock.now() == start + audio::frames_to_nanos(512 * i, 16'000));
  }
  CHECK(*std::max_element(samples.begin(), samples.end()) == 0);
  CHECK(source->latency() == 0);
  time.clock.advance(50 * kMillisecond);  // a reader that is late
  CHECK(source->latency() == 50 * kMillisecond);
}

TEST_CASE("a WAV source gives the file in real time and then ends") {
  const test::TempFolder folder;
  test::FakeTime time;
  const auto source = capture::make_source(write_wav(folder, 16'000, ramp(1000)), {.pacing = time.pacing()});
  source->start();
  const Nanos start = time.clock.now();
  std::vector<std::int16_t> samples(512);
  CHECK(source->read(samples));
  CHECK(samples.back() == 512);
  CHECK(source->read(samples));
  CHECK(samples[1000 - 512 - 1] == 1000);
  CHECK(samples[1000 - 512] == 0);
  CHECK_FALSE(source->read(samples));
  CHECK(*std::max_element(samples.begin(), samples.end()) == 0);
  CHECK(time.clock.now() == start + 96 * kMillisecond);
}

TEST_CASE("a WAV source can go on as silence") {
  const test::TempFolder folder;
  test::FakeTime time;
  const auto source = capture::make_source(write_wav(folder, 16'000, ramp(10)),
                                           {.wav_then_silence = true, .pacing = time.pacing()});
  source->start();
  std::vector<std::int16_t> samples(512);
  for (int i = 0; i < 10; ++i) CHECK(source->read(samples));
}

TEST_CASE("a WAV source of another rate is converted") {
  const test::TempFolder folder;
  test::FakeTime time;
  const auto source = capture::make_source(write_wav(folder, 48'000, std::vector<std::int16_t>(48'000, 1000)),
                                           {.pacing = time.pacing()});
  source->start();
  std::vector<std::int16_t> samples(16'000);
  CHECK(source->read(samples));
  CHECK(std::abs(samples[8'000] - 1000) < 10);
  CHECK_FALSE(source->read(samples));
}

TEST_CASE("a source that cannot be made says which there are") {
  CHECK_THROWS_AS((void)capture::make_source("mic"), UsageError);
  CHECK_THROWS_AS((void)capture::make_source("wav"), UsageError);
  CHECK_THROWS_AS((void)capture::make_source(""), UsageError);
  try {
    (void)capture::make_source("foo:bar");
  } catch (const UsageError& error) {
    CHECK(std::string(error.what()).starts_with("source \"foo\" is not known; there are: "));
    CHECK(std::string(error.what()).ends_with("wav, null"));
  }
}

TEST_CASE("a source that cannot be opened says so at the start") {
  CHECK_THROWS_WITH_AS(capture::make_source("wav:/nowhere/a.wav")->start(),
                       "cannot open /nowhere/a.wav: No such file or directory", Error);
  const std::vector<std::string> names = capture::source_names();
  if (std::count(names.begin(), names.end(), "alsa") > 0) {
    CHECK_THROWS_WITH_AS(capture::make_source("alsa:prot_no_such_device")->start(),
                         "cannot open ALSA device \"prot_no_such_device\": No such file or directory", Error);
  }
  if (std::count(names.begin(), names.end(), "pulse") > 0) {
    CHECK_THROWS_WITH_AS(
        capture::make_source("pulse:mic", {.pulse_server = "unix:/nowhere/pulse"})->start(),
        "cannot open PulseAudio source \"mic\" on server \"unix:/nowhere/pulse\": Connection refused", Error);
  }
}

TEST_CASE("ALSA's null device reads as silence") {
  const std::vector<std::string> names = capture::source_names();
  if (std::count(names.begin(), names.end(), "alsa") == 0) return;
  const auto source = capture::make_source("alsa:null");
  source->start();
  std::vector<std::int16_t> samples(512, 1);
  CHECK(source->read(samples));
  CHECK(source->latency() >= 0);
}
