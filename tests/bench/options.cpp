#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>

#include "base/error.hpp"
#include "bench.hpp"

namespace prot::bench {
namespace {

constexpr const char* kBenches[] = {"round_trip", "throughput", "paced",   "steady",
                                    "syscalls",   "idle",       "recovery"};

constexpr const char* kHelp = R"(usage: ring_bench [OPTION]...
Measures prot's ring beside other transports in the same run: two processes, each on a core of its own, in
interleaved rounds. Prints tables, each figure with the ratio ring / other in time per frame (below 1: the ring
is faster), then the bars. Exit status 1 only when something was wrong (a frame lost, a wake late, a transport
stuck), never for a speed.

  --json FILE    also one JSON object a line
  --only NAMES   of round_trip,throughput,paced,steady,syscalls,idle,recovery
  --rounds N     interleaved rounds of the first two (default 9)
  --quick        a few frames of everything: whether it works, not how fast it is
  --fault KIND   breaks the sender of "steady" on purpose: lost, late
  --help         this text
)";

std::set<std::string> names(const std::string& list) {
  std::set<std::string> found;
  for (std::size_t begin = 0; begin <= list.size();) {
    const std::size_t end = std::min(list.find(',', begin), list.size());
    const std::string name = list.substr(begin, end - begin);
    if (std::find(std::begin(kBenches), std::end(kBenches), name) == std::end(kBenches))
      throw UsageError("no bench is called '" + name + "'; see --help");
    found.insert(name);
    begin = end + 1;
  }
  return found;
}

Fault fault_of(const std::string& name) {
  if (name == "lost") return Fault::kSkipsAFrame;
  if (name == "late") return Fault::kNeverRings;
  throw UsageError("--fault is lost or late, not " + name);
}

// False: the question is answered already.
bool parse(int argc, char** argv, Options& options) {
  for (int i = 1; i < argc; ++i) {
    const std::string option = argv[i];
    const auto value = [&]() -> std::string {
      if (i + 1 >= argc) throw UsageError(option + " needs a value; see --help");
      return argv[++i];
    };
    if (option == "--help") {
      std::fputs(kHelp, stdout);
      return false;
    }
    if (option == "--quick")
      options.quick = true;
    else if (option == "--json")
      options.json = value();
    else if (option == "--only")
      options.only = names(value());
    else if (option == "--fault")
      options.fault = fault_of(value());
    else if (option == "--rounds")
      options.rounds = static_cast<unsigned>(std::strtoul(value().c_str(), nullptr, 10));
    else
      throw UsageError("unknown option '" + option + "'; see --help");
  }
  if (options.quick) options.rounds = 1;
  if (options.rounds == 0 || options.rounds > 1000) throw UsageError("--rounds is a number from 1 to 1000");
  return true;
}

void measure(Run& run) {
  using Bench = void (*)(Run&);
  constexpr Bench kRun[] = {bench_round_trip, bench_throughput, bench_paced,   bench_steady,
                            bench_syscalls,   bench_idle,       bench_recovery};
  for (std::size_t i = 0; i < std::size(kRun); ++i)
    if (run.wants(kBenches[i])) kRun[i](run);
}

}  // namespace

void Run::say(const std::string& what) const {
  static const Nanos begin = monotonic_now();
  std::fprintf(stderr, "%4lld s  %s\n", static_cast<long long>((monotonic_now() - begin) / kSecond),
               what.c_str());
}

int run_bench(int argc, char** argv) {
  try {
    Run run;
    if (!parse(argc, argv, run.options)) return 0;
    std::ofstream json;
    if (!run.options.json.empty()) {  // now: not after minutes of work
      json.open(run.options.json);
      if (!json) throw errno_error("cannot write " + run.options.json);
    }
    run.say("starting; ends in about six minutes");
    if (usable_cores() < 2) run.report.note("anything on two cores: only one may be used here");
    if (transports().back().name != std::string_view("iceoryx"))
      run.report.note("iceoryx: not installed when this was built, or its daemon runs already");
    measure(run);
    stop_iceoryx();
    run.report.print(std::cout);
    if (json.is_open()) run.report.write_json(json);
    if (json.is_open() && !json.flush()) throw errno_error("cannot write " + run.options.json);
    return run.report.failures().empty() ? 0 : 1;
  } catch (const Error& e) {
    stop_iceoryx();
    std::fprintf(stderr, "ring_bench: %s\n", full_message(e).c_str());
    return e.exit_code();
  } catch (const std::exception& e) {
    stop_iceoryx();
    std::fprintf(stderr, "ring_bench: %s\n", e.what());
    return 1;
  }
}

}  // namespace prot::bench
