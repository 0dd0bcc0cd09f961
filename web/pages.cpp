// The JSON pages.
#include "json/optional_member.hpp"
#include "report.hpp"
#include "wire/topology.hpp"

namespace prot::web {
namespace {

using observe::RingRow;
using observe::Snapshot;
using observe::StageRow;

constexpr const char* kNotStarted = R"({"status":"not_started"})";

std::optional<std::int64_t> in_ms(const std::optional<Nanos>& time) {
  return time ? std::optional(*time / kMillisecond) : std::nullopt;
}

void write_errors(json::Writer& w, const std::vector<LoggedError>& errors) {
  w.key("last_errors").begin_array();
  for (const LoggedError& error : errors) {
    w.begin_object().member("at", error.at).member("level", error.level).member("message", error.message);
    w.end_object();
  }
  w.end_array();
}

/// The rings that it reads and writes, and the connections of its pool.
void write_gauges(json::Writer& w, const Snapshot& run, const StageRow& stage) {
  w.key("rings").begin_object();
  for (const RingRow& ring : run.rings) {
    if (ring.consumer.name != stage.name && ring.producer.name != stage.name) continue;
    w.key(ring.name).begin_object();
    w.member("end", ring.consumer.name == stage.name ? "reads" : "writes");
    w.member("used_bytes", ring.used_bytes).member("capacity_bytes", ring.capacity_bytes);
    member(w, "used_frames", ring.used_frames);
    member(w, "lag_ms", in_ms(ring.lag_ns));
    w.end_object();
  }
  w.end_object().key("pool");
  if (reading(run, stage.name, "db_pool_most").value_or(0) == 0) {
    w.null();
    return;
  }
  w.begin_object().member("size", reading(run, stage.name, "db_pool_size").value_or(0));
  w.member("free", reading(run, stage.name, "db_pool_free").value_or(0)).end_object();
}

void write_program(json::Writer& w, const Snapshot& run, const StageRow& stage, const ProgramFacts& facts) {
  w.begin_object().member("name", stage.name).member("state", stage.state).member("alive", stage.alive);
  w.member("pid", stage.pid).member("generation", stage.generation).member("restarts", stage.restarts);
  member(w, "last_exit", stage.last_exit);
  w.member("engine", stage.engine).member("asleep", stage.asleep);
  member(w, "up_ms", in_ms(stage.up_ns));
  member(w, "heartbeat_age_ms", in_ms(stage.heartbeat_age_ns));
  member(w, "threads", facts.handles.threads);
  member(w, "descriptors", facts.handles.descriptors);
  member(w, "timers", stage.timers);
  member(w, "rss_bytes", stage.rss_bytes);
  member(w, "cpu_percent", stage.cpu_percent);
  member(w, "cpu_ms", in_ms(facts.cpu_ns));
  w.member("queue_depth", queue_depth(run, stage.name));
  write_gauges(w, run, stage);
  w.key("counters").begin_object();
  for (const observe::CounterValue& counter : stage.counters) w.member(counter.label, counter.value);
  w.end_object();
  write_errors(w, facts.last_errors);
  w.end_object();
}

void write_ring(json::Writer& w, const RingRow& ring) {
  w.begin_object().member("name", ring.name).member("from", ring.producer.name);
  w.member("to", ring.consumer.name).member("policy", ring.policy);
  w.member("used_bytes", ring.used_bytes).member("capacity_bytes", ring.capacity_bytes);
  if (const wire::RingInfo* info = wire::find_ring(ring.name); info != nullptr)
    w.member("pressure_bytes", wire::pressure_levels(*info, ring.capacity_bytes).tell);  // 0: never
  member(w, "used_frames", ring.used_frames);
  w.member("high_water_bytes", ring.high_water_bytes)
      .member("frames", ring.frames)
      .member("bytes", ring.bytes);
  w.member("drops", ring.drops).member("stale", ring.stale).member("skipped", ring.skipped);
  w.member("faults", ring.faults)
      .member("poison_frames", ring.poison)
      .member("full_events", ring.full_events)
      .member("pressure_events", ring.pressure_events);
  w.member("late_wakes", ring.late_wakes).member("blocked", ring.blocked);
  w.member("blocked_ms", ring.blocked_ns / static_cast<std::uint64_t>(kMillisecond));
  member(w, "frames_per_s", ring.frames_per_s);
  member(w, "lag_ms", in_ms(ring.lag_ns));
  member(w, "p99_lag_ms", in_ms(ring.p99_lag_ns));
  w.member("max_lag_ms", ring.max_lag_ns / static_cast<std::uint64_t>(kMillisecond)).end_object();
}

void write_turn(json::Writer& w, const ipc::TurnTimes& turn) {
  w.begin_object().member("turn", turn.turn).member("model", turn.model);
  w.member("interrupted", (turn.flags & ipc::kTurnInterrupted) != 0);
  w.member("failed", (turn.flags & ipc::kTurnFailed) != 0);
  w.member("speech_end_ns", turn.at(ipc::TurnStamp::kSpeechEnd));
  w.key("steps").begin_array();
  const auto since = ipc::since_speech_end(turn);
  const auto added = ipc::step_times(turn);
  for (std::size_t i = 0; i < ipc::kTurnSteps.size(); ++i) {
    if (!since[i]) continue;
    w.begin_object().member("step", ipc::kTurnSteps[i].name).member("ms", *since[i] / kMillisecond);
    w.member("added_ms", added[i].value_or(0) / kMillisecond).end_object();
  }
  w.end_array().end_object();
}

// Memory's connections to its database; absent without a database, which may have none at the time.
void write_pool(json::Writer& w, const Snapshot& run) {
  if (reading(run, "memory", "db_pool_most").value_or(0) == 0) return;
  w.member("db_pool_size", reading(run, "memory", "db_pool_size").value_or(0));
  w.member("db_pool_free", reading(run, "memory", "db_pool_free").value_or(0));
}

}  // namespace

std::string health_page(const Report& report) {
  // Also before the conversation has begun: it will not begin any more.
  if (is_alive(report) && (!report.run || !report.started)) return kNotStarted;
  const SupervisorLife life = supervisor_life(*report.run);
  json::Writer w;
  w.begin_object().member("status", life == SupervisorLife::kDead    ? "dead"
                                    : life == SupervisorLife::kHangs ? "hangs"
                                                                     : "ok");
  return w.member("state", report.run->conversation).end_object().str();
}

std::string ready_page(const Report& report) {
  json::Writer w;
  w.begin_object().member("ready", is_ready(report)).key("missing").begin_array();
  if (report.run)
    for (const std::string& name : missing_programs(report)) w.value(name);
  return w.end_array().end_object().str();
}

std::string state_page(const Report& report) {
  if (!report.run || !report.started) return kNotStarted;
  json::Writer w;
  w.begin_object().member("state", report.run->conversation).member("turn", report.run->turn);
  w.member("instance", report.run->instance).member("run", report.run->run);
  return w.member("at_ns", report.run->at_ns).end_object().str();
}

std::string diagnostics_page(const Report& report) {
  if (!report.run || !report.started) return kNotStarted;
  const Snapshot& run = *report.run;
  json::Writer w;
  w.begin_object().member("state", run.conversation).member("background_tasks", background_tasks(run));
  w.member("active_timeout", run.conversation == "active").member("asyncio_tasks", pending_operations(run));
  write_pool(w, run);
  w.member("instance", run.instance).member("run", run.run).member("turn", run.turn);
  w.key("supervisor").begin_object().member("pid", run.supervisor_pid).member("alive", run.supervisor_alive);
  w.member("heartbeat_age_ms", run.supervisor_heartbeat_age_ns / kMillisecond).end_object();
  w.key("web").begin_object().member("connections", report.connections);
  w.member("refused", report.refused).end_object();
  w.key("stages").begin_array();
  for (const StageRow& stage : run.stages) {
    const auto facts = report.programs.find(stage.name);
    write_program(w, run, stage, facts != report.programs.end() ? facts->second : ProgramFacts{});
  }
  w.end_array().key("rings").begin_array();
  for (const RingRow& ring : run.rings) write_ring(w, ring);
  w.end_array().key("turns").begin_array();
  for (const ipc::TurnTimes& turn : run.turns) write_turn(w, turn);
  return w.end_array().end_object().str();
}

}  // namespace prot::web
