#include <fcntl.h>
#include <fmt/format.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/error.hpp"
#include "bench.hpp"
#include "empty_run.hpp"
#include "loops.hpp"
#include "stage/event_loop.hpp"

// System calls a frame, counted with ptrace: exact, of sender and receiver together. The sender keeps its
// pace by looking at the clock, which is no system call.
namespace prot::bench {
namespace {

constexpr std::size_t kBytes = 1024;
constexpr Nanos kInterval = 2 * kMillisecond;  // longer than a traced wake takes

void count(Run& run, const std::string& transport, Mode mode, const std::string& detail, std::uint64_t frames,
           const ProcessPair::Body& left, const ProcessPair::Body& right) {
  try {
    const TraceCount trace = run.pair.run_traced(left, right);
    if (!trace.possible) {
      run.report.note(fmt::format("{}, system calls, {}: tracing is not allowed", transport, detail));
      return;
    }
    const double each = static_cast<double>(trace.calls) / static_cast<double>(frames);
    run.report.add({"syscalls", to_string(mode), transport, kBytes, detail, "calls/frame"}, {each, each});
  } catch (const Error& e) {
    run.report.fail(fmt::format("{}, system calls, {}: {}", transport, detail, full_message(e)));
  }
}

void saturated(Run& run, const TransportInfo& info, Mode mode) {
  const auto transport = info.make({mode, kBytes});
  const Counts counts{run.scaled(1000), run.scaled(info.many_calls ? 4'000 : 100'000)};
  count(
      run, info.name, mode, "saturated", counts.frames, [&](Arena& a) { transport->send_all(a, counts); },
      [&](Arena& a) { transport->receive_all(a, counts); });
}

void bare_wait(Run& run, const TransportInfo& info) {
  const auto transport = info.make({Mode::kSleep, kBytes});
  const Counts counts{5, run.options.quick ? 10U : 200U};
  count(
      run, info.name, Mode::kSleep, "bare wait", counts.frames,
      [&](Arena& a) {
        transport->send_paced(a, counts, {kInterval, true});
      },
      [&](Arena& a) { transport->receive_paced(a, counts); });
}

/// Sends at the pace between the marks; `send` gets the number of the frame.
template <class Send>
void paced(Arena& arena, Counts counts, const Send& send) {
  Nanos next = monotonic_now() + kInterval;
  for (std::uint64_t i = 0; i <= counts.warm + counts.frames; ++i, next += kInterval) {
    while (monotonic_now() < next) pause();
    if (i == counts.warm || i == counts.warm + counts.frames) arena.mark();  // the last is not sent
    if (i < counts.warm + counts.frames) send(i);
  }
}

/// The ring in front of a real stage in its runner.
void stage_loop(Run& run, Counts counts) {
  EmptyRun empty;
  const auto left = [&](Arena& arena) {
    empty.await_ready();
    ipc::Output& feed = empty.feed();
    Frame frame(kBytes);
    ipc::FrameInfo info;
    info.kind = 1;
    info.flags = ipc::kFlagResync;  // it ends in the stage: one hop
    paced(arena, counts, [&](std::uint64_t i) {
      frame.number(i);
      if (feed.publish(info, {frame.data(), kBytes}) != ipc::PublishResult::kOk) throw Error("not published");
    });
  };
  count(run, "ring", Mode::kSleep, "event loop", counts.frames, left, [&](Arena&) { empty.become(); });
}

/// A descriptor that is read by a callback of the stages' event loop.
void descriptor_loop(Run& run, const char* name, Counts counts, std::size_t bytes, int reader, int writer) {
  const auto left = [&](Arena& arena) {
    Frame frame(kBytes);
    frame.number(1);
    arena.meet();
    paced(arena, counts, [&](std::uint64_t) {
      if (::write(writer, frame.data(), bytes) < 0) throw errno_error("write");
    });
  };
  const auto right = [&](Arena& arena) {
    Frame frame(kBytes);
    stage::EventLoop loop;
    loop.watch_readable(reader, [&] {
      if (::read(reader, frame.data(), bytes) < 0) throw errno_error("read");
    });
    arena.meet();
    for (;;) loop.wait(monotonic_now() + kSecond);
  };
  count(run, name, Mode::kSleep, "event loop", counts.frames, left, right);
}

void event_loops(Run& run) {
  const Counts counts{5, run.options.quick ? 10U : 200U};
  stage_loop(run, counts);
  int fds[2];
  if (::pipe2(fds, O_CLOEXEC) != 0) throw errno_error("cannot make a pipe");
  const UniqueFd reader(fds[0]);
  const UniqueFd writer(fds[1]);
  descriptor_loop(run, "pipe", counts, kBytes, reader.get(), writer.get());
  const UniqueFd event(::eventfd(0, EFD_CLOEXEC));
  if (!event) throw errno_error("cannot make an eventfd");
  descriptor_loop(run, "eventfd", counts, sizeof(std::uint64_t), event.get(), event.get());
}

}  // namespace

void bench_syscalls(Run& run) {
  run.say("system calls a frame");
  for (unsigned round = 0; round < (run.options.quick ? 1U : 3U); ++round) {
    for (const TransportInfo& info : transports()) {
      if (std::string_view(info.name) == "iceoryx") continue;  // its threads make calls of their own
      if (std::string_view(info.name) == "ring") saturated(run, info, Mode::kSpin);
      if (!info.sleep) continue;
      saturated(run, info, Mode::kSleep);
      bare_wait(run, info);
    }
    event_loops(run);
  }
}

}  // namespace prot::bench
