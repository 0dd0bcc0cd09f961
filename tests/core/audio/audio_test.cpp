#include <doctest/doctest.h>

#include <cmath>
#include <numbers>
#include <vector>

#include "audio/arrival_clock.hpp"
#include "audio/level.hpp"
#include "audio/pacer.hpp"
#include "audio/resampler.hpp"
#include "base/error.hpp"
#include "tests/core/audio/fake_time.hpp"

using namespace prot;

namespace {

std::vector<std::int16_t> sine(double hertz, unsigned rate, std::size_t count, double amplitude = 16384.0) {
  std::vector<std::int16_t> out(count);
  for (std::size_t i = 0; i < count; ++i) {
    const double phase = 2.0 * std::numbers::pi * hertz * static_cast<double>(i) / rate;
    out[i] = static_cast<std::int16_t>(std::lround(amplitude * std::sin(phase)));
  }
  return out;
}

}  // namespace

TEST_CASE("levels are in dB below full scale") {
  CHECK(audio::rms_dbfs({}) == audio::kSilenceDbfs);
  CHECK(audio::rms_dbfs(std::vector<std::int16_t>(100, 0)) == audio::kSilenceDbfs);
  CHECK(audio::rms_dbfs(std::vector<std::int16_t>(100, -32768)) == doctest::Approx(0.0));
  CHECK(audio::rms_dbfs(sine(1000, 16'000, 16'000)) == doctest::Approx(-9.03).epsilon(0.01));
  CHECK(audio::peak_dbfs(sine(1000, 16'000, 16'000)) == doctest::Approx(-6.02).epsilon(0.01));
}

TEST_CASE("frames and time convert without overflow") {
  CHECK(audio::frames_to_nanos(22'050, 22'050) == kSecond);
  CHECK(audio::nanos_to_frames(kSecond / 2, 16'000) == 8'000);
  const std::int64_t year = 365LL * 24 * 3600 * 48'000;
  CHECK(audio::nanos_to_frames(audio::frames_to_nanos(year, 48'000), 48'000) == year);
}

TEST_CASE("a resampled stream is as long as the ratio says, however it is divided") {
  const std::pair<unsigned, unsigned> rates[] = {{48'000, 16'000}, {44'100, 16'000}, {22'050, 24'000},
                                                 {16'000, 24'000}, {8'000, 16'000},  {22'050, 16'000},
                                                 {16'000, 16'000}};
  for (const auto& pair : rates) {
    const unsigned from = pair.first;
    const unsigned to = pair.second;
    const std::vector<std::int16_t> in = sine(440, from, from * 2 + 123);
    std::vector<std::int16_t> whole;
    for (const std::size_t piece : {in.size(), std::size_t{441}, std::size_t{7}}) {
      audio::Resampler resampler(from, to);
      std::vector<std::int16_t> out;
      for (std::size_t at = 0; at < in.size(); at += piece) {
        resampler.process(std::span(in).subspan(at, std::min(piece, in.size() - at)), out);
      }
      resampler.flush(out);
      const double expected = static_cast<double>(in.size()) * to / from;
      CAPTURE(from);
      CAPTURE(to);
      CAPTURE(piece);
      CHECK(std::abs(static_cast<double>(out.size()) - expected) <= 1.5);
      CHECK(audio::rms_dbfs(std::span(out).subspan(1000, 10'000)) == doctest::Approx(-9.03).epsilon(0.02));
      if (whole.empty()) whole = out;
      CHECK(out == whole);
    }
  }
}

TEST_CASE("a resampler takes away what the new rate cannot hold, and starts anew after a flush") {
  audio::Resampler resampler(48'000, 16'000);
  std::vector<std::int16_t> out;
  resampler.process(sine(12'000, 48'000, 48'000), out);
  resampler.flush(out);
  CHECK(audio::rms_dbfs(std::span(out).subspan(500, 15'000)) < -70.0);
  std::vector<std::int16_t> second;
  resampler.process(sine(440, 48'000, 4'800), second);
  resampler.flush(second);
  CHECK(std::abs(static_cast<int>(second.size()) - 1600) <= 1);
  CHECK_THROWS_AS(audio::Resampler(1, 48'000), Error);
  CHECK_THROWS_AS(audio::Resampler(0, 48'000), Error);
}

TEST_CASE("the playout model takes what its buffer holds and then as fast as it plays") {
  test::FakeTime time;
  audio::PlayoutModel model(1'000, 40 * kMillisecond, time.pacing());
  const Nanos start = time.clock.now();
  model.write(30);
  CHECK(time.clock.now() == start);
  CHECK(model.latency() == 30 * kMillisecond);
  CHECK(model.played() == 0);
  model.write(30);  // 20 ms must be played first
  CHECK(time.clock.now() == start + 20 * kMillisecond);
  CHECK(model.latency() == 40 * kMillisecond);
  CHECK(model.played() == 20);
  model.flush();
  CHECK(model.latency() == 0);
  CHECK(model.played() == 20);
  time.clock.advance(kSecond);
  CHECK(model.played() == 20);
  model.write(10);
  CHECK(model.latency() == 10 * kMillisecond);
  model.drain();
  CHECK(model.played() == 30);
}

TEST_CASE("arrivals tell when samples are due, through jitter, drift, a late reader and a gap") {
  audio::ArrivalClock clock(16'000);
  Nanos due = 5 * kSecond;
  CHECK(clock.lateness(due) == 0);
  const auto read = [&](Nanos late) {
    due += 32 * kMillisecond;
    clock.arrived(512, due + late);
    return clock.lateness(due + late);
  };
  for (int i = 0; i < 200; ++i) {
    const Nanos jitter = (i * 7) % 10 * kMillisecond;
    const Nanos seen = read(jitter);
    if (i > 20) CHECK(seen == jitter);
  }
  CHECK(read(300 * kMillisecond) == 300 * kMillisecond);  // the reader slept
  CHECK(read(0) == 0);
  due += 5 * kSecond;  // the device stood still
  for (int i = 0; i < 64; ++i) (void)read(0);
  CHECK(read(0) == 0);
  for (int i = 0; i < 10'000; ++i) {  // a slow crystal: 100 ppm
    due += 3'200;
    CHECK(read(0) < kMillisecond);
  }
  CHECK(clock.lateness(due + kSecond) >= kSecond);
}
