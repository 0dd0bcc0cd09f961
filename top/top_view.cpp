#include "top_view.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <string_view>

#include "columns.hpp"
#include "text_format.hpp"

namespace prot::top {
namespace {

constexpr std::size_t kNoLimit = 100'000;
constexpr Nanos kSupervisorHung = 3 * kSecond;  // it beats twice a second
constexpr Nanos kStageHung = 3 * kSecond;       // its belt ends every sleep after one

template <typename Row>
struct Table {
  std::vector<const Column<Row>*> columns;
  std::vector<const Row*> rows;
};

// Leaves out the columns of the highest priority numbers until the rest fits.
template <typename Row>
std::vector<const Column<Row>*> fit(std::span<const Column<Row>> all, std::size_t width) {
  std::vector<const Column<Row>*> columns;
  std::size_t total = 0;
  for (const Column<Row>& c : all) {
    columns.push_back(&c);
    total += static_cast<std::size_t>(c.width) + 1;
  }
  while (columns.size() > 1 && total - 1 > width) {
    const auto last = std::max_element(columns.begin(), columns.end(), [](const auto* a, const auto* b) {
      return a->priority < b->priority;
    });
    total -= static_cast<std::size_t>((*last)->width) + 1;
    columns.erase(last);
  }
  return columns;
}

bool contains(std::string_view text, std::string_view part) {
  const auto same = [](unsigned char a, unsigned char b) { return std::tolower(a) == std::tolower(b); };
  return std::search(text.begin(), text.end(), part.begin(), part.end(), same) != text.end();
}

bool matches(const StageRow& row, const std::string& filter) { return contains(row.name, filter); }
bool matches(const RingRow& row, const std::string& filter) {
  return contains(row.name, filter) || contains(row.producer.name, filter) ||
         contains(row.consumer.name, filter);
}

template <typename Row>
std::vector<const Row*> choose(const std::vector<Row>& all, std::span<const Column<Row>> columns,
                               const PaneState& pane, const std::string& filter) {
  std::vector<const Row*> rows;
  for (const Row& row : all)
    if (filter.empty() || matches(row, filter)) rows.push_back(&row);
  const auto by =
      std::find_if(columns.begin(), columns.end(), [&](const auto& c) { return pane.sort == c.title; });
  if (by != columns.end() && by->number != nullptr)
    std::stable_sort(rows.begin(), rows.end(),
                     [&](const Row* a, const Row* b) { return by->number(*a) > by->number(*b); });
  else if (by != columns.end())
    std::stable_sort(rows.begin(), rows.end(),
                     [&](const Row* a, const Row* b) { return by->text(*a) < by->text(*b); });
  if (pane.reverse) std::reverse(rows.begin(), rows.end());
  return rows;
}

Table<StageRow> stage_table(const Snapshot& s, const ViewState& view, std::size_t width) {
  return {fit(stage_columns(), width), choose(s.stages, stage_columns(), view.panes[0], view.filter)};
}
Table<RingRow> ring_table(const Snapshot& s, const ViewState& view, std::size_t width) {
  return {fit(ring_columns(), width), choose(s.rings, ring_columns(), view.panes[1], view.filter)};
}

Style style_of(const StageRow& row) {
  if (row.state == "failed" || row.state == "backoff" || (row.pid != 0 && !row.alive)) return Style::kBad;
  if (row.state != "ready" && row.state != "done") return Style::kWarn;
  if (row.heartbeat_age_ns.value_or(0) > kStageHung) return Style::kBad;
  return row.restarts > 0 || row.process_state == 'T' || row.process_state == 't' ? Style::kWarn
                                                                                  : Style::kGood;
}

Style style_of(const RingRow& row) {
  if (row.faults > 0 || row.drops > 0 || row.poison > 0 || row.late_wakes > 0) return Style::kBad;
  if (row.used_bytes * 4 >= row.capacity_bytes * 3 || row.blocked) return Style::kWarn;
  return row.frames == 0 ? Style::kDim : Style::kPlain;
}

template <typename Row>
std::string header_text(const std::vector<const Column<Row>*>& columns, const PaneState& pane) {
  std::string text;
  for (const auto* c : columns) {
    text += padded(c->title, static_cast<std::size_t>(c->width), c->left);
    const bool falling = (c->number != nullptr) != pane.reverse;
    text += pane.sort != c->title ? ' ' : falling ? 'v' : '^';
  }
  return text;
}

template <typename Row>
std::string row_text(const std::vector<const Column<Row>*>& columns, const Row& row) {
  std::string text;
  for (const auto* c : columns)
    text += padded(printable(c->text(row)), static_cast<std::size_t>(c->width), c->left) + ' ';
  while (!text.empty() && text.back() == ' ') text.pop_back();
  return text;
}

std::string title_text(const Snapshot& s) {
  const std::string talk = fmt::format("{}  turn {}", s.conversation, s.turn);
  const std::string beat = span_text(s.supervisor_heartbeat_age_ns);
  if (s.removed)
    return fmt::format("ENDED: prot {}  its segments are removed  {}  run {}", s.instance, talk, s.run);
  if (!s.supervisor_alive)
    return fmt::format("POST-MORTEM: prot {}  as supervisor {} left it {} ago  {}  run {}", s.instance,
                       s.supervisor_pid, beat, talk, s.run);
  const char* hung = s.supervisor_heartbeat_age_ns > kSupervisorHung ? " HUNG?" : "";
  return fmt::format("prot {}  {}  supervisor {}{} beat {}  run {}", s.instance, talk, s.supervisor_pid, hung,
                     beat, s.run);
}

Line title_line(const Snapshot& s, std::size_t width) {
  const bool well = s.supervisor_alive && s.supervisor_heartbeat_age_ns <= kSupervisorHung;
  return {printable(title_text(s)).substr(0, width), well ? Style::kTitle : Style::kBad};
}

// Rows for the active pane and for the other, when both want more than there is.
struct Room {
  std::size_t stages, rings;
};

Room divide(std::size_t room, std::size_t stages, std::size_t rings, Pane active) {
  stages = std::max<std::size_t>(stages, 1);
  rings = std::max<std::size_t>(rings, 1);
  if (stages + rings <= room) return {stages, rings};
  const std::size_t wanted = active == Pane::kStages ? stages : rings;
  const std::size_t other = active == Pane::kStages ? rings : stages;
  const std::size_t least = std::min(other, std::max<std::size_t>(1, room / 3));
  const std::size_t mine = std::min(wanted, room - least);
  const std::size_t rest = std::min(other, room - mine);
  return active == Pane::kStages ? Room{mine, rest} : Room{rest, mine};
}

// Scrolls so that the selected row shows; a selected row that is gone gives way to the one in its place.
template <typename Row>
std::size_t settle(const Table<Row>& table, PaneState& pane, std::size_t room) {
  pane.page_rows = room;
  const std::size_t count = table.rows.size();
  if (count == 0) {
    pane.first_row = 0;
    return 0;
  }
  std::size_t index = 0;
  while (index < count && table.rows[index]->name != pane.selected) ++index;
  if (index == count) index = std::min(pane.first_row, count - 1);
  pane.selected = table.rows[index]->name;
  pane.first_row = std::min(pane.first_row, count - std::min(count, room));
  if (index < pane.first_row) pane.first_row = index;
  if (index >= pane.first_row + room) pane.first_row = index + 1 - room;
  return index;
}

template <typename Row>
void draw_table(const Table<Row>& table, PaneState& pane, bool active, std::size_t room, std::size_t width,
                Picture& picture) {
  const std::size_t selected = settle(table, pane, room);
  std::string header = header_text(table.columns, pane);
  if (table.rows.size() > room) {
    const std::string part =
        fmt::format(" {}-{} of {}", pane.first_row + 1, pane.first_row + room, table.rows.size());
    header = padded(header, width - std::min(width, part.size()), true) + part;
  }
  picture.push_back({padded(header, width, true), active ? Style::kActiveHeader : Style::kHeader});
  if (table.rows.empty()) picture.push_back({std::string("(none)").substr(0, width), Style::kDim});
  for (std::size_t i = pane.first_row; i < std::min(table.rows.size(), pane.first_row + room); ++i) {
    const std::string text = row_text(table.columns, *table.rows[i]);
    if (active && i == selected)
      picture.push_back({padded(text, width, true), Style::kSelected});
    else
      picture.push_back({text.substr(0, width), style_of(*table.rows[i])});
  }
}

void add_arrows(Picture& picture) {
  for (Line& line : picture) {
    const std::size_t at = line.text.find("->");
    if (at != std::string::npos && line.style != Style::kTitle) line.text.replace(at, 2, "─▸");
  }
}

template <typename Row>
std::vector<std::string> titles(std::span<const Column<Row>> all, std::size_t width) {
  std::vector<std::string> found;
  for (const auto* c : fit(all, width)) found.emplace_back(c->title);
  return found;
}

template <typename Row>
std::vector<std::string> names(const std::vector<const Row*>& rows) {
  std::vector<std::string> found(rows.size());
  std::transform(rows.begin(), rows.end(), found.begin(), [](const Row* row) { return row->name; });
  return found;
}

}  // namespace

std::vector<std::string> visible_columns(const ViewState& view) {
  return view.active == Pane::kStages ? titles(stage_columns(), view.width)
                                      : titles(ring_columns(), view.width);
}

std::vector<std::string> visible_rows(const Snapshot& s, const ViewState& view) {
  return view.active == Pane::kStages ? names(stage_table(s, view, view.width).rows)
                                      : names(ring_table(s, view, view.width).rows);
}

Picture draw_tables(const Snapshot& snapshot, ViewState& view) {
  Picture picture = {title_line(snapshot, view.width)};
  const Table<StageRow> stages = stage_table(snapshot, view, view.width);
  const Table<RingRow> rings = ring_table(snapshot, view, view.width);
  const std::size_t body = view.height - 4;  // title, two headers, footer
  const Room room = divide(body, stages.rows.size(), rings.rows.size(), view.active);
  const bool blank = room.stages + room.rings < body;
  draw_table(stages, view.panes[0], view.active == Pane::kStages, room.stages, view.width, picture);
  if (blank) picture.push_back({});
  draw_table(rings, view.panes[1], view.active == Pane::kRings, room.rings, view.width, picture);
  picture.resize(view.height - 1);
  picture.push_back({view.footer.substr(0, view.width), Style::kDim});
  if (!view.ascii) add_arrows(picture);
  return picture;
}

Picture draw_page(const std::vector<Line>& page, ViewState& view) {
  const std::size_t room = view.height - 1;
  view.first_line = std::min(view.first_line, page.size() - std::min(page.size(), room));
  Picture picture;
  for (std::size_t i = view.first_line; i < std::min(page.size(), view.first_line + room); ++i)
    picture.push_back({page[i].text.substr(0, view.width), page[i].style});
  picture.resize(room);
  picture.push_back({view.footer.substr(0, view.width), Style::kDim});
  return picture;
}

std::vector<std::string> plain_tables(const Snapshot& snapshot, const ViewState& view) {
  std::vector<std::string> lines = {title_line(snapshot, kNoLimit).text};
  const auto add = [&](const auto& table, const PaneState& pane) {
    std::string header = header_text(table.columns, pane);
    while (!header.empty() && header.back() == ' ') header.pop_back();
    lines.push_back(header);
    for (const auto* row : table.rows) lines.push_back(row_text(table.columns, *row));
  };
  add(stage_table(snapshot, view, kNoLimit), view.panes[0]);
  lines.emplace_back();
  add(ring_table(snapshot, view, kNoLimit), view.panes[1]);
  return lines;
}

}  // namespace prot::top
