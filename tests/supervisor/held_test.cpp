// A program in a developer's hands: a debugger on its process, or a process that a debugger started.
#include <doctest/doctest.h>

#include "program_fixture.hpp"

namespace prot::supervisor {
namespace {

constexpr pid_t kDeveloper = 4242;

struct Held : Fixture {
  void attach() {
    program->attach(kDeveloper);
    CHECK(program->shown_state() == State::kHeld);
    CHECK(program->held_by() == kDeveloper);
  }
  void end_in_debugger(int code) {
    sys.end(program->pid(), code);
    turn();
  }
};

TEST_CASE_FIXTURE(Held, "one that was only looked at goes on, the same process of the same generation") {
  make_ready();
  const pid_t pid = program->pid();
  attach();
  CHECK(program->ready());
  CHECK(program->pid() == pid);
  turn(600 * kSecond);
  program->release();
  CHECK(program->state() == State::kReady);
  CHECK(program->shown_state() == State::kReady);
  CHECK(program->pid() == pid);
  CHECK(program->generation() == 1);
  CHECK(program->restarts() == 0);
  CHECK(sys.processes.at(pid).signals.empty());
  CHECK(sys.signalled_alone.empty());
  // It was told who may trace it, and that nobody may any more.
  CHECK(sys.tracers == std::vector<std::pair<pid_t, pid_t>>{{pid, kDeveloper}, {pid, 0}});
}

TEST_CASE_FIXTURE(Held, "no watchdog barks while a debugger is on it, and again afterwards") {
  make_ready();
  attach();
  program->hung();
  turn();
  CHECK(program->state() == State::kReady);
  program->release();
  program->hung();
  turn();
  CHECK(program->last_exit() == -SIGABRT);
}

TEST_CASE_FIXTURE(Held, "a start under a debugger has no deadline, and a fresh one afterwards") {
  program->start();
  attach();
  turn(60 * kSecond);
  CHECK(program->state() == State::kStarting);
  SUBCASE("it becomes ready in the debugger") {
    sys.say_ready(sys.newest);
    turn();
    CHECK(program->state() == State::kReady);
    CHECK(program->shown_state() == State::kHeld);
  }
  SUBCASE("it is given back before") {
    program->release();
    turn(9 * kSecond);
    CHECK(program->state() == State::kStarting);
    turn(kSecond);
    CHECK(program->state() == State::kBackoff);
  }
}

TEST_CASE_FIXTURE(Held, "one that ends in the debugger is started again when the debugger is left, at once") {
  make_ready();
  attach();
  end_in_debugger(-SIGKILL);
  CHECK(program->state() == State::kHeld);
  CHECK(program->pid() <= 0);
  CHECK_FALSE(program->ready());
  CHECK(notes.back() == "stt was killed by SIGKILL in its debugger");
  turn(600 * kSecond);
  CHECK(sys.living() == 0);
  program->release();
  CHECK(program->state() == State::kStarting);
  CHECK(program->generation() == 2);
  CHECK(program->restarts() == 1);
  CHECK(sys.signalled_alone.empty());  // the developer's shell is not ours to kill
}

TEST_CASE_FIXTURE(Held, "a body that the debugger still holds is collected when it lets go") {
  make_ready();
  attach();
  sys.traced = true;
  end_in_debugger(-SIGKILL);
  turn(600 * kSecond);
  CHECK(program->state() == State::kReady);
  CHECK_FALSE(loop.poll());
  sys.traced = false;
  SUBCASE("before the release") { turn(100 * kMillisecond); }
  SUBCASE("with it") {}
  program->release();
  CHECK(program->state() == State::kStarting);
  CHECK(program->generation() == 2);
}

TEST_CASE_FIXTURE(Held, "in a drain it ends like any other") {
  make_ready();
  attach();
  drain = true;
  SUBCASE("drained") {
    end_in_debugger(0);
    CHECK(program->state() == State::kDone);
  }
  SUBCASE("killed") {
    program->kill();
    turn();
    CHECK(program->state() == State::kBackoff);
  }
  program->release();
  CHECK(sys.living() == 0);
}

TEST_CASE_FIXTURE(Held, "a stop by hand ends it, and the debugger's end starts nothing") {
  make_ready();
  attach();
  program->stop();
  turn();
  CHECK(program->state() == State::kDown);
  CHECK(program->shown_state() == State::kDown);
  program->release();
  CHECK(program->state() == State::kDown);
}

TEST_CASE_FIXTURE(
    Held, "a process that a debugger starts has the place of the next generation, ready when it says so") {
  make_ready();
  program->hold(kDeveloper, false);
  turn();
  CHECK(program->state() == State::kHeld);
  CHECK(program->generation() == 2);
  CHECK_FALSE(program->ready());
  CHECK(sys.living() == 0);
  SUBCASE("given back before it ran") { program->release(); }
  SUBCASE("given back while it runs: it is dead before its successor starts") {
    program->held_process(777, true);
    CHECK(program->ready());
    CHECK(program->pid() == 777);
    program->release();
    REQUIRE(sys.signalled_alone.size() == 1);
    CHECK(sys.signalled_alone.front() == std::pair<pid_t, int>(777, SIGKILL));
  }
  CHECK(program->state() == State::kStarting);
  CHECK(program->generation() == 3);
}

TEST_CASE_FIXTURE(Held, "whoever waits for the next process takes its place when this one ends") {
  make_ready();
  const pid_t pid = program->pid();
  program->hold_next(kDeveloper);
  turn(60 * kSecond);
  CHECK(program->state() == State::kReady);
  CHECK(program->held_by() == -1);
  SUBCASE("by a crash") {
    sys.end(pid, -SIGSEGV);
    turn();
    CHECK(program->restarts() == 1);
  }
  SUBCASE("by a restart") {
    program->restart();
    sys.end(pid, 0);
    turn();
  }
  CHECK(program->state() == State::kHeld);
  CHECK(program->held_by() == kDeveloper);
  program->release();
  turn();
  CHECK(program->state() == State::kStarting);
  CHECK(program->pid() != pid);
}

TEST_CASE_FIXTURE(Held, "whoever waits for the next process and leaves, or meets a stop, takes nothing") {
  make_ready();
  const pid_t pid = program->pid();
  program->hold_next(kDeveloper);
  SUBCASE("it leaves") {
    program->release();
    sys.end(pid, -SIGSEGV);
    turn();
    CHECK(program->state() == State::kBackoff);
  }
  SUBCASE("a stop by hand") {
    program->stop();
    sys.end(pid, 0);
    turn();
    CHECK(program->state() == State::kDown);
  }
  CHECK(program->held_by() == -1);
}

TEST_CASE_FIXTURE(Held, "a debugger may start one that cannot run, or that nobody wants") {
  SUBCASE("down") {}
  SUBCASE("it always fails") {
    program->start();
    sys.end(sys.newest, 2);
    turn();
    REQUIRE(program->state() == State::kFailed);
  }
  program->hold(kDeveloper, false);
  CHECK(program->state() == State::kHeld);
}

}  // namespace
}  // namespace prot::supervisor
