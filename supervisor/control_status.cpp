// What runs, and how full the rings are.
#include <algorithm>
#include <cstring>

#include "control_desk.hpp"
#include "wire/topology.hpp"

namespace prot::supervisor {
namespace {

constexpr std::size_t kShownTurns = 5;

std::string engine_of(const ipc::StagePage& page) {
  return {page.engine, ::strnlen(page.engine, sizeof page.engine)};
}

void write_counters(json::Writer& out, const ipc::StagePage& page) {
  const std::size_t count = std::min<std::size_t>(page.counter_count.load(), ipc::kMaxCounters);
  for (std::size_t i = 0; i < count; ++i) {
    const ipc::Counter& counter = page.counters[i];
    out.member(std::string(counter.label, ::strnlen(counter.label, sizeof counter.label)),
               counter.value.load());
  }
}

// How long the newest process took from its start to READY; -1: it is not ready (yet).
std::int64_t ready_ms(const ipc::Board& board, int index) {
  if (index < 0) return -1;
  const ipc::ProgramEntry& entry = board.supervisor().programs[index];
  const auto started = static_cast<Nanos>(entry.started_ns.load());
  const auto ready = static_cast<Nanos>(entry.ready_ns.load());
  return ready >= started && ready != 0 ? (ready - started) / kMillisecond : -1;
}

// The last turns, newest first: stamps, and what each step added.
void write_turns(json::Writer& out, const ipc::TurnLog& log) {
  out.key("turns").begin_array();
  for (const ipc::TurnTimes& turn : ipc::read_turns(log, kShownTurns)) {
    out.begin_object()
        .member("turn", turn.turn)
        .member("utterance", turn.utterance)
        .member("interrupted", (turn.flags & ipc::kTurnInterrupted) != 0)
        .member("failed", (turn.flags & ipc::kTurnFailed) != 0)
        .member("preemptive", (turn.flags & ipc::kTurnPreemptive) != 0)
        .member("model", turn.model)
        .member("end_wait_ms", turn.wait_ms)
        .member("prompt_tokens", turn.prompt_tokens)
        .member("cached_tokens", turn.cached_tokens)
        .member("recall_tokens", turn.recall_tokens);
    for (std::size_t i = 0; i < ipc::kTurnStamps; ++i) out.member(ipc::turn_stamp_names()[i], turn.stamps[i]);
    const auto since = ipc::since_speech_end(turn);
    const auto added = ipc::step_times(turn);
    out.key("steps").begin_array();
    for (std::size_t i = 0; i < ipc::kTurnSteps.size(); ++i) {
      if (!since[i]) continue;
      out.begin_object()
          .member("step", ipc::kTurnSteps[i].name)
          .member("ms", *since[i] / kMillisecond)
          .member("added_ms", *added[i] / kMillisecond)
          .end_object();
    }
    out.end_array().end_object();
  }
  out.end_array();
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
        .key("counters")
        .begin_object();
    if (index >= 0) write_counters(out, board.stage(static_cast<std::size_t>(index)));
    out.end_object().end_object();
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
        .member("pressure_events", memory.producer->pressure_events.load())
        .member("poison_frames", memory.supervisor->poison_frames.load())
        .member("late_wakes", memory.producer->late_wakes.load() + memory.consumer->late_wakes.load())
        .end_object();
  }
  out.end_array();
  write_turns(out, board.conversation().turns);
  out.end_object();
  client->send(out.str());
}

}  // namespace prot::supervisor
