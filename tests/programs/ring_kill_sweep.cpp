// Kills a process at every instruction of a ring operation, restarts it as its successor would, drains, and
// compares with what must have come out. "ring_kill_sweep" goes in strides (seconds); "--all" kills at every
// point.
#include <sys/mman.h>

#include <cstdio>
#include <string_view>

#include "base/error.hpp"
#include "tests/support/kill_sweep.hpp"

using namespace prot;
using namespace prot::ipc;
using namespace prot::ipc::test;

namespace {

bool ptrace_works() {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) == 0 ? 0 : 1);
  int status = 0;
  return ::waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/// Sums over all that must hold, controls apart.
Sum total;

bool report(const char* name, const Sum& sum, bool must_fail) {
  const bool good = sum.verdict.clean() != must_fail;
  const Verdict& v = sum.verdict;
  std::printf("%-42s %5llu states %5llu kills  lost %d duplicated %d torn %d stuck %d  %s\n", name,
              static_cast<unsigned long long>(sum.states), static_cast<unsigned long long>(sum.kills), v.lost,
              v.duplicated, v.torn, v.stuck, good ? "ok" : "FAILED");
  std::fflush(stdout);
  if (must_fail) return good;
  total.states += sum.states;
  total.kills += sum.kills;
  total.verdict += v;
  return good;
}

std::function<void()> begin(World& world, const Scenario& scenario) {
  world.reset(scenario.start);
  scenario.prepare(world);
  return scenario.operation(world);
}

/// Every state between two instructions, as a copy of what a dead process would leave.
void look_at_all(World& world, const Scenario& scenario, Sum& sum) {
  static World copy;
  Child child(world.done, begin(world, scenario));
  do {
    std::memcpy(static_cast<void*>(&copy), static_cast<const void*>(&world), sizeof copy);
    sum.verdict += scenario.finish(copy);
    ++sum.states;
  } while (child.step());
}

void kill_at_strides(World& world, const Scenario& scenario, std::uint64_t stride, Sum& sum) {
  bool more = true;
  for (std::uint64_t steps = 0; more; steps += stride) {
    more = Child(world.done, begin(world, scenario)).step(steps);
    sum.verdict += scenario.finish(world);
    ++sum.kills;
  }
}

bool sweep(World& world, const Scenario& scenario, std::uint64_t stride) {
  begin(world, scenario)();  // binds what the loader binds late, outside the sweep
  Sum sum;
  look_at_all(world, scenario, sum);
  kill_at_strides(world, scenario, stride, sum);
  return report(scenario.name, sum, scenario.must_fail);
}

}  // namespace

int main(int argc, char** argv) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  std::puts("skipped: instructions of a sanitizer are not ours");
  return 77;
#endif
  if (!ptrace_works()) {
    std::puts("skipped: ptrace is not allowed here");
    return 77;
  }
  const bool all = argc == 2 && std::string_view(argv[1]) == "--all";
  if (argc > 1 && !all) {
    std::fputs("usage: ring_kill_sweep [--all]\n", stderr);
    return 2;
  }
  stay_on_one_processor();
  void* memory = ::mmap(nullptr, sizeof(World), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) die("mmap");
  World& world = *new (memory) World{};
  bool good = true;
  try {
    for (const Scenario& scenario : ring_scenarios()) good = sweep(world, scenario, all ? 1 : 151) && good;
    for (const ChannelScenario& scenario : channel_scenarios())
      good = report(scenario.name, scenario.sweep(world, all ? 1 : 37), scenario.must_fail) && good;
  } catch (const Error& error) {
    std::printf("%s\n", error.what());
    return 1;
  }
  report("in all, without the controls", total, false);
  return good ? 0 : 1;
}
