// End to end on a real PulseAudio server without hardware. Exit code 77 (skipped) when it is not installed.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <atomic>
#include <cmath>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

#include "audio/level.hpp"
#include "audio/pulse_playback.hpp"
#include "audio/pulse_stream.hpp"
#include "base/error.hpp"
#include "tests/support/private_pulse.hpp"

using namespace prot;
using Samples = std::vector<std::int16_t>;

namespace {

constexpr unsigned kRate = 16'000;
constexpr int kLoud = 1'000;

Samples noise(std::size_t count) {
  std::mt19937 random(7);
  Samples out(count);
  double low = 0;
  for (std::int16_t& sample : out) {  // low-passed: a converted copy is then nearly the same
    low += 0.2 * (static_cast<double>(random() % 40'001) - 20'000.0 - low);
    sample = static_cast<std::int16_t>(low);
  }
  return out;
}

/// Records on a thread, with the time at which the microphone heard each sample.
class Recorder {
 public:
  /// Returns when sound comes: an idle null sink has rendered two seconds ahead, and lets its monitor wait.
  explicit Recorder(const audio::PulseOptions& options) : stream_(options), thread_([this] { run(); }) {
    while (count() == 0) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  ~Recorder() { stop(); }
  void stop() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
  }
  [[nodiscard]] std::size_t count() {
    const std::lock_guard lock(mutex_);
    return samples.size();
  }
  [[nodiscard]] bool hears_within(std::size_t from, int milliseconds) {
    for (int i = 0; i < milliseconds; i += 5) {
      if (loud_from(from) < count()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return false;
  }
  /// First loud sample at or after `from`.
  [[nodiscard]] std::size_t loud_from(std::size_t from) {
    const std::lock_guard lock(mutex_);
    while (from < samples.size() && std::abs(samples[from]) < kLoud) ++from;
    return from;
  }
  [[nodiscard]] std::size_t last_loud() {
    const std::lock_guard lock(mutex_);
    std::size_t at = samples.size();
    while (at > 0 && std::abs(samples[at - 1]) < kLoud) --at;
    return at;
  }
  [[nodiscard]] Nanos time_of(std::size_t sample) {
    const std::lock_guard lock(mutex_);
    return heard_at[sample / kBlock] +
           audio::frames_to_nanos(static_cast<std::int64_t>(sample % kBlock), kRate);
  }

  static constexpr std::size_t kBlock = 512;
  Samples samples;              // protected by mutex_ until stop()
  std::vector<Nanos> heard_at;  // of the first sample of each block; protected likewise

 private:
  void run() {
    Samples block(kBlock);
    while (!stop_) {
      stream_.read(block);
      const Nanos end = monotonic_now() - stream_.latency();
      const std::lock_guard lock(mutex_);
      samples.insert(samples.end(), block.begin(), block.end());
      heard_at.push_back(end - audio::frames_to_nanos(kBlock, kRate));
    }
  }

  audio::PulseRecord stream_;
  std::mutex mutex_;
  std::atomic<bool> stop_ = false;
  std::thread thread_;  // last: it uses the others
};

audio::PulseOptions options(const test::PrivatePulse& pulse, const std::string& device) {
  audio::PulseOptions out;
  out.server = pulse.server();
  out.device = device;
  out.format = {.rate = kRate, .channels = 1};
  return out;
}

/// Best normalised correlation of `signal` with `recorded` around `near`.
double similarity(const Samples& signal, const Samples& recorded, std::size_t near) {
  double best = 0;
  for (std::size_t start = near > 100 ? near - 100 : 0;
       start < near + 100 && start + signal.size() <= recorded.size(); ++start) {
    double dot = 0;
    double a = 0;
    double b = 0;
    for (std::size_t i = 0; i < signal.size(); ++i) {
      const double x = signal[i];
      const double y = recorded[start + i];
      dot += x * y;
      a += x * x;
      b += y * y;
    }
    best = std::max(best, dot / std::sqrt(a * b + 1.0));
  }
  return best;
}

double ms(Nanos time) { return static_cast<double>(time) / kMillisecond; }

void round_trip(const test::PrivatePulse& pulse, const std::string& sink, const std::string& source) {
  Recorder recorder(options(pulse, source));
  audio::PulsePlayback playback(options(pulse, sink));
  const Samples signal = noise(kRate / 5);
  playback.write(Samples(kRate / 2, 0));
  const std::size_t before = recorder.count();
  const Nanos written_at = monotonic_now();
  playback.write(signal);
  const Nanos predicted = monotonic_now() + playback.latency() - audio::frames_to_nanos(kRate / 5, kRate);
  playback.write(Samples(kRate / 2, 0));
  playback.drain();
  REQUIRE(recorder.hears_within(0, 5'000));
  CHECK(recorder.loud_from(0) + Recorder::kBlock >= before);
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  recorder.stop();
  const std::size_t onset = recorder.loud_from(0);
  const Nanos heard = recorder.time_of(onset);
  MESSAGE(source, ": written -> recorded ", ms(heard - written_at), " ms; predicted by the sink's latency ",
          ms(predicted - written_at), " ms");
  CHECK(similarity(signal, recorder.samples, onset) > 0.95);
  // The monitor is read before the sink's last few milliseconds; a busy machine adds to it.
  CHECK(std::abs(ms(heard - predicted)) < 60.0);
}

}  // namespace

TEST_CASE("what is played on a sink is recorded from its monitor, at the time that the latency says") {
  const test::PrivatePulse pulse;
  round_trip(pulse, "speaker", "speaker.monitor");
}

TEST_CASE("what is played into the virtual microphone is heard on it") {
  const test::PrivatePulse pulse;
  round_trip(pulse, "micsrc", "mic");
}

TEST_CASE("a flush silences the loudspeaker at once, and playing goes on after it") {
  const test::PrivatePulse pulse;
  Recorder recorder(options(pulse, "speaker.monitor"));
  audio::PulsePlayback playback(options(pulse, "speaker"));
  const Samples signal = noise(kRate);
  playback.write(signal);
  playback.flush();
  const Nanos flushed_at = monotonic_now();
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  const std::size_t silent_from = recorder.last_loud();
  REQUIRE(silent_from > 0);
  const double after = ms(recorder.time_of(silent_from - 1) - flushed_at);
  MESSAGE("last sound ", after, " ms after the flush");
  CHECK(after < 100.0);
  const std::size_t before = recorder.count();
  playback.write(signal);
  CHECK(recorder.hears_within(before, 5'000));
}

TEST_CASE("after a pause, what follows a short lead-in of silence is heard whole") {
  const test::PrivatePulse pulse;
  Recorder recorder(options(pulse, "speaker.monitor"));
  audio::PulsePlayback playback(options(pulse, "speaker"));
  const Samples signal = noise(kRate / 5);
  playback.write(signal);
  std::this_thread::sleep_for(std::chrono::milliseconds(700));
  const std::size_t before = recorder.count();
  playback.write(Samples(kRate * 60 / 1000, 0));  // the server may swallow its beginning
  playback.write(signal);
  playback.drain();
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  recorder.stop();
  const std::size_t onset = recorder.loud_from(before);
  REQUIRE(onset < recorder.samples.size());
  CHECK(similarity(signal, recorder.samples, onset) > 0.95);
}

TEST_CASE("a stream that runs dry is counted") {
  const test::PrivatePulse pulse;
  audio::PulsePlayback playback(options(pulse, "speaker"));
  CHECK(playback.underruns() == 0);
  for (std::uint64_t times = 1; times <= 2; ++times) {
    const std::uint64_t before = playback.underruns();
    playback.write(noise(kRate / 10));
    for (int i = 0; i < 1000 && playback.underruns() == before; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    CHECK(playback.underruns() > before);
  }
}

TEST_CASE("a device that is not there is named in the error") {
  const test::PrivatePulse pulse;
  const std::string expected =
      "cannot open PulseAudio source \"nosuch\" on server \"" + pulse.server() + "\": No such entity";
  CHECK_THROWS_WITH_AS(audio::PulseRecord(options(pulse, "nosuch")), expected.c_str(), Error);
  CHECK_THROWS_AS(audio::PulsePlayback(options(pulse, "nosuch")), Error);
}

int main(int argc, char** argv) {
  if (!test::PrivatePulse::installed()) return 77;
  return doctest::Context(argc, argv).run();
}
