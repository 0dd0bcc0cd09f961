// What happens at once, or at the wrong time, to one program.
#include <doctest/doctest.h>

#include <algorithm>
#include <csignal>

#include "program_fixture.hpp"

namespace prot::supervisor {
namespace {

using Signals = std::vector<int>;

Signals signals_of(const FakeProcessSys& sys, pid_t pid) {
  Signals list = sys.processes.at(pid).signals;
  list.erase(std::remove(list.begin(), list.end(), SIGCONT), list.end());
  return list;
}

TEST_CASE_FIXTURE(Fixture, "a deaf stage gets TERM, at its deadline ABRT, then KILL") {
  make_ready();
  sys.obeys_term = false;
  sys.obeys_abort = false;
  const pid_t pid = program->pid();
  program->stop();
  CHECK(signals_of(sys, pid) == Signals{SIGTERM});
  turn(2999 * kMillisecond);
  CHECK(signals_of(sys, pid) == Signals{SIGTERM});
  turn(kMillisecond);
  CHECK(signals_of(sys, pid) == Signals{SIGTERM, SIGABRT});
  CHECK(program->state() == State::kStopping);
  turn(2 * kSecond);
  CHECK(signals_of(sys, pid) == Signals{SIGTERM, SIGABRT, SIGKILL});
  CHECK(program->state() == State::kDown);
  CHECK(program->next_deadline() == kNever);
}

TEST_CASE_FIXTURE(Fixture, "a stopped process is continued, or it would hear nothing") {
  make_ready();
  program->stop();
  CHECK(sys.processes.at(100).signals.back() == SIGCONT);
}

TEST_CASE_FIXTURE(Fixture, "one that even SIGKILL does not end is killed again, for ever") {
  make_ready();
  sys.obeys_term = sys.obeys_abort = false;
  sys.unkillable = true;
  program->stop();
  for (int second = 0; second < 10; ++second) turn(kSecond);
  CHECK(program->state() == State::kStopping);
  CHECK(std::count(sys.processes.at(100).signals.begin(), sys.processes.at(100).signals.end(), SIGKILL) >= 4);
  sys.unkillable = false;
  turn(kSecond);
  CHECK(program->state() == State::kDown);
}

TEST_CASE_FIXTURE(Fixture, "a hung stage is aborted, killed 2 s later, and comes back") {
  make_ready();
  clock.advance(3 * kSecond);
  sys.obeys_abort = false;
  program->hung();
  CHECK(program->state() == State::kEnding);
  CHECK_FALSE(program->ready());
  CHECK(signals_of(sys, 100) == Signals{SIGABRT});
  turn(1900 * kMillisecond);
  CHECK(signals_of(sys, 100) == Signals{SIGABRT});
  turn(100 * kMillisecond);
  CHECK(signals_of(sys, 100) == Signals{SIGABRT, SIGKILL});
  turn();
  CHECK(program->state() == State::kStarting);  // it had been well: at once
  CHECK(program->restarts() == 1);
}

TEST_CASE_FIXTURE(Fixture, "whom the supervisor ends says nothing about its work") {
  make_ready();
  SUBCASE("hung") { program->hung(); }
  SUBCASE("killed by the drain") { program->kill(); }
  SUBCASE("asked to end") { program->stop(); }
  turn();
  CHECK(last_status.asked);
}

TEST_CASE_FIXTURE(Fixture, "who ends by itself does") {
  make_ready();
  sys.end(program->pid(), -SIGABRT);
  turn();
  CHECK_FALSE(last_status.asked);
}

TEST_CASE_FIXTURE(Fixture, "its leader has gone, a child stays: it is gone only when the group is empty") {
  sys.leaves_child = true;
  make_ready();
  clock.advance(3 * kSecond);
  SUBCASE("asked to stop; the child hears the KILL that follows") {
    program->stop();
    turn();
    CHECK(signals_of(sys, 100) == Signals{SIGTERM, SIGKILL});
    turn(kMillisecond);
    CHECK(program->state() == State::kDown);
  }
  SUBCASE("asked to stop; the child hears nothing") {
    sys.child_unkillable = true;
    program->stop();
    turn(100 * kMillisecond);
    CHECK(program->state() == State::kStopping);
    CHECK_FALSE(program->gone());
    turn(10 * kSecond);
    CHECK(program->state() == State::kStopping);
    sys.processes.at(100).child = false;
    turn(100 * kMillisecond);
    CHECK(program->state() == State::kDown);
  }
  SUBCASE("crashed: no successor beside the child") {
    sys.child_unkillable = true;
    sys.end(100, -SIGSEGV);
    turn();
    CHECK(program->state() == State::kEnding);
    turn(kSecond);
    CHECK(sys.spawns == 1);
    sys.processes.at(100).child = false;
    sys.leaves_child = false;
    turn(100 * kMillisecond);
    CHECK(sys.spawns == 2);
    CHECK(program->restarts() == 1);
    CHECK(program->last_exit() == -SIGSEGV);
  }
  SUBCASE("crashed, then stopped by hand before the child has gone") {
    sys.child_unkillable = true;
    sys.end(100, -SIGSEGV);
    turn();
    program->stop();
    CHECK(program->state() == State::kStopping);
    sys.processes.at(100).child = false;
    turn(100 * kMillisecond);
    turn(60 * kSecond);
    CHECK(program->state() == State::kDown);
    CHECK(sys.spawns == 1);
  }
}

TEST_CASE_FIXTURE(Fixture, "a stop while it starts, then a start before it has ended: one new process") {
  sys.unkillable = true;
  program->start();
  program->stop();
  CHECK(program->state() == State::kStopping);
  program->start();
  CHECK(program->state() == State::kStopping);
  sys.end(100, -SIGKILL);
  turn();
  CHECK(program->state() == State::kStarting);
  CHECK(sys.living() == 1);
  CHECK(sys.spawns == 2);
}

TEST_CASE_FIXTURE(Fixture, "what was stopped while it started stays down") {
  program->start();
  program->stop();
  turn();
  CHECK(program->state() == State::kDown);
  CHECK_FALSE(program->untouched());  // the start order has no business with it
  turn(60 * kSecond);
  CHECK(sys.spawns == 1);
}

TEST_CASE_FIXTURE(Fixture, "a restart while it stops, a stop while it restarts") {
  make_ready();
  sys.obeys_term = false;
  program->stop();
  program->restart();
  SUBCASE("restarted") {
    sys.end(100, 0);
    turn();
    CHECK(program->state() == State::kStarting);
    CHECK(program->generation() == 2);
  }
  SUBCASE("stopped again") {
    program->stop();
    sys.end(100, 0);
    turn(60 * kSecond);
    CHECK(program->state() == State::kDown);
    CHECK(sys.spawns == 1);
  }
}

TEST_CASE_FIXTURE(Fixture, "a restart in the back-off is at once, and the old timer starts nothing") {
  program->start();
  sys.end(100, 1);
  turn();
  REQUIRE(program->state() == State::kBackoff);
  program->restart();
  CHECK(program->state() == State::kStarting);
  sys.say_ready(sys.newest);
  turn(20 * kMillisecond);
  CHECK(program->state() == State::kReady);
  CHECK(sys.spawns == 2);
}

TEST_CASE_FIXTURE(Fixture, "hold in each state: its own process is gone before the place is given") {
  const auto held = [&] { return program->state() == State::kHeld && sys.living() == 0; };
  SUBCASE("down") {}
  SUBCASE("starting") { program->start(); }
  SUBCASE("ready") { make_ready(); }
  SUBCASE("stopping") {
    make_ready();
    sys.obeys_term = false;
    program->stop();
  }
  SUBCASE("back-off") {
    program->start();
    sys.end(100, 1);
    turn();
  }
  SUBCASE("failed") {
    program->start();
    sys.end(100, 2);
    turn();
  }
  SUBCASE("ending") {
    make_ready();
    sys.obeys_abort = false;
    program->hung();
  }
  program->hold(42);
  for (int i = 0; i < 6 && !held(); ++i) turn(kSecond);
  CHECK(held());
  program->stop();  // theirs is not ours to end
  program->hung();
  program->restart();
  turn(60 * kSecond);
  CHECK(held());
  program->hold(43);  // one has the place
  CHECK(program->pid() == 42);
  program->release();
  CHECK(program->state() == State::kStarting);
}

TEST_CASE_FIXTURE(Fixture, "exit and start deadline in one turn: it has ended, nobody is killed") {
  program->start();
  sys.end(100, 1);
  clock.advance(10 * kSecond);
  program->on_time(clock.now());  // before the loop has told of the exit
  CHECK(program->state() == State::kBackoff);
  CHECK(signals_of(sys, 100).empty());
  CHECK(program->restarts() == 1);
}

TEST_CASE_FIXTURE(Fixture, "READY and start deadline in one turn: it is ready") {
  program->start();
  sys.say_ready(100);
  clock.advance(10 * kSecond);
  program->on_time(clock.now());
  CHECK(program->state() == State::kReady);
  CHECK(signals_of(sys, 100).empty());
}

TEST_CASE_FIXTURE(Fixture, "a death that was seen twice, by its pidfd and by SIGCHLD, is one death") {
  make_ready();
  sys.end(100, -SIGKILL);
  program->check_exit();
  program->check_exit();
  turn();
  CHECK(deaths == 1);
  CHECK(program->restarts() == 1);
}

TEST_CASE_FIXTURE(Fixture, "READY in single bytes, among other lines, and none in the middle of a line") {
  sys.short_reads = true;
  program->start();
  sys.say(100, "STATUS=READY=1\n");
  for (int i = 0; i < 4; ++i) turn();
  CHECK(program->state() == State::kStarting);
  sys.say(100, "READY=1\n");
  for (int i = 0; i < 4; ++i) turn();
  CHECK(program->state() == State::kReady);
}

TEST_CASE_FIXTURE(Fixture, "a process that closes its readiness without READY is ended, not waited for") {
  program->start();
  sys.close_ready(100);
  turn();
  CHECK(program->state() == State::kStarting);  // its death may be on its way
  turn(1900 * kMillisecond);
  CHECK(program->state() == State::kStarting);
  turn(110 * kMillisecond);
  CHECK(program->state() == State::kBackoff);
  CHECK(program->failed_starts() == 1);
  CHECK(std::any_of(notes.begin(), notes.end(), [](const std::string& note) {
    return note.find("goes on without a word") != std::string::npos;
  }));
}

TEST_CASE_FIXTURE(Fixture, "READY and the end of its readiness in one turn is ready") {
  program->start();
  sys.say_ready(100);
  sys.close_ready(100);
  turn();
  turn(kSecond);
  CHECK(program->state() == State::kReady);
}

TEST_CASE_FIXTURE(Fixture, "more time to start, asked for, within a bound; what it does is shown") {
  program->start();
  sys.say(100, "STATUS=loading\nEXTEND_TIMEOUT_USEC=30000000\n");
  turn();
  CHECK(program->status_text() == "loading");
  turn(29 * kSecond);
  CHECK(program->state() == State::kStarting);
  for (int i = 0; i < 12; ++i) {
    sys.say(100, "EXTEND_TIMEOUT_USEC=99999999999999\nEXTEND_TIMEOUT_USEC=x\nEXTEND_TIMEOUT_USEC=-1\n");
    turn();
  }
  turn(570 * kSecond);
  CHECK(program->state() == State::kStarting);
  turn(2 * kSecond);
  CHECK(program->state() != State::kStarting);
}

TEST_CASE_FIXTURE(Fixture, "a flood of lines is not looked at, READY in it is") {
  program->start();
  for (int i = 0; i < 80; ++i) sys.say(100, "STATUS=" + std::to_string(i) + "\n");
  sys.say_ready(100);
  for (int i = 0; i < 12; ++i) turn();
  CHECK(program->status_text() == "63");
  CHECK(program->state() == State::kReady);
}

TEST_CASE_FIXTURE(Fixture, "a dead process in a debugger costs ten looks a second, not a spin") {
  make_ready();
  sys.traced = true;
  sys.end(100, -SIGKILL);
  turn();
  int looks = 0;
  const Nanos until = clock.now() + 10 * kSecond;
  while (clock.now() < until) {
    REQUIRE(program->next_deadline() > clock.now());
    clock.advance(program->next_deadline() - clock.now());
    program->on_time(clock.now());
    REQUIRE_FALSE(loop.poll());
    ++looks;
  }
  CHECK(looks < 120);
  sys.traced = false;
  turn(100 * kMillisecond);
  CHECK(program->state() != State::kReady);
}

TEST_CASE_FIXTURE(Fixture, "no descriptor to watch it with: it does not live on unheard") {
  sys.unwatchable = true;
  program->start();
  turn(kMillisecond);
  CHECK(sys.living() == 0);
  CHECK(program->state() == State::kBackoff);
}

TEST_CASE_FIXTURE(Fixture,
                  "one that always crashes: 16 starts in a minute, seen as degraded, never given up") {
  program->start();
  const Nanos begin = clock.now();
  int degraded_notes = 0;
  while (clock.now() < begin + 600 * kSecond) {
    if (has_process(program->state())) sys.end(sys.newest, 1);
    turn();
    if (program->next_deadline() != kNever) turn(program->next_deadline() - clock.now());
    if (clock.now() < begin + 60 * kSecond) CHECK(sys.spawns <= 16);
  }
  for (const std::string& note : notes) degraded_notes += note.find("tried every 15 s") != std::string::npos;
  CHECK(degraded_notes == 1);
  CHECK(program->degraded());
  CHECK(sys.spawns > 40);
  SUBCASE("a start by hand forgives") {
    program->start();
    CHECK_FALSE(program->degraded());
    CHECK(program->state() == State::kStarting);
  }
  SUBCASE("30 s ready forgive, and are told") {
    if (!has_process(program->state())) turn(15 * kSecond);
    sys.say_ready(sys.newest);
    turn();
    REQUIRE(program->state() == State::kReady);
    turn(29 * kSecond);
    CHECK(program->degraded());
    turn(kSecond);
    CHECK_FALSE(program->degraded());
    CHECK(notes.back() == "stt is well again");
    CHECK(program->next_deadline() == kNever);
  }
}

}  // namespace
}  // namespace prot::supervisor
