#include <fmt/format.h>

#include <filesystem>
#include <fstream>

#include "base/error.hpp"
#include "bench.hpp"
#include "empty_run.hpp"
#include "loops.hpp"

// What a waiting stage costs, and how long a killed one is missing.
namespace prot::bench {
namespace {

struct Cost {
  double cpu_ns = 0;
  std::uint64_t sleeps = 0;
};

/// Of all threads of a process.
Cost cost_of(int pid) {
  Cost cost;
  for (const auto& task : std::filesystem::directory_iterator(fmt::format("/proc/{}/task", pid))) {
    double ran = 0;
    std::ifstream(task.path() / "schedstat") >> ran;
    cost.cpu_ns += ran;
    std::ifstream status(task.path() / "status");
    for (std::string line; std::getline(status, line);)
      if (line.starts_with("voluntary_ctxt_switches:")) cost.sleeps += std::stoull(line.substr(24));
  }
  return cost;
}

void idle_stage(Run& run) {
  EmptyRun empty;
  empty.spawn();
  empty.await_ready();
  sleep_until(monotonic_now() + 200 * kMillisecond);
  const Nanos quiet = run.options.quick ? kSecond : 10 * kSecond;
  const Cost before = cost_of(empty.pid());
  const Nanos begin = monotonic_now();
  const std::uint64_t belts_before = empty.consumer_page().waits.load();
  sleep_until(begin + quiet);
  const Cost after = cost_of(empty.pid());
  const std::uint64_t belts = empty.consumer_page().waits.load() - belts_before;
  const double seconds = static_cast<double>(monotonic_now() - begin) / 1e9;
  const double percent = 100 * (after.cpu_ns - before.cpu_ns) / 1e9 / seconds;
  run.report.add({"idle", "sleep", "ring", 0, "", "percent of a core"}, {percent, percent});
  const auto wakes = static_cast<double>(after.sleeps - before.sleeps);
  run.report.add({"idle", "sleep", "ring", 0, "", "wake-ups/s"}, {wakes / seconds, wakes / seconds});
  // Every sleep that ended is counted in the ring; a stage that nobody calls ends one a second by its belt.
  const double most = static_cast<double>(quiet) / 1e9 + 1;
  const double beyond = std::max(0.0, std::max(wakes, static_cast<double>(belts)) - most);
  run.report.add({"idle", "sleep", "ring", 0, "beyond the belt", "wake-ups"}, {beyond, beyond});
}

void idle_receiver(Run& run, const TransportInfo& info) {
  const auto transport = info.make({Mode::kSleep, 1024});
  const Nanos quiet = run.options.quick ? kSecond / 5 : 3 * kSecond;
  run.pair.run([&](Arena& a) { transport->send_late(a, quiet); },
               [&](Arena& a) { transport->receive_late(a); });
  const Side& side = run.pair.right();
  const auto seconds = static_cast<double>(side.end - side.begin) / 1e9;
  const double percent = 100 * static_cast<double>(side.cpu_ns) / 1e9 / seconds;
  run.report.add({"idle", "sleep", info.name, 0, "", "percent of a core"}, {percent, percent});
  // The last wake was the frame's.
  const double wakes = std::max(0.0, static_cast<double>(side.sleeps) - 1) / seconds;
  run.report.add({"idle", "sleep", info.name, 0, "", "wake-ups/s"}, {wakes, wakes});
}

void send(EmptyRun& empty, Frame& frame, std::uint64_t number) {
  ipc::FrameInfo info;
  info.kind = 1;
  frame.number(number);
  if (empty.feed().publish(info, {frame.data(), 1024}) != ipc::PublishResult::kOk)
    throw Error("the ring takes no frame");
}

void receive(EmptyRun& empty, Frame& frame, std::uint64_t number) {
  empty.await_result();
  ipc::FrameInfo info;
  std::span<const std::byte> payload;
  if (empty.results().peek(info, payload) != ipc::TakeResult::kFrame || payload.size() != 1024)
    throw Error("the result is not the frame");
  std::memcpy(frame.data(), payload.data(), payload.size());
  frame.expect(number);
  empty.results().release();
}

}  // namespace

void bench_idle(Run& run) {
  run.say("a stage that waits");
  idle_stage(run);
  for (const TransportInfo& info : transports())
    if (info.sleep && std::string_view(info.name) != "ring") idle_receiver(run, info);
}

void bench_recovery(Run& run) {
  run.say("kill -9, restart, next frame");
  EmptyRun empty;
  Frame frame(1024);
  std::vector<double> times;
  const std::uint64_t kills = run.options.quick ? 5 : 300;
  empty.spawn();
  for (std::uint64_t i = 0; i <= kills; ++i) {
    send(empty, frame, 2 * i);
    receive(empty, frame, 2 * i);
    empty.await_ready();
    if (i == kills) break;
    const Nanos begin = monotonic_now();
    empty.kill_now();
    empty.spawn();
    send(empty, frame, 2 * i + 1);
    receive(empty, frame, 2 * i + 1);
    times.push_back(static_cast<double>(monotonic_now() - begin));
  }
  const Key key{"recovery", "sleep", "ring", 1024, "", "ns"};
  run.report.add(key, figure_of(times));
  run.report.set_rounds(key, times.size());
}

}  // namespace prot::bench
