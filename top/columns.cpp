#include "columns.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "text_format.hpp"

namespace prot::top {
namespace {

using Stage = StageRow;
using Ring = RingRow;

double known(const std::optional<double>& value) { return value.value_or(-1); }
template <typename T>
double known(const std::optional<T>& value) {
  return value ? static_cast<double>(*value) : -1;
}

double percent_of(const Ring& r) {
  return r.capacity_bytes == 0
             ? 0
             : static_cast<double>(r.used_bytes) * 100 / static_cast<double>(r.capacity_bytes);
}

std::string state_text(const Stage& r) {
  const bool held_up = r.process_state == 'T' || r.process_state == 't';
  return held_up ? fmt::format("{}/{}", r.state.substr(0, 7), r.process_state) : r.state;
}

std::string up_text(const Stage& r) {
  return r.up_ns && *r.up_ns >= kSecond && *r.up_ns < 10 * kSecond ? fmt::format("{}s", *r.up_ns / kSecond)
                                                                   : span_text(r.up_ns);
}

std::string used_text(const Ring& r) {
  return size_text(static_cast<double>(r.used_bytes)) + "/" +
         size_text(static_cast<double>(r.capacity_bytes));
}

std::uint32_t restarts_of(const RingSide& side) { return side.generation > 0 ? side.generation - 1 : 0; }

constexpr std::array<Column<Stage>, 13> kStageColumns = {{
    {"STAGE", 8, true, 0, [](const Stage& r) { return r.name; }, nullptr},
    {"PID", 7, false, 4, [](const Stage& r) { return r.alive ? fmt::format("{}", r.pid) : kNoData; },
     [](const Stage& r) { return static_cast<double>(r.pid); }},
    {"STATE", 9, true, 0, state_text, nullptr},
    {"GEN", 4, false, 6, [](const Stage& r) { return count_text(r.generation); },
     [](const Stage& r) { return static_cast<double>(r.generation); }},
    {"UP", 6, false, 5, [](const Stage& r) { return up_text(r); },
     [](const Stage& r) { return known(r.up_ns); }},
    {"RST", 4, false, 1, [](const Stage& r) { return count_text(r.restarts); },
     [](const Stage& r) { return static_cast<double>(r.restarts); }},
    {"LAST-EXIT", 9, false, 7, [](const Stage& r) { return exit_text(r.last_exit); }, nullptr},
    {"HB-AGE", 7, false, 2, [](const Stage& r) { return span_text(r.heartbeat_age_ns); },
     [](const Stage& r) { return known(r.heartbeat_age_ns); }},
    {"CPU%", 6, false, 1, [](const Stage& r) { return percent_text(r.cpu_percent); },
     [](const Stage& r) { return known(r.cpu_percent); }},
    {"RSS", 6, false, 3,
     [](const Stage& r) { return r.rss_bytes ? size_text(static_cast<double>(*r.rss_bytes)) : kNoData; },
     [](const Stage& r) { return known(r.rss_bytes); }},
    {"BUSY%", 6, false, 8, [](const Stage& r) { return percent_text(r.busy_percent); },
     [](const Stage& r) { return known(r.busy_percent); }},
    {"LOOPS/s", 8, false, 9, [](const Stage& r) { return rate_text(r.loops_per_s); },
     [](const Stage& r) { return known(r.loops_per_s); }},
    {"ENGINE", 30, true, 10, [](const Stage& r) { return r.engine; }, nullptr},
}};

constexpr std::array<Column<Ring>, 20> kRingColumns = {{
    {"RING", 10, true, 0, [](const Ring& r) { return r.name; }, nullptr},
    {"PROD->CONS", 16, true, 5, [](const Ring& r) { return r.producer.name + "->" + r.consumer.name; },
     nullptr},
    {"USED/CAP", 10, false, 2, used_text, [](const Ring& r) { return static_cast<double>(r.used_bytes); }},
    {"%", 5, false, 1, [](const Ring& r) { return percent_text(percent_of(r)); }, percent_of},
    {"HWM", 6, false, 6, [](const Ring& r) { return size_text(static_cast<double>(r.high_water_bytes)); },
     [](const Ring& r) { return static_cast<double>(r.high_water_bytes); }},
    {"FRAMES/s", 8, false, 1, [](const Ring& r) { return rate_text(r.frames_per_s); },
     [](const Ring& r) { return known(r.frames_per_s); }},
    {"KB/s", 7, false, 7,
     [](const Ring& r) { return r.bytes_per_s ? rate_text(*r.bytes_per_s / 1024) : kNoData; },
     [](const Ring& r) { return known(r.bytes_per_s); }},
    {"LAG-ms", 7, false, 1, [](const Ring& r) { return ms_text(r.lag_ns); },
     [](const Ring& r) { return known(r.lag_ns); }},
    {"p99-ms", 7, false, 3, [](const Ring& r) { return ms_text(r.p99_lag_ns); },
     [](const Ring& r) { return known(r.p99_lag_ns); }},
    {"DROP", 6, false, 1, [](const Ring& r) { return count_text(r.drops); },
     [](const Ring& r) { return static_cast<double>(r.drops); }},
    {"POISON", 6, false, 8, [](const Ring& r) { return count_text(r.poison); },
     [](const Ring& r) { return static_cast<double>(r.poison); }},
    {"WAIT/BUSY", 13, false, 9,
     [](const Ring& r) { return ms_text(r.wait_ns) + "/" + (r.in_hand ? kInProgress : ms_text(r.busy_ns)); },
     [](const Ring& r) { return known(r.wait_ns); }},
    {"BLK-ms/s", 8, false, 10,
     [](const Ring& r) {
       return r.blocked ? kInProgress : r.blocked_ns_per_s ? rate_text(*r.blocked_ns_per_s / 1e6) : kNoData;
     },
     [](const Ring& r) { return known(r.blocked_ns_per_s); }},
    {"SKIP", 6, false, 12, [](const Ring& r) { return count_text(r.skipped + r.stale); },
     [](const Ring& r) { return static_cast<double>(r.skipped + r.stale); }},
    {"FAULT", 5, false, 11, [](const Ring& r) { return count_text(r.faults); },
     [](const Ring& r) { return static_cast<double>(r.faults); }},
    {"WAKES/s", 7, false, 14, [](const Ring& r) { return rate_text(r.wakes_per_s); },
     [](const Ring& r) { return known(r.wakes_per_s); }},
    {"LATE", 5, false, 13, [](const Ring& r) { return count_text(r.late_wakes); },
     [](const Ring& r) { return static_cast<double>(r.late_wakes); }},
    {"AGE", 7, false, 15, [](const Ring& r) { return span_text(r.age_ns); },
     [](const Ring& r) { return known(r.age_ns); }},
    {"RST", 7, false, 16,
     [](const Ring& r) { return fmt::format("{}/{}", restarts_of(r.producer), restarts_of(r.consumer)); },
     [](const Ring& r) { return static_cast<double>(restarts_of(r.producer) + restarts_of(r.consumer)); }},
    {"PRESS", 6, false, 17, [](const Ring& r) { return count_text(r.pressure_events); },
     [](const Ring& r) { return static_cast<double>(r.pressure_events); }},
}};

bool same_name(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

// A counter that went back belongs to another run: it counts as it is.
template <typename T>
void count_from(T& value, T begin) {
  if (value >= begin) value -= begin;
}

template <typename Row>
const Row* find_row(const std::vector<Row>& rows, const std::string& name) {
  const auto found = std::find_if(rows.begin(), rows.end(), [&](const Row& row) { return row.name == name; });
  return found == rows.end() ? nullptr : &*found;
}

}  // namespace

std::span<const Column<StageRow>> stage_columns() noexcept { return kStageColumns; }
std::span<const Column<RingRow>> ring_columns() noexcept { return kRingColumns; }

std::string find_column(std::string_view name) {
  for (const auto& column : kStageColumns)
    if (same_name(column.title, name)) return column.title;
  for (const auto& column : kRingColumns)
    if (same_name(column.title, name)) return column.title;
  return {};
}

Snapshot since(const Snapshot& snapshot, const Snapshot& baseline) {
  Snapshot shown = snapshot;
  if (snapshot.run != baseline.run) return shown;
  for (StageRow& row : shown.stages)
    if (const StageRow* old = find_row(baseline.stages, row.name)) count_from(row.restarts, old->restarts);
  for (RingRow& row : shown.rings) {
    const RingRow* old = find_row(baseline.rings, row.name);
    if (old == nullptr) continue;
    count_from(row.drops, old->drops);
    count_from(row.skipped, old->skipped);
    count_from(row.stale, old->stale);
    count_from(row.faults, old->faults);
    count_from(row.late_wakes, old->late_wakes);
    count_from(row.poison, old->poison);
    count_from(row.pressure_events, old->pressure_events);
    // The ring's own mark says something new only when it rose; else the most that was seen here.
    if (row.high_water_bytes == old->high_water_bytes)
      row.high_water_bytes = std::max(row.used_bytes, old->used_bytes);
  }
  return shown;
}

void raise_marks(Snapshot& baseline, const Snapshot& snapshot) {
  for (RingRow& row : baseline.rings)
    if (const RingRow* seen = find_row(snapshot.rings, row.name))
      row.used_bytes = std::max(row.used_bytes, seen->used_bytes);
}

}  // namespace prot::top
