#include "live.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "columns.hpp"

namespace prot::top {
namespace {

constexpr int kControlC = 3;
constexpr std::size_t kMostTyped = 32;

std::size_t index_of(const std::vector<std::string>& names, const std::string& name) {
  const auto found = std::find(names.begin(), names.end(), name);
  return found == names.end() ? 0 : static_cast<std::size_t>(found - names.begin());
}

}  // namespace

Live::Live(Source& source, Screen& screen, const Clock& clock, ViewState view, double delay, int iterations)
    : source_(&source),
      screen_(&screen),
      clock_(&clock),
      view_(std::move(view)),
      delay_(delay),
      iterations_(iterations) {}

void Live::run() {
  sample();
  next_ =
      clock_->now() + std::min<Nanos>(200 * kMillisecond, static_cast<Nanos>(delay_ * 1e9));  // rates, soon
  for (;;) {
    if (!paused_ && clock_->now() >= next_) {
      sample();
      if (iterations_ > 0 && --iterations_ == 0) return draw();
      // From tick to tick, so that the time of drawing does not add up; ticks that were missed are not made
      // up.
      next_ = std::max(next_ + static_cast<Nanos>(delay_ * 1e9), clock_->now());
    }
    draw();
    const Nanos wait = paused_ ? kSecond : std::max<Nanos>(next_ - clock_->now(), 0);
    const int key = screen_->key(static_cast<int>((wait + kMillisecond - 1) / kMillisecond));
    if (!handle(key)) return;
  }
}

void Live::sample() {
  snapshot_ = source_->read();
  if (!baseline_) return;
  raise_marks(*baseline_, snapshot_);
  counted_ = since(snapshot_, *baseline_);
}

const Snapshot& Live::shown() { return baseline_ ? *counted_ : snapshot_; }

void Live::draw() {
  view_.width = screen_->width();
  view_.height = screen_->height();
  if (view_.width < kLeastWidth || view_.height < kLeastHeight) {
    screen_->draw({{std::string("terminal too small").substr(0, view_.width)}});
    return;
  }
  view_.footer = footer();
  if (page_ == Page::kHelp)
    screen_->draw(draw_page(help_lines(), view_));
  else if (page_ == Page::kTurns)
    screen_->draw(draw_page(turn_lines(snapshot_), view_));
  else if (page_ == Page::kDetail)
    screen_->draw(draw_page(detail_lines(shown(), view_), view_));
  else
    screen_->draw(draw_tables(shown(), view_));
}

std::string Live::footer() const {
  if (prompt_ == Prompt::kFilter) return "filter: " + typed_ + "_";
  if (prompt_ == Prompt::kDelay)
    return fmt::format("seconds between samples ({} to {}): {}_", kShortestDelay, kLongestDelay, typed_);
  if (!message_.empty()) return message_;
  if (page_ != Page::kTables) return "Esc back  q quit";
  const PaneState& pane = view_.panes[static_cast<std::size_t>(view_.active)];
  std::string text = paused_ ? "PAUSED  " : "";
  if (!view_.filter.empty()) text += fmt::format("filter {}  ", view_.filter);
  if (baseline_) text += "counted from c  ";
  return text + fmt::format("h help  q quit  sort {}{}  every {} s", pane.sort.empty() ? "none" : pane.sort,
                            pane.reverse ? " reversed" : "", delay_);
}

bool Live::handle(int key) {
  if (key == kKeyQuit || key == kControlC) return false;
  if (key == kKeyNone || key == kKeyResize) return true;
  message_.clear();
  if (prompt_ != Prompt::kNone) return handle_prompt(key);
  if (key == 'q' || key == 'Q') return false;
  return page_ != Page::kTables ? handle_page(key) : handle_tables(key);
}

bool Live::handle_prompt(int key) {
  if (key == kKeyEscape) {
    prompt_ = Prompt::kNone;
  } else if (key == kKeyEnter) {
    finish_prompt();
  } else if (key == kKeyBackspace) {
    if (!typed_.empty()) typed_.pop_back();
  } else if (key >= ' ' && key <= '~' && typed_.size() < kMostTyped) {
    typed_ += static_cast<char>(key);
  }
  return true;
}

void Live::finish_prompt() {
  if (std::exchange(prompt_, Prompt::kNone) == Prompt::kFilter) {
    view_.filter = typed_;
    return;
  }
  char* end = nullptr;
  const double asked = std::strtod(typed_.c_str(), &end);
  if (typed_.empty()) return;
  if (*end != '\0' || !(asked >= kShortestDelay && asked <= kLongestDelay)) {
    message_ = fmt::format("'{}' is not a time from {} to {} seconds", typed_, kShortestDelay, kLongestDelay);
    return;
  }
  delay_ = asked;
  next_ = clock_->now() + static_cast<Nanos>(delay_ * 1e9);
}

bool Live::handle_page(int key) {
  const std::size_t page = std::max<std::size_t>(view_.height, 2) - 1;
  switch (key) {
    case 'j':
    case kKeyDown:
      ++view_.first_line;
      break;
    case 'k':
    case kKeyUp:
      view_.first_line -= std::min<std::size_t>(view_.first_line, 1);
      break;
    case ' ':
    case kKeyPageDown:
      view_.first_line += page;
      break;
    case kKeyPageUp:
      view_.first_line -= std::min(view_.first_line, page);
      break;
    case kKeyHome:
      view_.first_line = 0;
      break;
    case kKeyEnd:
      view_.first_line = 100'000;  // the view clamps
      break;
    default:
      page_ = Page::kTables;
      break;
  }
  return true;
}

bool Live::handle_tables(int key) {
  switch (key) {
    case 'h':
    case '?':
    case kKeyF1:
      page_ = Page::kHelp;
      view_.first_line = 0;
      return true;
    case kKeyEnter:
      page_ = Page::kDetail;
      view_.first_line = 0;
      return true;
    case 't':
      page_ = Page::kTurns;
      view_.first_line = 0;
      return true;
    case '\t':
    case kKeyBackTab:
    case kKeyLeft:
    case kKeyRight:
      view_.active = view_.active == Pane::kStages ? Pane::kRings : Pane::kStages;
      return true;
    case '<':
      sort_by(-1);
      return true;
    case '>':
      sort_by(+1);
      return true;
    case 'r':
      view_.pane().reverse = !view_.pane().reverse;
      return true;
    case ' ':
      paused_ = !paused_;
      next_ = clock_->now();
      return true;
    case '/':
      prompt_ = Prompt::kFilter;
      typed_ = view_.filter;
      return true;
    case 'd':
      prompt_ = Prompt::kDelay;
      typed_.clear();
      return true;
    case 'c':
      source_->clear();
      baseline_ = snapshot_;
      counted_ = since(snapshot_, *baseline_);
      return true;
    default:
      return move(key);
  }
}

bool Live::move(int key) {
  const std::vector<std::string> rows = visible_rows(shown(), view_);
  if (rows.empty()) return true;
  PaneState& pane = view_.pane();
  const std::size_t last = rows.size() - 1;
  std::size_t at = index_of(rows, pane.selected);
  if (key == 'j' || key == kKeyDown) at = std::min(at + 1, last);
  if (key == 'k' || key == kKeyUp) at -= std::min<std::size_t>(at, 1);
  if (key == kKeyPageDown) at = std::min(at + pane.page_rows, last);
  if (key == kKeyPageUp) at -= std::min(at, pane.page_rows);
  if (key == kKeyHome) at = 0;
  if (key == kKeyEnd) at = last;
  pane.selected = rows[at];
  return true;
}

// Through "none" and the columns that show.
void Live::sort_by(int step) {
  std::vector<std::string> columns = {""};
  for (std::string& title : visible_columns(view_)) columns.push_back(std::move(title));
  const std::size_t at = index_of(columns, view_.pane().sort);
  const std::size_t next = at + columns.size() + (step > 0 ? 1 : columns.size() - 1);
  view_.pane().sort = columns[next % columns.size()];
}

}  // namespace prot::top
