#pragma once

#include <doctest/doctest.h>

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "fake_process_sys.hpp"
#include "program.hpp"

namespace prot::supervisor {

/// What the test says it is.
class FakeLauncher final : public Launcher {
 public:
  Launch next(bool begin, std::uint32_t generation) override {
    (void)generation;
    if (begin) step = 0;
    if (!problem.empty() && problem_is_foreign) throw std::runtime_error(problem);
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
  Nanos watchdog() const override { return heartbeat ? 5 * kSecond : 0; }
  bool says_ready() const override { return !probes; }
  Probe probe(Nanos) override {
    if (!probe_problem.empty() && problem_is_foreign) throw std::runtime_error(probe_problem);
    if (!probe_problem.empty()) throw Error(probe_problem, problem_code);
    return Probe::kNotYet;
  }
  bool probes = false;
  std::string probe_problem;
  bool heartbeat = true;
  int helpers = 0;
  int step = 0;
  std::string problem;
  int problem_code = 1;
  bool problem_is_foreign = false;  // a library's, not ours
};

/// One program on a fake system and a fake clock.
struct Fixture : ProgramHost {
  Fixture() {
    auto made = std::make_unique<FakeLauncher>();
    launcher = made.get();
    program = std::make_unique<Program>("stt", std::move(made), sys, loop, clock, *this);
  }
  void on_state(Program& p, const std::string& note) override {
    states.push_back(p.state());
    if (!note.empty()) notes.push_back(note);
    if (p.state() == State::kReady && on_ready) on_ready();
  }
  void on_generation(Program&) override { ++generations; }
  void on_death(Program&, const ExitStatus& status) override {
    ++deaths;
    last_status = status;
  }
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
  std::function<void()> on_ready;
  std::vector<State> states;
  std::vector<std::string> notes;
  std::string output;
  int generations = 0;
  int deaths = 0;
  ExitStatus last_status;
  bool drain = false;
  std::unique_ptr<Program> program;  // last: it uses the others
};

}  // namespace prot::supervisor
