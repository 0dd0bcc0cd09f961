// One program's life on a fake system and a fake clock.
#include "program.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "program_fixture.hpp"

namespace prot::supervisor {
namespace {

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
  CHECK(sys.processes.at(100).signals.front() == SIGABRT);  // it says where it hangs
  CHECK(program->state() == State::kBackoff);
  turn(20 * kMillisecond);
  CHECK(program->state() == State::kStarting);
  CHECK(program->failed_starts() == 1);
}

TEST_CASE_FIXTURE(Fixture, "exit 2 before ready is a configuration error: tried at long intervals only") {
  program->start();
  sys.end(sys.newest, 2);
  turn();
  turn(14 * kSecond);
  CHECK(program->state() == State::kFailed);
  CHECK(program->generation() == 1);
  program->start();  // by hand it may try
  CHECK(program->generation() == 2);
}

TEST_CASE_FIXTURE(Fixture, "a program that cannot be executed fails with the reason") {
  sys.not_executed = EACCES;
  program->start();
  CHECK(program->state() == State::kFailed);
  REQUIRE_FALSE(notes.empty());
  CHECK(notes.back().find("/bin/true: fake") != std::string::npos);
  turn(14 * kSecond);
  CHECK(sys.spawns == 1);
  sys.not_executed = 0;  // somebody mends it: nothing that is wanted stays down
  turn(kSecond);
  CHECK(program->state() == State::kStarting);
}

TEST_CASE_FIXTURE(Fixture, "one that dies right after READY has failed to start, one that was well has not") {
  for (std::uint32_t times = 1; times <= 3; ++times) {
    if (times == 1) program->start();
    sys.say_ready(sys.newest);
    turn();
    CHECK(program->is_well(clock.now()) == (times == 1));
    clock.advance(kSecond);
    sys.end(program->pid(), 1);
    turn();
    CHECK(program->failed_starts() == times);
    turn(kSecond);
  }
  sys.say_ready(sys.newest);
  turn();
  turn(2 * kSecond);
  CHECK(program->is_well(clock.now()));
  sys.end(program->pid(), 1);
  turn();
  CHECK(program->failed_starts() == 0);
}

TEST_CASE_FIXTURE(Fixture, "a probe that says that another start cannot help fails with its reason") {
  launcher->probes = true;
  launcher->problem_code = 2;
  program->start();
  SUBCASE("hopeless") {}
  SUBCASE("passing") { launcher->problem_code = 1; }
  launcher->probe_problem = "the cluster has no database 'prot'";
  turn(20 * kMillisecond);
  turn();
  CHECK(program->state() == (launcher->problem_code == 2 ? State::kFailed : State::kBackoff));
  CHECK(program->last_error() == launcher->probe_problem);
  CHECK(std::count(notes.begin(), notes.end(), "stt: the cluster has no database 'prot'") >= 1);
}

TEST_CASE_FIXTURE(Fixture,
                  "what ends with 0 in a drain is drained if it is a stage, and else started again") {
  SUBCASE("stage") {}
  SUBCASE("else") { launcher->heartbeat = false; }
  make_ready();
  drain = true;
  sys.end(program->pid(), 0);
  turn();
  CHECK(program->state() == (launcher->heartbeat ? State::kDone : State::kBackoff));
}

TEST_CASE_FIXTURE(Fixture, "a system that refuses processes is asked again") {
  SUBCASE("no process left") { sys.refuse = EAGAIN; }
  SUBCASE("no descriptor left") { sys.refuse = EMFILE; }
  SUBCASE("its file is being written") { sys.not_executed = ETXTBSY; }
  program->start();
  CHECK(program->state() == State::kBackoff);
  CHECK(program->failed_starts() == 1);
  sys.refuse = sys.not_executed = 0;
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

TEST_CASE_FIXTURE(Fixture, "what a library throws at a start or a probe is that program's failure") {
  const std::string problem = launcher->problem = "filesystem error: ELOOP";
  launcher->problem_is_foreign = true;
  SUBCASE("before its first process") { program->start(); }
  SUBCASE("after a helper") {
    launcher->problem.clear();
    launcher->helpers = 1;
    program->start();
    launcher->problem = problem;
    sys.end(sys.newest, 0);
    turn();
  }
  SUBCASE("at its probe") {
    launcher->problem.clear();
    launcher->probes = true;
    launcher->probe_problem = problem;
    program->start();
    turn(20 * kMillisecond);
    turn();
  }
  CHECK(program->state() == State::kBackoff);
  CHECK(program->last_error() == problem);
  CHECK(std::count(notes.begin(), notes.end(), "stt: " + problem) >= 1);
  launcher->problem.clear();
  launcher->probe_problem.clear();
  turn(20 * kMillisecond);
  CHECK(program->state() == State::kStarting);
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

TEST_CASE_FIXTURE(Fixture, "the number of one that was collected is never signalled: it may be another's") {
  sys.leaves_child = sys.child_unkillable = true;
  make_ready();
  sys.end(100, -SIGSEGV);
  turn();
  REQUIRE(program->state() == State::kEnding);
  CHECK(sys.processes.at(100).signals == std::vector<int>{SIGKILL});  // while it lay there, dead
  SUBCASE("waited for") {}
  SUBCASE("killed") { program->kill(); }
  SUBCASE("stopped") { program->stop(); }
  SUBCASE("held") { program->hold(42); }
  for (int second = 0; second < 10; ++second) turn(kSecond);
  CHECK(has_process(program->state()));
  CHECK(sys.strangers_signalled.empty());
}

TEST_CASE_FIXTURE(Fixture, "a stop by whoever hears its last words reaches it before its number is free") {
  program->start();
  on_ready = [this] { program->stop(); };
  sys.say_ready(100);
  sys.end(100, 0);
  SUBCASE("and stops it") {}
  SUBCASE("and looks after it once more") {
    on_ready = [this] { program->check_exit(); };
  }
  program->check_exit();  // before the loop has told of READY
  turn(kMillisecond);
  CHECK(deaths == 1);
  CHECK(sys.processes.at(100).reaped);
  CHECK(sys.strangers_signalled.empty());
}

TEST_CASE_FIXTURE(Fixture, "one that ignores TERM is killed after its grace") {
  make_ready();
  sys.obeys_term = false;
  program->stop();
  turn(2900 * kMillisecond);
  CHECK(program->state() == State::kStopping);
  turn(200 * kMillisecond);
  CHECK(program->state() == State::kDown);
  CHECK(program->last_exit() == -SIGABRT);
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

TEST_CASE_FIXTURE(Fixture, "ready and dead in one turn has been ready, and has failed to start") {
  program->start();
  sys.say_ready(sys.newest);
  sys.end(sys.newest, 1);
  turn();
  CHECK(std::count(states.begin(), states.end(), State::kReady) == 1);
  CHECK(program->failed_starts() == 1);
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

TEST_CASE_FIXTURE(
    Fixture, "a process whose death comes long after the end of its readiness is judged by its exit code") {
  program->start();
  sys.close_ready(100);
  turn();
  turn(1500 * kMillisecond);
  sys.end(100, 78);
  turn();
  CHECK(program->state() == State::kFailed);
}

}  // namespace

}  // namespace prot::supervisor
