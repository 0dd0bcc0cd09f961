#include "top_view.hpp"

#include <doctest/doctest.h>

#include "columns.hpp"
#include "fake_screen.hpp"
#include "text_format.hpp"
#include "top_json.hpp"

using namespace prot;
using namespace prot::top;
using namespace prot::top::test;

namespace {

std::string joined(const Picture& picture) {
  std::string text;
  for (const Line& line : picture) {
    std::string cut = line.text;
    while (!cut.empty() && cut.back() == ' ') cut.pop_back();
    text += cut + "\n";
  }
  return text;
}

ViewState view_of(std::size_t width, std::size_t height) {
  ViewState view;
  view.width = width;
  view.height = height;
  view.footer = "h help";
  return view;
}

}  // namespace

TEST_CASE("the tables at several sizes are those of the golden files") {
  const Snapshot s = busy_snapshot();
  const std::pair<std::size_t, std::size_t> sizes[] = {{40, 6},  {40, 24},  {60, 16},
                                                       {80, 24}, {120, 30}, {200, 24}};
  for (const auto& [width, height] : sizes) {
    ViewState view = view_of(width, height);
    const Picture picture = draw_tables(s, view);
    CHECK(picture.size() == height);
    const std::string name = std::to_string(width) + "x" + std::to_string(height) + ".txt";
    CAPTURE(name);
    CHECK(joined(picture) == golden(name, joined(picture)));
  }
}

TEST_CASE("the page of the last turns is that of the golden file, and says when there is none") {
  const auto page = [](const Snapshot& s) {
    ViewState view = view_of(100, 14);
    return joined(draw_page(turn_lines(s), view));
  };
  CHECK(page(busy_snapshot()) == golden("turns.txt", page(busy_snapshot())));
  CHECK(page(Snapshot{}).find("(none)") != std::string::npos);
}

TEST_CASE("no size is overdrawn, and every size has both tables") {
  const Snapshot s = busy_snapshot();
  for (std::size_t width = 40; width <= 220; ++width) {
    for (std::size_t height = 6; height <= 30; ++height) {
      ViewState view = view_of(width, height);
      const Picture picture = draw_tables(s, view);
      REQUIRE(picture.size() == height);
      int headers = 0;
      for (const Line& line : picture) {
        REQUIRE(text::count_code_points(line.text) <= width);
        headers += line.style == Style::kHeader || line.style == Style::kActiveHeader ? 1 : 0;
      }
      REQUIRE(headers == 2);
    }
  }
}

TEST_CASE("the marks: no data, in progress, blocked, stopped") {
  ViewState view = view_of(200, 24);
  const std::string text = joined(draw_tables(busy_snapshot(), view));
  const auto row = [&](std::string_view name) {
    const std::size_t at = text.find("\n" + std::string(name) + " ") + 1;
    return text.substr(at, text.find('\n', at) - at);
  };
  CHECK(row("mic").find("0.12/+++") != std::string::npos);
  CHECK(row("pcm").find("+++") != std::string::npos);
  CHECK(row("playback").find("---/---") != std::string::npos);
  CHECK(row("tts").find("---") != std::string::npos);
  CHECK(row("stt").find("SIGSEGV") != std::string::npos);
  CHECK(row("brain").find("ready/t") != std::string::npos);
}

TEST_CASE("a dead, an ended and a hung supervisor are named in the first line") {
  Snapshot s = busy_snapshot();
  ViewState view = view_of(40, 24);
  s.supervisor_alive = false;
  CHECK(draw_tables(s, view)[0].text.starts_with("POST-MORTEM: prot default"));
  CHECK(draw_tables(s, view)[0].style == Style::kBad);
  s.removed = true;
  CHECK(draw_tables(s, view)[0].text.starts_with("ENDED: prot default"));
  s.removed = false;
  s.supervisor_alive = true;
  s.supervisor_heartbeat_age_ns = 20 * kSecond;
  view.width = 80;
  CHECK(draw_tables(s, view)[0].text.find("HUNG? beat 20s") != std::string::npos);
}

TEST_CASE("what comes from shared memory does not steer the terminal") {
  Snapshot s = busy_snapshot();
  s.instance = "a\x1b[2J";
  s.stages[0].engine = "\x1b]0;title\x07\xff";
  s.stages[0].counters = {{"\r\n\x1b", 1}};
  ViewState view = view_of(200, 24);
  view.active = Pane::kStages;
  Picture all = draw_tables(s, view);
  for (const Line& line : detail_lines(s, view)) all.push_back(line);
  for (const Line& line : turn_lines(s)) all.push_back(line);
  for (const std::string& line : plain_tables(s, view)) all.push_back({line});
  for (const Line& line : all)
    for (const char c : line.text) CHECK((static_cast<unsigned char>(c) >= 0x20 && c != 0x7F));
  s.stages[0].engine = "a\xC2\x9B[2J\xE2\x80\xAE\x7F";
  const std::string json = to_json(s);
  CHECK(json.find(R"("engine":"a\u009b[2J\u202e\u007f")") != std::string::npos);
  for (const char* steering : {"\xC2\x9B", "\xE2\x80\xAE", "\x7F"})
    CHECK(json.find(steering) == std::string::npos);
}

TEST_CASE("sorting: numbers largest first, names by letter, no data last; reversed the other way round") {
  const Snapshot s = busy_snapshot();
  ViewState view = view_of(120, 24);
  using Names = std::vector<std::string>;
  CHECK(visible_rows(s, view) == Names{"mic", "transcript", "pcm", "playback"});
  view.panes[1].sort = "FRAMES/s";
  CHECK(visible_rows(s, view) == Names{"pcm", "mic", "playback", "transcript"});
  view.panes[1].reverse = true;
  CHECK(visible_rows(s, view) == Names{"transcript", "playback", "mic", "pcm"});
  view.panes[1] = {};
  view.panes[1].sort = "RING";
  CHECK(visible_rows(s, view) == Names{"mic", "pcm", "playback", "transcript"});
  view.panes[1].sort = "p99-ms";
  CHECK(visible_rows(s, view).back() == "playback");
  view.active = Pane::kStages;
  view.panes[0].sort = "CPU%";
  CHECK(visible_rows(s, view).front() == "stt");
  CHECK(visible_rows(s, view).back() == "tts");
}

TEST_CASE("the filter is for names, in any case; a ring is found by its ends, too") {
  const Snapshot s = busy_snapshot();
  ViewState view = view_of(120, 24);
  view.filter = "STT";
  CHECK(visible_rows(s, view) == std::vector<std::string>{"mic", "transcript"});
  view.active = Pane::kStages;
  CHECK(visible_rows(s, view) == std::vector<std::string>{"stt"});
  view.filter = "nothing";
  const std::string text = joined(draw_tables(s, view));
  CHECK(text.find("(none)") != std::string::npos);
}

TEST_CASE("since: counts from a moment on; another run begins anew") {
  Snapshot old = busy_snapshot();
  Snapshot s = busy_snapshot();
  s.rings[0].drops = 20;
  s.rings[0].used_bytes = 100;
  CHECK(since(s, old).rings[0].drops == 8);
  CHECK(since(s, old).stages[4].restarts == 0);
  CHECK(since(s, old).rings[2].poison == 0);
  old.rings[0].used_bytes = 300;
  raise_marks(old, s);
  CHECK(since(s, old).rings[0].high_water_bytes == 300);
  s.rings[0].high_water_bytes = 250'000;
  CHECK(since(s, old).rings[0].high_water_bytes == 250'000);
  s.run = "another";
  CHECK(since(s, old).rings[0].drops == 20);
}

TEST_CASE("numbers stay short") {
  CHECK(size_text(1023) == "1023");
  CHECK(size_text(4'194'304) == "4M");
  CHECK(size_text(1e13) == "9313G");
  CHECK(count_text(999'999) == "999999");
  CHECK(count_text(1'234'567) == "1.2M");
  CHECK(count_text(UINT64_MAX).size() <= 6);
  CHECK(rate_text(std::nullopt) == "---");
  CHECK(rate_text(1e300).size() <= 8);
  CHECK(ms_text(1'230'000) == "1.23");
  CHECK(ms_text(86'400 * kSecond) == "1d00h");
  CHECK(span_text(303 * kSecond) == "5m03s");
  CHECK(exit_text(-9) == "SIGKILL");
  CHECK(exit_text(INT32_MIN) == "signal 2147483648");
  CHECK(padded("abcdef", 3, true) == "abc");
  CHECK(padded("ab", 4, false) == "  ab");
}
