#include "top_view.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

namespace prot::top {
namespace {

template <typename Row>
struct Column {
  const char* title;
  int width;
  bool left;     // alignment
  int priority;  // 0 is kept longest
  std::function<std::string(const Row&)> text;
};

std::string size_text(double bytes) {
  if (bytes < 1000) return fmt::format("{:.0f}B", bytes);
  for (const char unit : {'K', 'M', 'G'}) {
    bytes /= 1024;
    if (bytes < 1000) return fmt::format("{:.1f}{}", bytes, unit);
  }
  return fmt::format("{:.1f}T", bytes / 1024);
}

std::string time_text(double ms) {
  if (ms < 0) return "---";
  if (ms < 10'000) return fmt::format("{:.0f}ms", ms);
  if (ms < 600'000) return fmt::format("{:.0f}s", ms / 1000);
  return fmt::format("{:.0f}m", ms / 60'000);
}

std::string pad(const std::string& text, int width, bool left) {
  return left ? fmt::format("{:<{}.{}}", text, width, width) : fmt::format("{:>{}}", text, width);
}

std::string exit_text(std::int32_t code) {
  return code < 0 ? fmt::format("sig {}", -code) : fmt::format("{}", code);
}

std::vector<Column<StageRow>> stage_columns() {
  return {
      {"STAGE", 8, true, 0, [](const StageRow& r) { return r.name; }},
      {"PID", 7, false, 1, [](const StageRow& r) { return r.pid != 0 ? fmt::format("{}", r.pid) : "---"; }},
      {"STATE", 9, true, 0, [](const StageRow& r) { return r.state; }},
      {"GEN", 4, false, 4, [](const StageRow& r) { return fmt::format("{}", r.generation); }},
      {"UP", 7, false, 3,
       [](const StageRow& r) { return r.pid != 0 ? time_text(static_cast<double>(r.uptime_ms)) : "---"; }},
      {"RST", 4, false, 1, [](const StageRow& r) { return fmt::format("{}", r.restarts); }},
      {"EXIT", 6, false, 5,
       [](const StageRow& r) { return r.restarts > 0 || r.pid == 0 ? exit_text(r.last_exit) : "---"; }},
      {"BEAT", 7, false, 3,
       [](const StageRow& r) { return time_text(static_cast<double>(r.heartbeat_age_ms)); }},
      {"BUSY%", 6, false, 2, [](const StageRow& r) { return fmt::format("{:.1f}", r.busy_percent); }},
      {"LOOP/s", 7, false, 6, [](const StageRow& r) { return fmt::format("{:.0f}", r.loops_per_s); }},
      {"RSS", 7, false, 2,
       [](const StageRow& r) {
         return r.rss_bytes > 0 ? size_text(static_cast<double>(r.rss_bytes)) : "---";
       }},
      {"ENGINE", 26, true, 7, [](const StageRow& r) { return r.engine; }},
  };
}

std::vector<Column<RingRow>> ring_columns(const Snapshot* baseline) {
  const auto since = [baseline](const RingRow& r) {
    if (baseline == nullptr) return r.drops;
    for (const RingRow& b : baseline->rings)
      if (b.name == r.name && r.drops >= b.drops) return r.drops - b.drops;
    return r.drops;
  };
  return {
      {"RING", 10, true, 0, [](const RingRow& r) { return r.name; }},
      {"FROM->TO", 16, true, 3, [](const RingRow& r) { return r.from + "->" + r.to; }},
      {"USED", 7, false, 1, [](const RingRow& r) { return size_text(static_cast<double>(r.used_bytes)); }},
      {"CAP", 7, false, 5, [](const RingRow& r) { return size_text(static_cast<double>(r.capacity_bytes)); }},
      {"%", 4, false, 0,
       [](const RingRow& r) {
         return fmt::format("{}", r.used_bytes * 100 / std::max<std::uint64_t>(1, r.capacity_bytes));
       }},
      {"HWM", 7, false, 2,
       [](const RingRow& r) { return size_text(static_cast<double>(r.high_water_bytes)); }},
      {"FRAMES", 8, false, 4, [](const RingRow& r) { return fmt::format("{}", r.frames); }},
      {"FR/s", 7, false, 1, [](const RingRow& r) { return fmt::format("{:.1f}", r.frames_per_s); }},
      {"B/s", 7, false, 4, [](const RingRow& r) { return size_text(r.bytes_per_s); }},
      {"LAG", 7, false, 2,
       [](const RingRow& r) {
         return r.used_bytes > 0 ? (r.in_hand ? "+" : "") + time_text(r.lag_ms) : "---";
       }},
      {"AGE", 7, false, 6, [](const RingRow& r) { return time_text(r.age_ms); }},
      {"DROP", 6, false, 1, [since](const RingRow& r) { return fmt::format("{}", since(r)); }},
      {"STALE", 6, false, 7, [](const RingRow& r) { return fmt::format("{}", r.stale); }},
      {"FAULT", 6, false, 7, [](const RingRow& r) { return fmt::format("{}", r.faults); }},
      {"LATE", 5, false, 5, [](const RingRow& r) { return fmt::format("{}", r.late_wakes); }},
  };
}

// Leaves out the columns of the highest priority numbers until the rest fits.
template <typename Row>
std::vector<Column<Row>> fit(std::vector<Column<Row>> columns, std::size_t width) {
  const auto total = [&] {
    std::size_t sum = 0;
    for (const auto& c : columns) sum += static_cast<std::size_t>(c.width) + 1;
    return sum;
  };
  while (columns.size() > 1 && total() > width) {
    const auto worst = std::max_element(columns.begin(), columns.end(),
                                        [](const auto& a, const auto& b) { return a.priority < b.priority; });
    columns.erase(worst);
  }
  return columns;
}

template <typename Row>
void table(const std::vector<Row>& rows, const std::vector<Column<Row>>& columns,
           const std::function<Style(const Row&)>& style, std::vector<Line>& lines) {
  std::string header;
  for (const auto& c : columns) header += pad(c.title, c.width, c.left) + ' ';
  lines.push_back({header, Style::kHeader});
  for (const Row& row : rows) {
    std::string text;
    for (const auto& c : columns) text += pad(c.text(row), c.width, c.left) + ' ';
    lines.push_back({text, style(row)});
  }
}

void sort_stages(std::vector<StageRow>& rows, const ViewOptions& options) {
  const std::string& key = options.stage_sort;
  const auto less = [&](const StageRow& a, const StageRow& b) {
    if (key == "name") return a.name < b.name;
    if (key == "busy") return a.busy_percent > b.busy_percent;
    if (key == "rss") return a.rss_bytes > b.rss_bytes;
    if (key == "restarts") return a.restarts > b.restarts;
    return false;
  };
  std::stable_sort(rows.begin(), rows.end(), less);
  if (options.reverse) std::reverse(rows.begin(), rows.end());
}

void sort_rings(std::vector<RingRow>& rows, const ViewOptions& options) {
  const std::string& key = options.ring_sort;
  const auto less = [&](const RingRow& a, const RingRow& b) {
    if (key == "name") return a.name < b.name;
    if (key == "used") return a.used_bytes > b.used_bytes;
    if (key == "rate") return a.bytes_per_s > b.bytes_per_s;
    if (key == "lag") return a.lag_ms > b.lag_ms;
    if (key == "drops") return a.drops > b.drops;
    return false;
  };
  std::stable_sort(rows.begin(), rows.end(), less);
  if (options.reverse) std::reverse(rows.begin(), rows.end());
}

Style stage_style(const StageRow& row) {
  if (row.state == "ready" || row.state == "done") return row.restarts > 0 ? Style::kWarn : Style::kGood;
  return row.state == "failed" || row.state == "backoff" ? Style::kBad : Style::kWarn;
}

Style ring_style(const RingRow& row) {
  if (row.faults > 0 || row.drops > 0) return Style::kBad;
  if (row.used_bytes * 4 >= row.capacity_bytes * 3) return Style::kWarn;  // the 75 % warning
  return row.frames == 0 ? Style::kDim : Style::kPlain;
}

}  // namespace

std::vector<Line> render(const Snapshot& snapshot, const ViewOptions& options) {
  std::vector<Line> lines;
  std::string title = fmt::format("prot '{}'  run {}  supervisor {} ", snapshot.instance, snapshot.run,
                                  snapshot.supervisor_pid);
  title += snapshot.supervisor_alive ? fmt::format("(beat {} ms)", snapshot.supervisor_heartbeat_age_ms)
                                     : std::string("DEAD: post-mortem, as it was left");
  title += fmt::format("  {}  turn {}", snapshot.conversation, snapshot.turn);
  lines.push_back({title.substr(0, options.width), snapshot.supervisor_alive ? Style::kTitle : Style::kBad});
  lines.push_back({""});

  Snapshot shown = snapshot;
  const auto hidden = [&](const auto& row) {
    return !options.filter.empty() && row.name.find(options.filter) == std::string::npos;
  };
  std::erase_if(shown.stages, hidden);
  std::erase_if(shown.rings, hidden);
  sort_stages(shown.stages, options);
  sort_rings(shown.rings, options);
  table<StageRow>(shown.stages, fit(stage_columns(), options.width), stage_style, lines);
  lines.push_back({""});
  table<RingRow>(shown.rings, fit(ring_columns(options.baseline), options.width), ring_style, lines);
  return lines;
}

std::vector<Line> help_lines() {
  return {{"prot-top keys", Style::kTitle},
          {""},
          {"q, Ctrl-C     quit"},
          {"h, ?          this help; any key leaves it"},
          {"space         pause"},
          {"s / S         next sort column of the rings / of the stages"},
          {"r             reverse the order"},
          {"/             filter by name (Enter takes it, empty shows all)"},
          {"d             delay in seconds"},
          {"c             count drops from now (this view only)"},
          {""},
          {"---  no data        +  in front of LAG: a frame is taken and not yet released"},
          {"LAG  age of the oldest frame in the ring    AGE  since the last frame came"},
          {"LATE wakes that came only by the belt timeout: a bug, stays 0"}};
}

}  // namespace prot::top
