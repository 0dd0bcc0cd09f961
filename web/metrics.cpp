// The page for Prometheus: names in base units, one HELP and TYPE for each family, its samples behind it.
#include <fmt/format.h>

#include <array>
#include <functional>
#include <initializer_list>
#include <utility>

#include "report.hpp"

namespace prot::web {
namespace {

using observe::RingRow;
using observe::Snapshot;
using observe::StageRow;
using Labels = std::initializer_list<std::pair<const char*, std::string_view>>;

constexpr std::array<const char*, 6> kStates = {"idle",     "listening", "processing",
                                                "speaking", "active",    "interrupted"};

std::string escaped(std::string_view text) {
  std::string safe;
  for (const char c : text) {
    if (c == '\\' || c == '"') safe.push_back('\\');
    if (c == '\n')
      safe += "\\n";
    else
      safe.push_back(c);
  }
  return safe;
}

class Text {
 public:
  void family(const char* name, const char* type, const char* help) {
    name_ = name;
    out_ += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
  }
  template <typename T>
  void sample(Labels labels, const T& value) {
    out_ += name_;
    char separator = '{';
    for (const auto& [label, content] : labels) {
      out_ += fmt::format("{}{}=\"{}\"", separator, label, escaped(content));
      separator = ',';
    }
    if (labels.size() > 0) out_ += '}';
    out_ += fmt::format(" {}\n", value);
  }
  template <typename T>
  void sample(Labels labels, const std::optional<T>& value) {
    if (value) sample(labels, *value);
  }
  [[nodiscard]] std::string take() { return std::move(out_); }

 private:
  std::string out_;
  const char* name_ = "";
};

double seconds(Nanos time) { return static_cast<double>(time) / static_cast<double>(kSecond); }
std::optional<double> seconds(const std::optional<Nanos>& time) {
  return time ? std::optional(seconds(*time)) : std::nullopt;
}

struct StageFamily {
  const char* name;
  const char* type;
  const char* help;
  std::optional<double> (*value)(const StageRow& row, const ProgramFacts& facts);
};
template <typename T>
std::optional<double> number(const std::optional<T>& value) {
  return value ? std::optional(static_cast<double>(*value)) : std::nullopt;
}
constexpr StageFamily kStageFamilies[] = {
    {"prot_stage_ready", "gauge", "1: the program is ready.",
     [](const StageRow& r, const ProgramFacts&) { return std::optional(r.state == "ready" ? 1.0 : 0.0); }},
    {"prot_stage_restarts_total", "counter", "Restarts that nobody asked for.",
     [](const StageRow& r, const ProgramFacts&) { return std::optional<double>(r.restarts); }},
    {"prot_stage_starts_total", "counter", "Processes that it has had.",
     [](const StageRow& r, const ProgramFacts&) { return std::optional<double>(r.generation); }},
    {"prot_stage_resident_memory_bytes", "gauge", "Resident memory.",
     [](const StageRow& r, const ProgramFacts&) { return number(r.rss_bytes); }},
    {"prot_stage_cpu_seconds_total", "counter", "Processor time of the newest process, all threads.",
     [](const StageRow&, const ProgramFacts& f) { return seconds(f.cpu_ns); }},
    {"prot_stage_threads", "gauge", "Threads.",
     [](const StageRow&, const ProgramFacts& f) { return number(f.handles.threads); }},
    {"prot_stage_open_fds", "gauge", "Open descriptors.",
     [](const StageRow&, const ProgramFacts& f) { return number(f.handles.descriptors); }},
    {"prot_stage_timers", "gauge", "Timers of the kernel.",
     [](const StageRow& r, const ProgramFacts&) { return number(r.timers); }},
    {"prot_stage_heartbeat_age_seconds", "gauge", "Since its loop went round; it may sleep.",
     [](const StageRow& r, const ProgramFacts&) { return seconds(r.heartbeat_age_ns); }},
};

struct RingFamily {
  const char* name;
  const char* type;
  const char* help;
  std::optional<double> (*value)(const RingRow& row);
};
std::optional<double> whole(std::uint64_t value) { return static_cast<double>(value); }
constexpr RingFamily kRingFamilies[] = {
    {"prot_ring_capacity_bytes", "gauge", "Size of the ring.",
     [](const RingRow& r) { return whole(r.capacity_bytes); }},
    {"prot_ring_used_bytes", "gauge", "Bytes that are not released.",
     [](const RingRow& r) { return whole(r.used_bytes); }},
    {"prot_ring_used_frames", "gauge", "Frames that are not released.",
     [](const RingRow& r) { return number(r.used_frames); }},
    {"prot_ring_high_water_bytes", "gauge", "The most that was ever used.",
     [](const RingRow& r) { return whole(r.high_water_bytes); }},
    {"prot_ring_frames_total", "counter", "Frames that were published.",
     [](const RingRow& r) { return whole(r.frames); }},
    {"prot_ring_published_bytes_total", "counter", "Bytes that were published.",
     [](const RingRow& r) { return whole(r.bytes); }},
    {"prot_ring_dropped_frames_total", "counter", "Frames that found no room.",
     [](const RingRow& r) { return whole(r.drops); }},
    {"prot_ring_stale_frames_total", "counter", "Frames of cancelled turns.",
     [](const RingRow& r) { return whole(r.stale); }},
    {"prot_ring_poison_frames_total", "counter", "Frames that were set aside.",
     [](const RingRow& r) { return whole(r.poison); }},
    {"prot_ring_faults_total", "counter", "Damage that a side found.",
     [](const RingRow& r) { return whole(r.faults); }},
    {"prot_ring_full_total", "counter", "Times that the producer found it full.",
     [](const RingRow& r) { return whole(r.full_events); }},
    {"prot_ring_pressure_total", "counter", "Times that it got fuller than it should.",
     [](const RingRow& r) { return whole(r.pressure_events); }},
    {"prot_ring_late_wakes_total", "counter", "Wakes that were lost: must be 0.",
     [](const RingRow& r) { return whole(r.late_wakes); }},
    {"prot_ring_blocked_seconds_total", "counter", "Time that the producer waited for room.",
     [](const RingRow& r) { return std::optional(static_cast<double>(r.blocked_ns) / 1e9); }},
    {"prot_ring_lag_seconds", "gauge", "Age of the oldest frame that is not released.",
     [](const RingRow& r) { return seconds(r.lag_ns); }},
};

void write_conversation(Text& text, const Report& report) {
  const Snapshot& run = *report.run;
  text.family("prot_run_info", "gauge", "Which run this is.");
  text.sample({{"instance", run.instance}, {"run", run.run}}, 1);
  text.family("prot_conversation_state", "gauge", "1: the conversation is in this state.");
  for (const char* state : kStates) text.sample({{"state", state}}, run.conversation == state ? 1 : 0);
  text.family("prot_voice_turns_total", "counter", "Number of the newest voice turn.");
  text.sample({}, run.turn);
  text.family("prot_background_tasks", "gauge", "Jobs of memory that are not finished.");
  text.sample({}, background_tasks(run));
  text.family("prot_pending_operations", "gauge", "Frames and jobs that wait, of all stages.");
  text.sample({}, pending_operations(run));
  text.family("prot_supervisor_heartbeat_age_seconds", "gauge", "Since the supervisor's loop went round.");
  text.sample({}, seconds(run.supervisor_heartbeat_age_ns));
  if (run.turns.empty()) return;
  text.family("prot_last_turn_step_seconds", "gauge",
              "From the end of speech to each step of the newest turn.");
  const auto since = ipc::since_speech_end(run.turns.front());
  for (std::size_t i = 0; i < ipc::kTurnSteps.size(); ++i)
    text.sample({{"step", ipc::kTurnSteps[i].name}}, seconds(since[i]));
}

void write_stages(Text& text, const Report& report) {
  for (const StageFamily& family : kStageFamilies) {
    text.family(family.name, family.type, family.help);
    for (const StageRow& row : report.run->stages) {
      const auto facts = report.programs.find(row.name);
      text.sample({{"stage", row.name}},
                  family.value(row, facts != report.programs.end() ? facts->second : ProgramFacts{}));
    }
  }
  text.family("prot_stage_queue_frames", "gauge", "Frames that wait in front of the program.");
  for (const StageRow& row : report.run->stages)
    text.sample({{"stage", row.name}}, queue_depth(*report.run, row.name));
  text.family("prot_stage_reading", "gauge", "Numbers and gauges that the program shows on its page.");
  for (const StageRow& row : report.run->stages)
    for (const observe::CounterValue& one : row.counters)
      text.sample({{"stage", row.name}, {"name", one.label}}, one.value);
}

}  // namespace

std::string metrics_page(const Report& report) {
  Text text;
  text.family("prot_started", "gauge", "1: the conversation has begun to listen.");
  text.sample({}, report.run && report.started ? 1 : 0);
  text.family("prot_web_connections", "gauge", "Clients of this page.");
  text.sample({}, report.connections);
  text.family("prot_web_refused_total", "counter", "Requests and connections that were refused.");
  text.sample({}, report.refused);
  if (report.run) {
    write_conversation(text, report);
    write_stages(text, report);
    for (const RingFamily& family : kRingFamilies) {
      text.family(family.name, family.type, family.help);
      for (const RingRow& row : report.run->rings) text.sample({{"ring", row.name}}, family.value(row));
    }
  }
  return text.take();
}

}  // namespace prot::web
