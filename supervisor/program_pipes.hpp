#pragma once

#include "program.hpp"
#include "ready_lines.hpp"

namespace prot::supervisor {

/// The descriptors of the process that runs now, with their watches; 0: none. Single-threaded. Ends with the
/// process: no callback of it comes later.
struct Program::Pipes {
  Pipes(stage::EventLoop& event_loop, Spawned started) : loop(event_loop), spawned(std::move(started)) {}
  ~Pipes() {
    for (const int id : {exit_watch, ready_watch, output_watch})
      if (id != 0) loop.unwatch(id);
  }
  Pipes(const Pipes&) = delete;
  Pipes& operator=(const Pipes&) = delete;

  void unwatch(stage::EventLoop::WatchId& id) {
    if (id != 0) loop.unwatch(id);
    id = 0;
  }

  stage::EventLoop& loop;
  Spawned spawned;
  stage::EventLoop::WatchId exit_watch = 0;
  stage::EventLoop::WatchId ready_watch = 0;
  stage::EventLoop::WatchId output_watch = 0;
  ReadyLines ready_lines;
};

}  // namespace prot::supervisor
