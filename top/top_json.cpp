#include "top_json.hpp"

#include "base/terminal_words.hpp"
#include "json/optional_member.hpp"

namespace prot::top {
namespace {

void write_stage(json::Writer& w, const StageRow& r) {
  w.begin_object()
      .member("name", r.name)
      .member("pid", r.pid)
      .member("alive", r.alive)
      .member("state", r.state);
  w.member("stopped", r.process_state == 'T').member("traced", r.process_state == 't');
  w.member("generation", r.generation).member("restarts", r.restarts);
  member(w, "last_exit", r.last_exit);
  member(w, "up_ns", r.up_ns);
  member(w, "heartbeat_age_ns", r.heartbeat_age_ns);
  w.member("asleep", r.asleep);
  member(w, "cpu_percent", r.cpu_percent);
  member(w, "busy_percent", r.busy_percent);
  member(w, "loops_per_s", r.loops_per_s);
  member(w, "rss_bytes", r.rss_bytes);
  w.member("engine", r.engine).key("counters").begin_object();
  for (const CounterValue& counter : r.counters) w.member(counter.label, counter.value);
  w.end_object().end_object();
}

void write_side(json::Writer& w, const char* name, const RingSide& side) {
  w.key(name).begin_object().member("name", side.name).member("pid", side.pid);
  w.member("generation", side.generation)
      .member("state", side.state)
      .member("closed", side.closed)
      .end_object();
}

void write_ring(json::Writer& w, const RingRow& r) {
  w.begin_object().member("name", r.name);
  write_side(w, "producer", r.producer);
  write_side(w, "consumer", r.consumer);
  w.member("policy", r.policy).member("capacity_bytes", r.capacity_bytes).member("used_bytes", r.used_bytes);
  member(w, "used_frames", r.used_frames);
  w.member("high_water_bytes", r.high_water_bytes).member("frames", r.frames).member("bytes", r.bytes);
  member(w, "frames_per_s", r.frames_per_s);
  member(w, "bytes_per_s", r.bytes_per_s);
  w.member("released_frames", r.released);
  member(w, "released_per_s", r.released_per_s);
  member(w, "lag_ns", r.lag_ns);
  member(w, "p99_lag_ns", r.p99_lag_ns);
  w.member("max_lag_ns", r.max_lag_ns);
  member(w, "wait_ns", r.wait_ns);
  member(w, "busy_ns", r.busy_ns);
  member(w, "age_ns", r.age_ns);
  w.member("in_hand", r.in_hand).member("blocked", r.blocked).member("blocked_ns", r.blocked_ns);
  member(w, "blocked_ns_per_s", r.blocked_ns_per_s);
  w.member("full_events", r.full_events)
      .member("pressure_events", r.pressure_events)
      .member("drops", r.drops)
      .member("skipped", r.skipped);
  w.member("stale", r.stale).member("faults", r.faults);
  w.member("poison_frames", r.poison).key("poison_sequences").begin_array();
  for (const std::uint64_t sequence : r.poison_sequences) w.value(sequence);
  w.end_array();
  w.member("wakes", r.wakes);
  member(w, "wakes_per_s", r.wakes_per_s);
  w.member("waits", r.waits).member("late_wakes", r.late_wakes).end_object();
}

void write_turn(json::Writer& w, const ipc::TurnTimes& t) {
  w.begin_object().member("turn", t.turn).member("utterance", t.utterance).member("model", t.model);
  w.member("interrupted", (t.flags & ipc::kTurnInterrupted) != 0)
      .member("failed", (t.flags & ipc::kTurnFailed) != 0)
      .member("preemptive", (t.flags & ipc::kTurnPreemptive) != 0);
  w.member("end_wait_ms", t.wait_ms).member("prompt_tokens", t.prompt_tokens);
  w.member("cached_tokens", t.cached_tokens).member("recall_tokens", t.recall_tokens);
  for (std::size_t i = 0; i < ipc::kTurnStamps; ++i) w.member(ipc::turn_stamp_names()[i], t.stamps[i]);
  w.end_object();
}

}  // namespace

std::string to_json(const Snapshot& s) {
  json::Writer w;
  w.begin_object().member("schema", kJsonSchema).member("instance", s.instance).member("run", s.run);
  w.member("at_ns", s.at_ns);
  member(w, "interval_ns", s.interval_ns);
  w.member("post_mortem", !s.supervisor_alive);
  w.key("supervisor").begin_object().member("pid", s.supervisor_pid).member("alive", s.supervisor_alive);
  w.member("heartbeat_age_ns", s.supervisor_heartbeat_age_ns).end_object();
  w.member("conversation", s.conversation).member("turn", s.turn);
  w.key("turns").begin_array();
  for (const ipc::TurnTimes& turn : s.turns) write_turn(w, turn);
  w.end_array().key("stages").begin_array();
  for (const StageRow& stage : s.stages) write_stage(w, stage);
  w.end_array().key("rings").begin_array();
  for (const RingRow& ring : s.rings) write_ring(w, ring);
  w.end_array().end_object();
  return shown_json(w.str());
}

}  // namespace prot::top
