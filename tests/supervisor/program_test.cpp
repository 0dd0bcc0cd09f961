// One program's life on a fake system and a fake clock.
#include "program.hpp"

#include <doctest/doctest.h>

#include <random>

#include "fake_process_sys.hpp"

namespace prot::supervisor {
namespace {

class FakeLauncher final : public Launcher {
 public:
  Launch next(bool begin, std::uint32_t generation) override {
    (void)generation;
    if (begin) step = 0;
    if (!problem.empty()) throw Error(problem, problem_code);
    Launch launch;
    launch.what = step < helpers ? "helper" : "program";
    launch.helper = step < helpers;
    launch.request.path = "/bin/true";
    launch.request.argv = {launch.what};
    ++step;
    return launch;
  }
  Nanos start_deadline() const override { return 10 * kSecond; }
  int helpers = 0;
  int step = 0;
  std::string problem;
  int problem_code = 1;
};

struct Fixture : ProgramHost {
  Fixture() {
    auto made = std::make_unique<FakeLauncher>();
    launcher = made.get();
    program = std::make_unique<Program>("stt", std::move(made), sys, loop, clock, *this);
  }
  void on_state(Program& p, const std::string& note) override {
    states.push_back(p.state());
    if (!note.empty()) notes.push_back(note);
  }
  void on_generation(Program&) override { ++generations; }
  void on_death(Program&, const ExitStatus&) override { ++deaths; }
  void on_output(Program&, std::string_view bytes) override { output += bytes; }
  bool draining() const override { return drain; }

  void turn(Nanos by = 0) {
    clock.advance(by);
    for (int i = 0; i < 8; ++i) loop.poll();
    program->on_time(clock.now());
    for (int i = 0; i < 8; ++i) loop.poll();
  }
  void make_ready() {
    program->start();
    sys.say_ready(sys.newest);
    turn();
    REQUIRE(program->state() == State::kReady);
  }

  FakeProcessSys sys;
  FakeClock clock;
  stage::EventLoop loop;
  FakeLauncher* launcher = nullptr;
  std::vector<State> states;
  std::vector<std::string> notes;
  std::string output;
  int generations = 0;
  int deaths = 0;
  bool drain = false;
  std::unique_ptr<Program> program;  // last: it uses the others
};

TEST_CASE_FIXTURE(Fixture, "a program is ready when it says so, not before") {
  program->start();
  turn(kSecond);
  CHECK(program->state() == State::kStarting);
  sys.say_ready(sys.newest);
  turn();
  CHECK(program->state() == State::kReady);
  CHECK(program->next_deadline() == kNever);  // no timer is left
}

TEST_CASE_FIXTURE(Fixture, "one killed after two healthy seconds is back at once with the next generation") {
  make_ready();
  clock.advance(3 * kSecond);
  sys.end(program->pid(), -SIGKILL);
  turn();
  CHECK(program->state() == State::kStarting);
  CHECK(program->generation() == 2);
  CHECK(program->restarts() == 1);
  CHECK(program->last_exit() == -SIGKILL);
  CHECK(deaths == 1);
  CHECK(sys.living() == 1);
}

TEST_CASE_FIXTURE(Fixture, "one that is never ready is killed at its deadline and started again later") {
  program->start();
  turn(10 * kSecond);
  CHECK(sys.processes.at(100).signals.front() == SIGKILL);
  CHECK(program->state() == State::kBackoff);
  turn(20 * kMillisecond);
  CHECK(program->state() == State::kStarting);
  CHECK(program->failed_starts() == 1);
}

TEST_CASE_FIXTURE(Fixture, "exit 2 before ready is a configuration error: not started again") {
  program->start();
  sys.end(sys.newest, 2);
  turn();
  turn(60 * kSecond);
  CHECK(program->state() == State::kFailed);
  CHECK(program->generation() == 1);
  program->start();  // by hand it may try
  CHECK(program->generation() == 2);
}

TEST_CASE_FIXTURE(Fixture, "a program that cannot be executed fails with the reason") {
  sys.exec_error = "/bin/true: Permission denied";
  program->start();
  sys.end(sys.newest, 127);
  turn();
  CHECK(program->state() == State::kFailed);
  REQUIRE_FALSE(notes.empty());
  CHECK(notes.back().find("Permission denied") != std::string::npos);
}

TEST_CASE_FIXTURE(Fixture, "a system that refuses processes is asked again") {
  sys.refuse = true;
  program->start();
  CHECK(program->state() == State::kBackoff);
  sys.refuse = false;
  turn(20 * kMillisecond);
  CHECK(program->state() == State::kStarting);
}

TEST_CASE_FIXTURE(Fixture, "a launcher's configuration error fails, another is retried") {
  launcher->problem = "model file is not there";
  launcher->problem_code = 2;
  program->start();
  CHECK(program->state() == State::kFailed);
  launcher->problem_code = 1;
  program->start();
  CHECK(program->state() == State::kBackoff);
}

TEST_CASE_FIXTURE(Fixture, "helpers run one after the other, then the program") {
  launcher->helpers = 2;
  program->start();
  for (int helper = 0; helper < 2; ++helper) {
    CHECK(sys.processes.at(sys.newest).request.argv.front() == "helper");
    sys.end(sys.newest, 0);
    turn();
  }
  CHECK(sys.processes.at(sys.newest).request.argv.front() == "program");
  CHECK(generations == 1);
  CHECK(deaths == 0);
  sys.say_ready(sys.newest);
  turn();
  CHECK(program->state() == State::kReady);
}

TEST_CASE_FIXTURE(Fixture, "a helper that fails fails the start") {
  launcher->helpers = 1;
  program->start();
  sys.end(sys.newest, 1);
  turn();
  CHECK(program->state() == State::kBackoff);
}

TEST_CASE_FIXTURE(Fixture, "one that ignores TERM is killed after its grace") {
  make_ready();
  sys.obeys_term = false;
  program->stop();
  turn(2900 * kMillisecond);
  CHECK(program->state() == State::kStopping);
  turn(200 * kMillisecond);
  CHECK(program->state() == State::kDown);
  CHECK(program->last_exit() == -SIGKILL);
}

TEST_CASE_FIXTURE(Fixture, "a stop in the back-off ends it for good") {
  program->start();
  sys.end(sys.newest, 1);
  turn();
  program->stop();
  turn(60 * kSecond);
  CHECK(program->state() == State::kDown);
  CHECK(sys.living() == 0);
}

TEST_CASE_FIXTURE(Fixture, "a restart by hand replaces the process, in every state") {
  make_ready();
  program->restart();
  turn();
  CHECK(program->state() == State::kStarting);
  program->restart();  // it still loads: it is killed, not asked
  turn();
  CHECK(program->state() == State::kStarting);
  CHECK(program->generation() == 3);
  CHECK(program->restarts() == 0);
  CHECK(sys.living() == 1);
}

TEST_CASE_FIXTURE(Fixture, "ready and dead in one turn counts as having been ready") {
  program->start();
  sys.say_ready(sys.newest);
  sys.end(sys.newest, 1);
  turn();
  CHECK(std::count(states.begin(), states.end(), State::kReady) == 1);
  CHECK(program->failed_starts() == 0);
}

TEST_CASE_FIXTURE(Fixture, "a dead process that a debugger holds is looked at by timer, not in a spin") {
  make_ready();
  sys.traced = true;
  sys.end(program->pid(), -SIGKILL);
  turn();
  CHECK(program->state() == State::kReady);
  CHECK_FALSE(loop.poll());  // nobody watches its pidfd any more
  sys.traced = false;
  turn(100 * kMillisecond);
  CHECK(program->state() != State::kReady);
}

TEST_CASE_FIXTURE(Fixture, "a developer's process takes the place and gives it back") {
  make_ready();
  program->hold(4242);
  turn();
  CHECK(program->state() == State::kHeld);
  CHECK(program->pid() == 4242);
  CHECK(program->generation() == 2);
  program->release();
  CHECK(program->state() == State::kStarting);
  CHECK(program->generation() == 3);
}

TEST_CASE_FIXTURE(Fixture, "a joiner that leaves before it got the place changes nothing") {
  make_ready();
  sys.obeys_term = false;
  program->hold(4242);
  program->release();
  sys.end(sys.newest, 0);
  turn();
  CHECK(program->state() == State::kStarting);
}

TEST_CASE_FIXTURE(Fixture, "in the drain an exit with 0 is the end, another is left to the drain") {
  make_ready();
  drain = true;
  sys.end(program->pid(), 0);
  turn();
  CHECK(program->state() == State::kDone);
  CHECK_FALSE(program->wanted());
}

TEST_CASE_FIXTURE(Fixture, "a joiner that is given up is dead before a successor starts") {
  SUBCASE("it is still there, stopped perhaps") {
    program->hold(4242);
    program->release();
    REQUIRE(sys.signalled_alone.size() == 1);
    CHECK(sys.signalled_alone.front() == std::pair<pid_t, int>(4242, SIGKILL));
  }
  SUBCASE("its number belongs to another process by now") {
    program->hold(4242);
    sys.strangers_start = 2;
    program->release();
    CHECK(sys.signalled_alone.empty());
  }
  CHECK(program->state() == State::kStarting);
}

// A random walk against the rules that must always hold; the seed is fixed.
TEST_CASE_FIXTURE(Fixture, "whatever happens: one process at most, generations rise, no timer without need") {
  std::mt19937 random(20260801);
  std::uint32_t generation = 0;
  for (int step = 0; step < 20000; ++step) {
    sys.obeys_term = random() % 2 == 0;
    sys.refuse = random() % 16 == 0;
    const pid_t pid = program->pid();
    const bool ours = pid >= 100 && sys.processes.count(pid) != 0;
    switch (random() % 9) {
      case 0:
        program->start();
        break;
      case 1:
        program->stop();
        break;
      case 2:
        program->restart();
        break;
      case 3:
        if (ours) sys.end(pid, static_cast<int>(random() % 3) - 1);
        break;
      case 4:
        if (ours && !sys.processes.at(pid).ended) sys.say_ready(pid);
        break;
      case 5:
        if (program->state() != State::kHeld) program->hold(42);
        break;
      case 6:
        program->release();
        break;
      case 7:
        program->hung();
        break;
      default:
        clock.advance(static_cast<Nanos>(random() % 4000) * kMillisecond);
    }
    turn();
    REQUIRE(sys.living() <= 1);
    REQUIRE(program->generation() >= generation);
    REQUIRE((sys.living() == 1) == has_process(program->state()));
    if (program->state() == State::kReady || program->state() == State::kDown)
      REQUIRE(program->next_deadline() == kNever);
    generation = program->generation();
  }
}

}  // namespace
}  // namespace prot::supervisor
