// A million random events against a small model that knows nothing of the table.
#include <doctest/doctest.h>

#include <csignal>
#include <cstdlib>
#include <random>

#include "program_fixture.hpp"

namespace prot::supervisor {
namespace {

/// What a person expects of a program, in plain words. Its processes hear only SIGKILL.
struct Model {
  enum class Is { kDown, kWaiting, kFailed, kLoading, kReady, kLeaving, kCrashed, kHeld };
  enum class Wish { kDown, kUp, kHeld };

  Model(const FakeProcessSys& system, const Clock& time, std::uint64_t seed)
      : sys(&system), clock(&time), policy(seed) {}

  [[nodiscard]] bool runs() const { return is >= Is::kLoading && is <= Is::kCrashed; }
  void begin() {
    was_ready = false;
    started_at = clock->now();
    is = Is::kLoading;
    if (sys->refuse != 0 || sys->not_executed == ETXTBSY) return wait();
    if (sys->not_executed != 0) fail();
  }
  void fail() {
    is = Is::kFailed;
    wait_until = clock->now() + RestartPolicy::kDegradedDelay;
  }
  void wait() {
    is = Is::kWaiting;
    wait_until = clock->now() + policy.on_death(clock->now(), was_ready ? clock->now() - ready_at : 0);
  }
  void leave(Is how) {
    if (is != Is::kLeaving) ending_since = clock->now();
    is = how;
  }
  void settle() {  // no process
    is = wish == Wish::kHeld ? Is::kHeld : Is::kDown;
    if (wish == Wish::kUp) begin();
  }
  void want(Wish what) {
    wish = what;
    if (runs()) return leave(Is::kLeaving);
    if (is != Is::kHeld) settle();
  }
  void start() {
    policy.reset();
    wish = Wish::kUp;
    if (!runs() && is != Is::kHeld) begin();
  }
  void restart() {
    policy.reset();
    want(Wish::kUp);
  }
  void release() {
    if (wish == Wish::kHeld) wish = Wish::kUp;
    if (is == Is::kHeld) settle();
  }
  void ready() {
    if (is != Is::kLoading) return;
    is = Is::kReady;
    was_ready = true;
    ready_at = clock->now();
  }
  void died(int code) {
    if (is == Is::kLeaving) return settle();
    if (is == Is::kLoading && code == 2) {
      fail();
    } else {
      wait();
    }
  }
  void time() {
    const Nanos now = clock->now();
    if ((is == Is::kWaiting || is == Is::kFailed) && now >= wait_until) begin();
    if (is == Is::kLoading && now >= started_at + 10 * kSecond) leave(Is::kCrashed);
    if (is == Is::kReady && policy.degraded() && now >= ready_at + RestartPolicy::kForgiven) policy.reset();
  }
  [[nodiscard]] State expected() const {
    constexpr State kStates[] = {State::kDown,  State::kBackoff,  State::kFailed, State::kStarting,
                                 State::kReady, State::kStopping, State::kEnding, State::kHeld};
    return kStates[static_cast<int>(is)];
  }

  const FakeProcessSys* sys;
  const Clock* clock;
  RestartPolicy policy;
  Is is = Is::kDown;
  Wish wish = Wish::kDown;
  Nanos started_at = 0, ready_at = 0, wait_until = 0, ending_since = 0;
  bool was_ready = false;
};

/// Program and model side by side.
struct Walk : Fixture {
  Walk() : model(sys, clock, static_cast<std::uint64_t>(clock.now()) ^ std::hash<std::string>{}("stt")) {
    sys.obeys_term = sys.obeys_abort = false;
  }

  [[nodiscard]] FakeProcessSys::Process* living() {
    const auto it = sys.processes.find(sys.newest);
    return it != sys.processes.end() && !it->second.ended ? &it->second : nullptr;
  }
  void event(std::uint32_t which, std::uint32_t draw) {
    switch (which) {
      case 0:
        program->start();
        return model.start();
      case 1:
        program->stop();
        return model.want(Model::Wish::kDown);
      case 2:
        program->restart();
        return model.restart();
      case 3:
        program->hold(42);
        if (model.is != Model::Is::kHeld) model.want(Model::Wish::kHeld);
        return;
      case 4:
        program->release();
        return model.release();
      case 5:
        program->hung();
        if (model.is == Model::Is::kReady) model.leave(Model::Is::kCrashed);
        return;
      case 6:
      case 7:
        if (living() == nullptr) return;
        sys.say_ready(sys.newest);
        return model.ready();
      case 8:
      case 9:
        if (living() != nullptr) sys.end(sys.newest, static_cast<int>(draw % 4) - 1);
        return;
      case 10:
        sys.refuse = draw % 4 == 0 ? EAGAIN : 0;
        sys.not_executed = draw % 16 == 1 ? ENOENT : draw % 16 == 2 ? ETXTBSY : 0;
        sys.leaves_child = draw % 2 == 0;
        return;
      default:
        clock.advance(draw % 8 == 0 ? static_cast<Nanos>(draw % 40'000) * kMillisecond
                                    : static_cast<Nanos>(draw % 3'000) * kMillisecond);
    }
  }
  void see_death() {
    const auto it = sys.processes.find(sys.newest);
    if (!model.runs() || it == sys.processes.end() || !it->second.ended) return;
    const int code = it->second.status.code;
    if (it->second.child) {  // of its group; it hears the KILL that follows
      loop.poll();
      REQUIRE(has_process(program->state()));
      clock.advance(kMillisecond);
      program->on_time(clock.now());
      REQUIRE_FALSE(it->second.child);
    }
    model.died(code);
  }
  void settle() {
    for (int round = 0; round < 3; ++round) {
      see_death();
      loop.poll();
      program->on_time(clock.now());
      model.time();
    }
  }

  Model model;
};

TEST_CASE_FIXTURE(Walk, "a million events: the program does what the model says, and no rule breaks") {
  constexpr int kEvents = 1'000'000;
  std::mt19937 random(20260801);
  std::uint32_t generation = 0;
  for (int step = 0; step < kEvents; ++step) {
    const std::uint32_t which = random() % 14;
    const std::uint32_t draw = random();
    CAPTURE(step);
    CAPTURE(which);
    event(which, draw);
    settle();
    const State state = program->state();
    REQUIRE(to_string(state) == to_string(model.expected()));
    REQUIRE(sys.living() <= 1);
    REQUIRE(sys.strangers_signalled.empty());
    REQUIRE((sys.living() == 1) == has_process(state));
    REQUIRE(program->generation() >= generation);
    REQUIRE(program->degraded() == model.policy.degraded());
    // No timer without a reason, and one wherever something must follow.
    const Nanos deadline = program->next_deadline();
    const bool rests =
        state == State::kDown || state == State::kHeld || (state == State::kReady && !program->degraded());
    REQUIRE((deadline == kNever) == rests);
    if (!rests) REQUIRE(deadline <= clock.now() + 30 * kSecond);
    // Nobody outlives a request to end, and nothing that is wanted up stays down.
    if (model.is == Model::Is::kLeaving || model.is == Model::Is::kCrashed)
      REQUIRE(clock.now() - model.ending_since <= 50 * kSecond);
    if (model.wish == Model::Wish::kUp) REQUIRE(state != State::kDown);
    generation = program->generation();
    sys.forget_the_dead();
    if (states.size() > 1000) {
      states.clear();
      notes.clear();
      output.clear();
    }
  }
  CHECK(program->generation() > kEvents / 20);
}

}  // namespace
}  // namespace prot::supervisor
