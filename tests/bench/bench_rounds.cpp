#include <fmt/format.h>

#include "base/error.hpp"
#include "bench.hpp"

namespace prot::bench {
namespace {

/// A receiver on its sender's heels slows both, whatever the transport: one that finds nothing waits for
/// about two microseconds before it looks again.
constexpr unsigned kPatience = 64;

// Other transports stand between two rounds of one: what disturbs the machine for a while disturbs all.
template <class Function>
void interleaved(Run& run, Mode mode, unsigned rounds, const Function& measure) {
  for (unsigned round = 0; round < rounds; ++round)
    for (const TransportInfo& info : transports()) {
      if (!has_mode(info, mode)) continue;
      try {
        measure(info);
      } catch (const Error& e) {
        run.report.fail(fmt::format("{}, {}: {}", info.name, to_string(mode), full_message(e)));
      }
    }
}

std::vector<std::uint32_t> samples_of(const Side& side) {
  return {side.samples.begin(), side.samples.begin() + static_cast<std::ptrdiff_t>(side.sample_count)};
}

double per_frame(const Side& side, std::int64_t what) {
  return static_cast<double>(what) / static_cast<double>(side.frames);
}

}  // namespace

void bench_round_trip(Run& run) {
  for (const Mode mode : {Mode::kSpin, Mode::kSleep})
    for (const std::size_t bytes : kSizes) {
      run.say(fmt::format("round trip, {}, {} B", to_string(mode), bytes));
      interleaved(run, mode, run.options.rounds, [&](const TransportInfo& info) {
        const auto transport = info.make({mode, bytes});
        // Warm: once around the ring, so that each page is there.
        const std::uint64_t warm = run.scaled(mode == Mode::kSpin ? kBuffer / bytes + 1000 : 100);
        const Counts counts{warm, run.scaled(mode == Mode::kSleep ? 1000 : bytes > 1920 ? 4000 : 20000)};
        run.pair.run([&](Arena& a) { transport->ping(a, counts); },
                     [&](Arena& a) { transport->pong(a, counts); });
        auto samples = samples_of(run.pair.left());
        run.report.add({"round_trip", to_string(mode), info.name, bytes, "", "ns"}, figure_of(samples));
      });
    }
}

void bench_throughput(Run& run) {
  for (const std::size_t bytes : kSizes) {
    run.say(fmt::format("one-way throughput, {} B", bytes));
    for (const Mode mode : {Mode::kSpin, Mode::kSleep})
      interleaved(run, mode, run.options.rounds, [&](const TransportInfo& info) {
        const auto transport = info.make({mode, bytes, kPatience});
        std::uint64_t frames = bytes <= 1920 ? 400'000 : bytes <= 16384 ? 40'000 : 8'000;
        if (info.many_calls || std::string_view(info.name) == "slot") frames /= 10;
        const Counts counts{run.scaled(2 * kBuffer / bytes + 1000), run.scaled(frames)};
        run.pair.run([&](Arena& a) { transport->send_all(a, counts); },
                     [&](Arena& a) { transport->receive_all(a, counts); });
        const Side& side = run.pair.right();
        const double each = per_frame(side, side.end - side.begin);
        run.report.add({"throughput", to_string(mode), info.name, bytes, "", "ns/frame"}, {each, each});
      });
  }
}

void bench_paced(Run& run) {
  struct Case {
    const char* name;
    Nanos interval;
    std::uint64_t frames;
    unsigned rounds;
  };
  const unsigned few = run.options.quick ? 1 : 3;
  for (const Case& c : {Case{"1 ms", kMillisecond, 400, run.options.quick ? 1U : 5U},
                        Case{"32 ms", 32 * kMillisecond, 40, few}}) {
    run.say(fmt::format("one way, paced: a frame every {}", c.name));
    for (const Mode mode : {Mode::kSleep, Mode::kSpin})
      interleaved(run, mode, c.rounds, [&](const TransportInfo& info) {
        // Who spins pays a whole core whatever the transport: the ring stands for all.
        if (mode == Mode::kSpin && std::string_view(info.name) != "ring") return;
        const std::size_t bytes = 1024;
        const auto transport = info.make({mode, bytes});
        const Counts counts{run.options.quick ? 2U : 5U, run.options.quick ? 5U : c.frames};
        run.pair.run(
            [&](Arena& a) {
              transport->send_paced(a, counts, {c.interval, false});
            },
            [&](Arena& a) { transport->receive_paced(a, counts); });
        const Side& side = run.pair.right();
        auto samples = samples_of(side);
        run.report.add({"paced", to_string(mode), info.name, bytes, c.name, "ns"}, figure_of(samples));
        const double cpu = per_frame(side, side.cpu_ns);
        run.report.add({"paced", to_string(mode), info.name, bytes, c.name, "receiver's CPU ns/frame"},
                       {cpu, cpu});
      });
  }
}

void bench_steady(Run& run) {
  run.say("50,000 frames/s of 1 KiB, 10 s");
  const Setup setup{Mode::kSleep, 1024, 1, run.options.fault};
  const auto ring = make_ring(setup);
  const Counts counts{1, run.options.quick ? 5'000U : 500'000U};
  run.pair.run(
      [&](Arena& a) {
        ring->send_paced(a, counts, {20 * kMicrosecond, true});
      },
      [&](Arena& a) { ring->receive_paced(a, counts); });
  const Side& side = run.pair.right();
  auto samples = samples_of(side);
  Key key{"paced", "sleep", "ring", 1024, "50000 frames/s", "ns"};
  run.report.add(key, figure_of(samples));
  key.unit = "receiver's CPU ns/frame";
  run.report.add(key, {per_frame(side, side.cpu_ns), per_frame(side, side.cpu_ns)});
  const auto lost = static_cast<double>(side.lost);
  const auto late = static_cast<double>(side.late_wakes + run.pair.left().late_wakes);
  key.unit = "lost frames";
  run.report.add(key, {lost, lost});
  key.unit = "late wakes";
  run.report.add(key, {late, late});
  if (lost > 0) run.report.fail(fmt::format("{} frames were lost at 50,000 frames/s", lost));
  if (late > 0) run.report.fail(fmt::format("{} wakes came late at 50,000 frames/s", late));
}

}  // namespace prot::bench
