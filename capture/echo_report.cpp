#include "echo_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "audio/level.hpp"
#include "json/json.hpp"
#include "sample_clock.hpp"

namespace prot::capture {
namespace {
using stage::Finding;
using stage::Findings;
using stage::Verdict;

constexpr double kAudible = 1e-5;  // of the far end: -50 dBFS
constexpr Nanos kAhead = 100 * kMillisecond;
constexpr double kSettled = 2.5;  // seconds of sound after which the canceller is judged
constexpr std::size_t kDecimation = 4;
constexpr double kLagMs = static_cast<double>(kDecimation) * 1000 / wire::kMicRate;
constexpr std::size_t kSection = wire::kMicRate / kDecimation / 4;  // 250 ms
constexpr int kEarliest = -100;                                     // ms
constexpr int kLatest = 600;
constexpr double kWithin = 3;       // dB
constexpr std::size_t kShort = 16;  // windows: about half a second
constexpr double kClear = 6;        // dB above the noise: an echo
constexpr double kEnough = 3;       // seconds of the sound
constexpr double kGood = 20, kPoor = 10;
constexpr double kDistorted = -0.5;  // dBFS
constexpr double kLate = 500;        // ms: what a running capture follows

double db(double power) { return power > 1e-12 ? 10 * std::log10(power) : audio::kSilenceDbfs; }

/// One window of the recording.
struct Slice {
  EchoPowers powers;
  double peak_db;
};

/// Both sounds, sample beside sample.
struct Pair {
  std::vector<std::int16_t> far;
  std::vector<std::int16_t> near;
};

std::vector<float> thinned(std::span<const std::int16_t> samples) {
  std::vector<float> out;
  float last = 0;
  for (std::size_t at = 0; at + kDecimation <= samples.size(); at += kDecimation) {
    float sum = 0;
    for (std::size_t i = 0; i < kDecimation; ++i) sum += static_cast<float>(samples[at + i]);
    out.push_back(sum - last);  // the difference: a sharper peak for what has its power in the lows
    last = sum;
  }
  return out;
}

double energy(std::span<const float> samples) {
  double sum = 0;
  for (const float sample : samples) sum += static_cast<double>(sample) * sample;
  return sum;
}

/// How alike both are at the lag at which they are most alike.
struct Likest {
  double likeness = 0;
  long lag = 0;
};

Likest likest(std::span<const float> far, std::span<const float> near, long begin, long end) {
  Likest best;
  const double heard =
      energy(near.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin)));
  for (long lag = std::lround(kEarliest / kLagMs); lag <= std::lround(kLatest / kLagMs); ++lag) {
    const long first = std::max(begin, lag);
    const long last = std::min(end, static_cast<long>(far.size()) + lag);
    float sum = 0;
    float played = 0;
    for (long i = first; i < last; ++i) {
      const float sample = far[static_cast<std::size_t>(i - lag)];
      sum += sample * near[static_cast<std::size_t>(i)];
      played += sample * sample;
    }
    const double scale = std::sqrt(heard * static_cast<double>(played));
    const double likeness = scale > 0 ? std::abs(static_cast<double>(sum)) / scale : 0;
    if (likeness > best.likeness) best = {likeness, lag};
  }
  return best;
}

// By short sections, and their median: two clocks drift apart, and over seconds no one lag is right.
void find_delay(const Pair& pair, EchoMeasurement& echo) {
  const std::vector<float> far = thinned(pair.far);
  const std::vector<float> near = thinned(pair.near);
  const double usual = energy(near) / static_cast<double>(std::max<std::size_t>(near.size(), 1));
  std::vector<Likest> sections;
  for (std::size_t at = 0; at + kSection <= near.size(); at += kSection) {
    if (energy(std::span(near).subspan(at, kSection)) < usual * kSection / 4) continue;  // next to nothing
    const Likest best = likest(far, near, static_cast<long>(at), static_cast<long>(at + kSection));
    if (best.likeness > 0) sections.push_back(best);
  }
  if (sections.empty()) return;
  const auto middle = sections.begin() + static_cast<std::ptrdiff_t>(sections.size() / 2);
  std::nth_element(sections.begin(), middle, sections.end(),
                   [](const Likest& a, const Likest& b) { return a.lag < b.lag; });
  echo.delay_ms = static_cast<double>(middle->lag) * kLagMs;
  std::nth_element(sections.begin(), middle, sections.end(),
                   [](const Likest& a, const Likest& b) { return a.likeness < b.likeness; });
  echo.likeness = middle->likeness;
}

std::vector<Slice> replay(const audio::Tape& played, const audio::Tape& recorded, EchoRemover& remover,
                          Pair& pair) {
  std::vector<Slice> slices;
  SampleClock clock(wire::kMicRate);
  std::size_t next = 0;
  std::array<std::int16_t, wire::kMicWindow> window;
  std::array<std::int16_t, wire::kMicWindow> beside;
  for (std::size_t i = 0; i < recorded.blocks(); ++i) {
    const std::uint64_t first = i * wire::kMicWindow;
    clock.observe(first + wire::kMicWindow,
                  recorded.times[i] + audio::frames_to_nanos(wire::kMicWindow, wire::kMicRate));
    const Nanos at = clock.time_of(first);
    for (; next < played.blocks() && played.times[next] < at + kAhead; ++next)
      remover.far_end().play(
          std::as_bytes(std::span(played.samples).subspan(next * played.block, played.block)), played.rate,
          played.times[next], false);
    std::copy_n(recorded.samples.begin() + static_cast<std::ptrdiff_t>(first), window.size(), window.begin());
    remover.far_end().read(FarEnd::index_of(at), beside);
    pair.near.insert(pair.near.end(), window.begin(), window.end());
    pair.far.insert(pair.far.end(), beside.begin(), beside.end());
    const double peak = audio::peak_dbfs(window);
    remover.process(window, at);
    slices.push_back({remover.powers(), peak});
  }
  return slices;
}

EchoPowers mean(std::span<const Slice> slices) {
  EchoPowers sum;
  for (const Slice& slice : slices) {
    sum.heard += slice.powers.heard / static_cast<double>(slices.size());
    sum.left += slice.powers.left / static_cast<double>(slices.size());
  }
  return sum;
}

double seconds(std::size_t windows) {
  return static_cast<double>(windows) * wire::kMicWindow / wire::kMicRate;
}

}  // namespace

EchoMeasurement measure_echo(const audio::Tape& played, const audio::Tape& recorded, EchoRemover& remover) {
  EchoMeasurement echo;
  if (recorded.rate != wire::kMicRate || recorded.block != wire::kMicWindow) return echo;
  Pair pair;
  const std::vector<Slice> all = replay(played, recorded, remover, pair);
  const auto is_sound = [](const Slice& slice) { return slice.powers.far > kAudible; };
  const auto begin = std::find_if(all.begin(), all.end(), is_sound);
  const auto end = std::find_if(all.rbegin(), all.rend(), is_sound).base();
  if (begin >= end) return echo;
  const std::span<const Slice> sound(begin, end);
  const std::span<const Slice> before(all.begin(), begin);
  echo.seconds = seconds(sound.size());
  // The first moments of a recording may be anything.
  echo.noise_db = db(mean(before.subspan(before.size() / 3)).heard);
  echo.echo_db = db(mean(sound).heard);
  for (const Slice& slice : sound) echo.peak_db = std::max(echo.peak_db, slice.peak_db);
  find_delay(pair, echo);
  const auto ms = [](Nanos time) { return static_cast<double>(time) / kMillisecond; };
  if (remover.search().found()) echo.found_ms = ms(remover.search().delay());
  echo.moved_ms = ms(remover.shift());
  const auto settled = static_cast<std::size_t>(kSettled * wire::kMicRate / wire::kMicWindow);
  if (sound.size() < settled + kShort) return echo;
  const EchoPowers rest = mean(sound.subspan(settled));
  echo.left_db = db(rest.left);
  echo.removed_db = db(rest.heard) - echo.left_db;
  for (std::size_t i = 0; i + kShort <= sound.size() && echo.converged_ms < 0; ++i) {
    const EchoPowers part = mean(sound.subspan(i, kShort));
    if (db(part.heard) - db(part.left) >= echo.removed_db - kWithin) echo.converged_ms = seconds(i) * 1000;
  }
  return echo;
}

Findings echo_findings(const EchoMeasurement& echo, std::string_view canceller, bool headphones) {
  const std::string path = "loudspeaker in the microphone";
  const std::string cancel = "echo cancellation";
  if (echo.seconds < kEnough)
    return {{Verdict::kFail, path, fmt::format("only {:.1f} s of the sound were recorded", echo.seconds),
             "again; if it stays so, a device takes long to open: name another one"}};
  if (echo.noise_db <= -100 && echo.echo_db <= -100)
    return {{Verdict::kFail, path, "the microphone delivers digital silence",
             "unmute it, or name another one with capture.device"}};
  if (echo.echo_db < echo.noise_db + kClear) {
    const std::string finding = fmt::format("not heard; the room's noise is at {:.0f} dBFS", echo.noise_db);
    if (headphones) return {{Verdict::kOk, path, finding + " (player.headphones = true)"}};
    return {{Verdict::kWarn, path, finding,
             "with headphones set player.headphones = true; else the loudspeaker is muted, or another one: "
             "player.device, capture.device"}};
  }
  Findings findings;
  std::string level = fmt::format("{:.0f} dBFS, {:.0f} dB above the noise, {:.0f} ms late", echo.echo_db,
                                  echo.echo_db - echo.noise_db, echo.delay_ms);
  if (echo.moved_ms > 0) level += fmt::format(" (found, and {:.0f} ms of it made up for)", echo.moved_ms);
  if (headphones)
    findings.push_back({Verdict::kFail, path, level + ", and player.headphones = true",
                        "set player.headphones = false; prot would interrupt itself"});
  else if (echo.peak_db >= kDistorted)
    findings.push_back({Verdict::kWarn, path, level + ", distorted",
                        "lower the volume of the loudspeaker or of the microphone"});
  else if (echo.delay_ms > kLate)
    findings.push_back({Verdict::kWarn, path, level,
                        "a wireless loudspeaker or microphone? one with a cable is better understood"});
  else
    findings.push_back({Verdict::kOk, path, level});
  if (canceller == "none") {
    findings.push_back({headphones ? Verdict::kOk : Verdict::kWarn, cancel,
                        "off: prot is not to be interrupted while it speaks",
                        headphones ? ""
                                   : "capture.echo_cancellation = auto (where it is built in: "
                                     "libwebrtc-audio-processing-dev), or headphones"});
    return findings;
  }
  const std::string result = fmt::format(
      "{} takes {:.0f} dB away{}; {:.0f} dBFS are left", canceller, echo.removed_db,
      echo.converged_ms < 0 ? "" : fmt::format(" after {:.1f} s", echo.converged_ms / 1000), echo.left_db);
  const bool gone = echo.left_db <= echo.noise_db + kWithin;
  if (echo.removed_db >= kGood || gone)
    findings.push_back({Verdict::kOk, cancel, result});
  else if (echo.removed_db >= kPoor)
    findings.push_back({Verdict::kWarn, cancel, result + ": prot may interrupt itself",
                        "lower the volume, or put the loudspeaker further from the microphone"});
  else
    findings.push_back({Verdict::kFail, cancel, result + ": prot will interrupt itself",
                        "other devices; or headphones with player.headphones = true; or "
                        "capture.echo_cancellation = off, then prot speaks to the end"});
  return findings;
}

std::string to_json(const EchoMeasurement& echo) {
  json::Writer out;
  out.begin_object()
      .key("echo")
      .begin_object()
      .member("recorded_s", echo.seconds)
      .member("noise_dbfs", echo.noise_db)
      .member("echo_dbfs", echo.echo_db)
      .member("peak_dbfs", echo.peak_db)
      .member("left_dbfs", echo.left_db)
      .member("removed_db", echo.removed_db)
      .member("delay_ms", echo.delay_ms)
      .member("likeness", echo.likeness)
      .member("found_ms", echo.found_ms)
      .member("moved_ms", echo.moved_ms)
      .member("converged_ms", echo.converged_ms)
      .end_object()
      .end_object();
  return out.str();
}

}  // namespace prot::capture
