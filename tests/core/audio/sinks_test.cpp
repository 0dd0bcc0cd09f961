#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "audio/wav_file.hpp"
#include "base/error.hpp"
#include "player/pcm_sink.hpp"
#include "tests/core/audio/fake_time.hpp"
#include "tests/support/temp_folder.hpp"

using namespace prot;
using Samples = std::vector<std::int16_t>;

TEST_CASE("the null sink takes sound as fast as it would be heard") {
  test::FakeTime time;
  const auto sink = player::make_sink("null", {.rate = 24'000, .pacing = time.pacing()});
  sink->start();
  CHECK(sink->rate() == 24'000);
  const Nanos start = time.clock.now();
  sink->write(Samples(24'000, 1));
  CHECK(time.clock.now() == start + 960 * kMillisecond);  // all but the buffer of 40 ms
  CHECK(sink->latency() == 40 * kMillisecond);
  sink->drain();
  CHECK(time.clock.now() == start + kSecond);
  CHECK(sink->latency() == 0);
}

TEST_CASE("a flush of the null sink leaves nothing to wait for") {
  test::FakeTime time;
  const auto sink = player::make_sink("null", {.pacing = time.pacing()});
  sink->start();
  sink->write(Samples(24'000, 1));
  sink->flush();
  CHECK(sink->latency() == 0);
}

TEST_CASE("the WAV sink records what was played and drops what was flushed") {
  const test::TempFolder folder;
  const auto path = folder.path() / "out.wav";
  test::FakeTime time;
  {
    const auto sink = player::make_sink("wav:" + path.string(), {.rate = 1'000, .pacing = time.pacing()});
    sink->start();
    sink->write(Samples(100, 1));  // 60 are played, 40 wait
    sink->flush();
    sink->write(Samples(10, 2));
    sink->drain();
    time.clock.advance(kSecond);
    sink->write(Samples(10, 3));
  }
  Samples expected(60, 1);
  expected.insert(expected.end(), 10, 2);
  expected.insert(expected.end(), 10, 3);
  audio::WavReader reader(path);
  CHECK(reader.rate() == 1'000);
  CHECK(reader.read_all() == expected);
}

TEST_CASE("a sink that cannot be made or opened says why") {
  CHECK_THROWS_AS((void)player::make_sink("speaker"), UsageError);
  CHECK_THROWS_AS((void)player::make_sink("wav:"), UsageError);
  CHECK_THROWS_WITH_AS(player::make_sink("wav:/nowhere/a.wav")->start(),
                       "cannot write /nowhere/a.wav: No such file or directory", Error);
  const std::vector<std::string> names = player::sink_names();
  if (std::count(names.begin(), names.end(), "alsa") > 0) {
    CHECK_THROWS_AS(player::make_sink("alsa:prot_no_such_device")->start(), Error);
  }
}

TEST_CASE("ALSA's null device takes sound, drains and flushes") {
  const std::vector<std::string> names = player::sink_names();
  if (std::count(names.begin(), names.end(), "alsa") == 0) return;
  const auto sink = player::make_sink("alsa:null");
  sink->start();
  sink->write(Samples(480, 1));
  CHECK(sink->latency() >= 0);
  sink->flush();
  sink->write(Samples(480, 1));
  sink->drain();
}
