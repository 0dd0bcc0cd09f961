#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "report.hpp"

namespace prot::bench {

struct Options {
  std::string json;            // file, or empty
  std::set<std::string> only;  // benches; empty: all
  unsigned rounds = 9;
  bool quick = false;  // whether it works, not how fast it is
  Fault fault = Fault::kNone;
};

/// One run of everything that was asked for. Progress goes to stderr.
struct Run {
  Options options;
  Report report;
  ProcessPair pair;

  [[nodiscard]] bool wants(const std::string& bench) const {
    return options.only.empty() || options.only.contains(bench);
  }
  [[nodiscard]] std::uint64_t scaled(std::uint64_t frames) const {
    return options.quick ? std::max<std::uint64_t>(20, frames / 200) : frames;
  }
  /// Says what is being measured, with the time that has passed.
  void say(const std::string& what) const;
};

inline constexpr std::size_t kSizes[] = {64, 1024, 1920, 16384, 65536};
/// The program: options, the benches, the tables. Returns the exit code.
int run_bench(int argc, char** argv);

void bench_round_trip(Run& run);
void bench_throughput(Run& run);
void bench_paced(Run& run);
void bench_steady(Run& run);  // 10 s at 50,000 frames/s: nothing may be lost, no wake late
void bench_syscalls(Run& run);
void bench_idle(Run& run);
void bench_recovery(Run& run);

}  // namespace prot::bench
