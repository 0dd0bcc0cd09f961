// The pages of text: help, and everything about one stage or ring.
#include <fmt/format.h>

#include <algorithm>

#include "text_format.hpp"
#include "top_view.hpp"

namespace prot::top {
namespace {

void fact(std::vector<Line>& lines, std::string_view name, const std::string& value) {
  lines.push_back({printable(fmt::format("  {:<24} {}", name, value))});
}
void fact(std::vector<Line>& lines, std::string_view name, std::uint64_t value) {
  fact(lines, name, fmt::format("{}", value));
}
void heading(std::vector<Line>& lines, std::string_view text) {
  if (!lines.empty()) lines.push_back({});
  lines.push_back({printable(text), Style::kTitle});
}

std::string seconds_rate(const std::optional<double>& rate) {
  return rate ? rate_text(rate) + " /s" : std::string(kNoData);
}

std::string with_unit(const std::string& number, const char* unit) {
  return number == kNoData ? number : number + unit;
}

std::string ms(const std::optional<Nanos>& time) {
  const std::string text = ms_text(time);
  return text.find_first_of("hmd-") == std::string::npos ? text + " ms" : text;
}

std::string process_text(const StageRow& r) {
  if (r.pid == 0) return "none";
  if (!r.alive) return fmt::format("{}, which is gone", r.pid);
  switch (r.process_state) {
    case 'T':
      return fmt::format("{}, stopped by a signal", r.pid);
    case 't':
      return fmt::format("{}, held by a debugger", r.pid);
    default:
      return fmt::format("{}{}", r.pid, r.asleep ? ", asleep until there is something to do" : "");
  }
}

std::vector<Line> stage_detail(const StageRow& r) {
  std::vector<Line> lines;
  heading(lines, "stage " + r.name);
  fact(lines, "state", r.state);
  fact(lines, "process", process_text(r));
  fact(lines, "engine", r.engine);
  fact(lines, "up", span_text(r.up_ns));
  fact(lines, "started",
       fmt::format("{} times, {} of them restarts that nobody asked for", r.generation, r.restarts));
  fact(lines, "last exit", exit_text(r.last_exit));
  fact(lines, "heartbeat", r.heartbeat_age_ns ? span_text(r.heartbeat_age_ns) + " ago" : kNoData);
  fact(lines, "CPU", with_unit(percent_text(r.cpu_percent), " % of a core"));
  fact(lines, "in its work", with_unit(percent_text(r.busy_percent), " % of the time"));
  fact(lines, "loops", seconds_rate(r.loops_per_s));
  fact(lines, "resident memory", r.rss_bytes ? size_text(static_cast<double>(*r.rss_bytes)) : kNoData);
  heading(lines, "counters");
  for (const CounterValue& counter : r.counters) fact(lines, counter.label, counter.value);
  if (r.counters.empty()) lines.push_back({"  none"});
  return lines;
}

std::string side_text(const RingSide& side) {
  return fmt::format("{}, process {}, generation {}, {}{}", side.name, side.pid, side.generation, side.state,
                     side.closed ? ", gone for good" : "");
}

std::string held(const RingRow& r) {
  const std::string frames = r.used_frames ? fmt::format(", {} frames", *r.used_frames) : "";
  return fmt::format("{} of {} bytes{}", r.used_bytes, r.capacity_bytes, frames);
}

std::string sequences(const RingRow& r) {
  std::string text;
  for (const std::uint64_t sequence : r.poison_sequences)
    text += fmt::format("{}#{}", text.empty() ? ": " : " ", sequence);
  return text;
}

std::vector<Line> ring_detail(const RingRow& r) {
  std::vector<Line> lines;
  heading(lines, "ring " + r.name);
  fact(lines, "producer", side_text(r.producer));
  fact(lines, "consumer", side_text(r.consumer));
  fact(lines, "when full", r.policy);
  fact(lines, "holds", held(r));
  fact(lines, "most ever", fmt::format("{} bytes", r.high_water_bytes));
  fact(lines, "head, tail", fmt::format("{}, {}", r.head, r.tail));
  heading(lines, "flow");
  fact(lines, "published",
       fmt::format("{} frames, {} bytes, {}", r.frames, r.bytes, seconds_rate(r.frames_per_s)));
  fact(lines, "released", fmt::format("{} frames, {}", r.released, seconds_rate(r.released_per_s)));
  fact(lines, "newest commit", r.age_ns ? span_text(r.age_ns) + " ago" : kNoData);
  heading(lines, "times");
  fact(lines, "lag, oldest frame", ms(r.lag_ns));
  fact(lines, "p99 of the last minute", ms(r.p99_lag_ns));
  fact(lines, "longest commit to look", ms(static_cast<Nanos>(r.max_lag_ns)));
  fact(lines, "newest: commit to look", ms(r.wait_ns));
  fact(lines, "newest: look to release", r.in_hand ? "+++ in hand now" : ms(r.busy_ns));
  fact(lines, "producer blocked",
       fmt::format("{} in all{}", ms(static_cast<Nanos>(r.blocked_ns)), r.blocked ? ", +++ and now" : ""));
  heading(lines, "counts");
  fact(lines, "became full", r.full_events);
  fact(lines, "pressure", fmt::format("{} times fuller than it should get", r.pressure_events));
  fact(lines, "dropped", r.drops);
  fact(lines, "stepped over", r.skipped);
  fact(lines, "of a cancelled turn", r.stale);
  fact(lines, "faults", r.faults);
  fact(lines, "poison frames", fmt::format("{}{}", r.poison, sequences(r)));
  fact(lines, "wakes, sleeps, late", fmt::format("{}, {}, {}", r.wakes, r.waits, r.late_wakes));
  return lines;
}

template <typename Row>
const Row* find_row(const std::vector<Row>& rows, const std::string& name) {
  const auto found = std::find_if(rows.begin(), rows.end(), [&](const Row& row) { return row.name == name; });
  return found == rows.end() ? nullptr : &*found;
}

std::string whole_text(const ipc::TurnTimes& turn) { return ms_text(ipc::since_speech_end(turn).back()); }

Line turn_line(const ipc::TurnTimes& turn) {
  std::string text = padded(fmt::format("{}", turn.turn), 6, false);
  for (const auto& time : ipc::step_times(turn)) text += ' ' + padded(ms_text(time), 7, false);
  text += ' ' + padded(whole_text(turn), 7, false) + ' ';
  text += (turn.flags & ipc::kTurnInterrupted) != 0 ? 'I' : '-';
  text += (turn.flags & ipc::kTurnFailed) != 0 ? 'F' : '-';
  text += (turn.flags & ipc::kTurnPreemptive) != 0 ? 'P' : '-';
  return {printable(fmt::format("{} {}", text, turn.model)),
          (turn.flags & ipc::kTurnFailed) != 0 ? Style::kBad : Style::kPlain};
}

}  // namespace

std::vector<Line> turn_lines(const Snapshot& snapshot) {
  std::vector<Line> lines = {
      {"Voice turns: ms that each step added, from the end of speech to sound", Style::kTitle}, {}};
  std::string header = "  TURN";
  for (const ipc::TurnStep& step : ipc::kTurnSteps) header += ' ' + padded(step.title, 7, false);
  lines.push_back({header + "   TOTAL FLG MODEL", Style::kHeader});
  for (const ipc::TurnTimes& turn : snapshot.turns) lines.push_back(turn_line(turn));
  if (snapshot.turns.empty()) lines.push_back({"(none)", Style::kDim});
  lines.push_back({});
  lines.push_back(
      {"FLG: I interrupted, F failed, P the model was asked before the turn was sure", Style::kDim});
  return lines;
}

std::vector<Line> detail_lines(const Snapshot& snapshot, const ViewState& view) {
  const std::string& name = view.panes[static_cast<std::size_t>(view.active)].selected;
  if (view.active == Pane::kStages) {
    if (const StageRow* row = find_row(snapshot.stages, name)) return stage_detail(*row);
  } else if (const RingRow* row = find_row(snapshot.rings, name)) {
    return ring_detail(*row);
  }
  return {{printable(name) + " is not there any more", Style::kWarn}};
}

std::vector<Line> help_lines() {
  return {{"prot-top: keys", Style::kTitle},
          {""},
          {"  q, Ctrl-C       quit"},
          {"  h, ?, F1        this help"},
          {"  Tab             the other table"},
          {"  arrows, j, k    the next row, the one before"},
          {"  PgUp, PgDn, Home, End"},
          {"  Enter           everything about the row; Esc goes back"},
          {"  t               the last voice turns, step by step"},
          {"  < >             sort by another column"},
          {"  r               reverse the order"},
          {"  /               only rows with this in their names; empty shows all"},
          {"  space           pause"},
          {"  d               seconds between two samples"},
          {"  c               count drops, marks and percentiles from now, here only"},
          {""},
          {"prot-top only reads. No key changes anything in prot.", Style::kTitle},
          {""},
          {"  ---   no data"},
          {"  +++   taken and not released (BUSY); blocked now (BLK-ms/s)"},
          {"  LAG   age of the oldest frame in the ring; p99: of the last minute"},
          {"  LATE  wake-ups that only the belt brought: a bug, stays 0"},
          {""},
          {"Each column is defined in prot-top(1)."}};
}

}  // namespace prot::top
