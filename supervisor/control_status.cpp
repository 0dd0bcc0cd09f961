// What runs, and how full the rings are.
#include <algorithm>
#include <cstring>

#include "control_desk.hpp"
#include "wire/topology.hpp"

namespace prot::supervisor {
namespace {

std::string engine_of(const ipc::StagePage& page) {
  return {page.engine, ::strnlen(page.engine, sizeof page.engine)};
}

// How long the newest process took from its start to READY; -1: it is not ready (yet).
std::int64_t ready_ms(const ipc::Board& board, int index) {
  if (index < 0) return -1;
  const ipc::ProgramEntry& entry = board.supervisor().programs[index];
  const auto started = static_cast<Nanos>(entry.started_ns.load());
  const auto ready = static_cast<Nanos>(entry.ready_ns.load());
  return ready >= started && ready != 0 ? (ready - started) / kMillisecond : -1;
}

}  // namespace

void control_status(ControlDesk& desk, const Client& client, const json::View& request) {
  static_cast<void>(request);
  const Instance& instance = desk.instance();
  const RunSegments& segments = *instance.segments;
  const Nanos now = instance.clock.now();
  const ipc::Board& board = segments.board();
  json::Writer out;
  out.begin_object()
      .member("instance", instance.run.paths.instance)
      .member("state", instance.state_name())
      .member("turn", board.conversation().voice_turn.load())
      .member("run", instance.run.run_id)
      .member("conversation",
              ipc::to_string(static_cast<ipc::ConversationState>(board.conversation().state.load())))
      .key("supervisor")
      .begin_object()
      .member("pid", board.supervisor().pid.load())
      .member("uptime_ms", (now - instance.begun_at) / kMillisecond)
      .end_object();
  out.key("stages").begin_array();
  for (const auto& program : instance.programs) {
    const int index = board.find(program->name());
    const bool runs = program->pid() > 0;
    const ProcessUsage usage = runs ? instance.sys.usage(program->pid()) : ProcessUsage{};
    out.begin_object()
        .member("name", program->name())
        .member("pid", runs ? program->pid() : 0)
        .member("state", ipc::to_string(program->shown_state()))
        .member("held_by", program->shown_state() == State::kHeld ? program->held_by() : 0)
        .member("generation", program->generation())
        .member("restarts", program->restarts())
        .member("degraded", program->degraded())
        .member("sandbox", program->sandbox())
        .member("status", program->status_text())
        .member("last_error", program->ready() ? std::string() : program->last_error())
        .member("uptime_ms", runs ? (now - program->started_at()) / kMillisecond : 0)
        .member("ready_ms", ready_ms(board, index))
        .member("last_exit", program->last_exit())
        .member("rss_bytes", usage.rss_bytes)
        .member("cpu_ms", usage.cpu_ms)
        .member("engine", index < 0 ? std::string() : engine_of(board.stage(static_cast<std::size_t>(index))))
        .end_object();
  }
  out.end_array().key("rings").begin_array();
  for (std::size_t i = 0; i < segments.rings().size(); ++i) {
    const wire::RingInfo& ring = wire::kRings[i];
    const ipc::RingMemory& memory = segments.rings()[i].memory();
    const std::uint64_t head = memory.consumer->head.load();
    const std::uint64_t tail = memory.producer->tail.load();
    out.begin_object()
        .member("name", ring.name)
        .member("from", ring.producer)
        .member("to", ring.consumer)
        .member("used_bytes", tail - std::min(head, tail))
        .member("capacity_bytes", ring.capacity)
        .member("high_water_bytes", memory.producer->high_water_bytes.load())
        .member("frames", memory.producer->frames.load())
        .member("drops", memory.producer->drops.load())
        .member("poison_frames", memory.supervisor->poison_frames.load())
        .member("late_wakes", memory.producer->late_wakes.load() + memory.consumer->late_wakes.load())
        .end_object();
  }
  out.end_array().end_object();
  client->send(out.str());
}

}  // namespace prot::supervisor
