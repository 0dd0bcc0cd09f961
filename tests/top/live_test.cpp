#include "live.hpp"

#include <doctest/doctest.h>

#include <random>

#include "fake_screen.hpp"

using namespace prot;
using namespace prot::top;
using namespace prot::top::test;

namespace {

struct Stand {
  explicit Stand(std::size_t width = 100, std::size_t height = 24) : screen(clock, width, height) {
    source.snapshot = busy_snapshot();
  }
  void run(double delay = 1.0) { Live(source, screen, clock, ViewState{}, delay).run(); }
  [[nodiscard]] std::string selected() const {
    for (const Line& line : screen.pictures.back())
      if (line.style == Style::kSelected) return line.text.substr(0, line.text.find(' '));
    return {};
  }

  FakeClock clock;
  FakeSource source;
  FakeScreen screen;
};

}  // namespace

TEST_CASE("it samples by the delay, the second time soon, so that there are rates") {
  Stand s;
  s.screen.wait();
  s.screen.then([&] { CHECK(s.clock.now() == kSecond + 200 * kMillisecond); });
  s.screen.then([&] { CHECK(s.source.reads == 2); });
  s.screen.wait();
  s.screen.then([&] { CHECK(s.clock.now() == kSecond + 1200 * kMillisecond); });
  s.screen.then([&] { CHECK(s.source.reads == 3); });
  s.run();
}

TEST_CASE("with a number of samples it ends by itself, the last one drawn") {
  Stand s;
  for (int i = 0; i < 10; ++i) s.screen.wait();
  Live(s.source, s.screen, s.clock, ViewState{}, 1.0, 3).run();
  CHECK(s.source.reads == 4);  // the first is before there are rates
  CHECK(s.clock.now() == kSecond + 2200 * kMillisecond);
}

TEST_CASE("q, Q and Ctrl-C end it; so does the terminal's end") {
  for (const int key : {static_cast<int>('q'), static_cast<int>('Q'), 3, static_cast<int>(kKeyQuit)}) {
    Stand s;
    s.screen.press(key);
    s.screen.then([] { FAIL("still there"); });
    s.run();
    CHECK(s.screen.pictures.size() == 1);
  }
}

TEST_CASE("pause: the picture stands, sorting goes on, and it samples again at once") {
  Stand s;
  s.screen.press(' ');
  for (int i = 0; i < 5; ++i) s.screen.wait();
  s.screen.then([&] { CHECK(s.source.reads == 1); });
  s.screen.then([&] { CHECK(s.screen.text().find("PAUSED") != std::string::npos); });
  s.screen.press(' ');
  s.screen.then([&] { CHECK(s.source.reads == 2); });
  s.run();
  CHECK(s.screen.text().find("PAUSED") == std::string::npos);
}

TEST_CASE("< and > go through the columns that show, and around; r turns the order round") {
  Stand s;
  s.screen.press('>');
  s.screen.then([&] { CHECK(s.screen.text().find("sort RING ") != std::string::npos); });
  s.screen.press('>');
  s.screen.press('>');
  s.screen.then([&] { CHECK(s.screen.text().find("sort USED/CAP ") != std::string::npos); });
  s.screen.then([&] { CHECK(s.screen.line_with("USED/CAPv") != nullptr); });
  s.screen.press('r');
  s.screen.then([&] { CHECK(s.screen.line_with("USED/CAP^") != nullptr); });
  s.screen.press('<');
  s.screen.press('<');
  s.screen.press('<');
  s.screen.then([&] { CHECK(s.screen.text().find("sort none reversed") != std::string::npos); });
  s.screen.press('<');
  s.screen.then([&] { CHECK(s.screen.text().find("sort none") == std::string::npos); });
  s.run();
}

TEST_CASE("the filter is typed, corrected, taken or given up") {
  Stand s;
  s.screen.type("/sttx");
  s.screen.then([&] { CHECK(s.screen.text().find("filter: sttx_") != std::string::npos); });
  s.screen.press(kKeyBackspace);
  s.screen.press(kKeyEnter);
  s.screen.then([&] {
    CHECK(s.screen.line_with("playback") == nullptr);
    CHECK(s.screen.line_with("transcript") != nullptr);
    CHECK(s.screen.text().find("filter stt  ") != std::string::npos);
  });
  s.screen.type("/q");  // a letter there, not the end
  s.screen.press(kKeyEscape);
  s.screen.then([&] { CHECK(s.screen.text().find("filter stt  ") != std::string::npos); });
  s.screen.type("/");
  for (int i = 0; i < 5; ++i) s.screen.press(kKeyBackspace);
  s.screen.press(kKeyEnter);
  s.run();
  CHECK(s.screen.line_with("playback") != nullptr);
}

TEST_CASE("the delay is a number from 0.1 to 3600, and wrong ones are said") {
  Stand s;
  for (const char* wrong : {"0.05", "abc", "1x", "nan", "1e9", "-1"}) {
    s.screen.press('d');
    s.screen.type(wrong);
    s.screen.press(kKeyEnter);
    s.screen.then([&] { CHECK(s.screen.text().find("is not a time") != std::string::npos); });
  }
  s.screen.type("d2.5");
  s.screen.press(kKeyEnter);
  s.screen.then([&] { CHECK(s.screen.text().find("every 2.5 s") != std::string::npos); });
  s.screen.type("d");
  s.screen.press(kKeyEnter);
  s.run();
  CHECK(s.screen.text().find("every 2.5 s") != std::string::npos);
}

TEST_CASE("the selection moves, stays with its row, and each table has its own") {
  Stand s;
  s.screen.then([&] { CHECK(s.selected() == "mic"); });
  s.screen.press('j');
  s.screen.press(kKeyDown);
  s.screen.then([&] { CHECK(s.selected() == "pcm"); });
  s.screen.press('>');  // by name: pcm is the second then
  s.screen.then([&] { CHECK(s.selected() == "pcm"); });
  s.screen.press('k');
  s.screen.then([&] { CHECK(s.selected() == "mic"); });
  s.screen.press('k');
  s.screen.press(kKeyEnd);
  s.screen.then([&] { CHECK(s.selected() == "transcript"); });
  s.screen.press('\t');
  s.screen.then([&] { CHECK(s.selected() == "memory"); });
  s.screen.press(kKeyPageDown);
  s.screen.then([&] { CHECK(s.selected() == "capture"); });
  s.screen.press(kKeyHome);
  s.screen.press(kKeyBackTab);
  s.run();
  CHECK(s.selected() == "transcript");
}

TEST_CASE("a row that goes away gives the selection to its neighbour") {
  Stand s;
  s.screen.press(kKeyEnd);
  s.screen.then([&] { s.source.snapshot.rings.pop_back(); });
  s.screen.wait();
  s.screen.then([&] { CHECK_FALSE(s.selected().empty()); });
  s.screen.then([&] { s.source.snapshot.rings.clear(); });
  s.screen.wait();
  s.screen.wait();
  for (const int key :
       {static_cast<int>('j'), static_cast<int>('k'), static_cast<int>(kKeyEnd), static_cast<int>(kKeyEnter)})
    s.screen.press(key);
  s.run();
  CHECK(s.screen.text().find("not there any more") != std::string::npos);
}

TEST_CASE("where not all rows fit, the selected one is among those that show") {
  Stand s(80, 8);
  s.screen.press(kKeyEnd);
  s.screen.then([&] { CHECK(s.selected() == "playback"); });
  s.screen.press('\t');
  s.screen.press(kKeyEnd);
  s.run();
  CHECK(s.selected() == "capture");
  CHECK(s.screen.text().find("of 6") != std::string::npos);
}

TEST_CASE("Enter shows everything about a ring or a stage; Escape goes back, q quits") {
  Stand s(100, 50);
  s.screen.press(kKeyEnter);
  s.screen.then([&] {
    CHECK(s.screen.text().find("ring mic") != std::string::npos);
    CHECK(s.screen.text().find("201000 of 262144 bytes, 187 frames") != std::string::npos);
    CHECK(s.screen.text().find("+++ in hand now") != std::string::npos);
  });
  s.screen.press(kKeyEscape);
  s.screen.press('\t');
  s.screen.press(kKeyEnter);
  s.screen.then([&] {
    CHECK(s.screen.text().find("stage memory") != std::string::npos);
    CHECK(s.screen.line_with("frames")->text.find("17") != std::string::npos);
  });
  s.screen.press('q');
  s.screen.then([] { FAIL("still there"); });
  s.run();
}

TEST_CASE("a page that is longer than the screen scrolls, and no further than its end") {
  Stand s(60, 10);
  s.screen.press('?');
  s.screen.then([&] { CHECK(s.screen.text().find("prot-top: keys") != std::string::npos); });
  s.screen.press(kKeyEnd);
  s.screen.then([&] { CHECK(s.screen.text().find("prot-top(1)") != std::string::npos); });
  for (int i = 0; i < 100; ++i) s.screen.press('j');
  s.screen.then([&] { CHECK(s.screen.text().find("prot-top(1)") != std::string::npos); });
  s.screen.press('k');
  s.screen.then([&] { CHECK(s.screen.text().find("prot-top(1)") == std::string::npos); });
  s.screen.press(kKeyHome);
  s.screen.press('x');
  s.run();
  CHECK(s.screen.line_with("playback") != nullptr);
}

TEST_CASE("c counts from now, in the view alone") {
  Stand s;
  s.screen.press('c');
  s.screen.then([&] {
    CHECK(s.source.clears == 1);
    CHECK(s.screen.line_with("mic ")->text.find(" 12 ") == std::string::npos);
  });
  s.screen.then([&] { s.source.snapshot.rings[0].drops = 15; });
  s.screen.wait();
  s.screen.wait();
  s.run();
  CHECK(s.screen.line_with("mic ")->text.find(" 3 ") != std::string::npos);
  CHECK(s.source.snapshot.rings[0].drops == 15);
}

TEST_CASE("too small is said, and larger again shows everything again") {
  Stand s;
  s.screen.resize(39, 24);
  s.screen.then([&] { CHECK(s.screen.text() == "terminal too small\n"); });
  s.screen.resize(40, 5);
  s.screen.then([&] { CHECK(s.screen.text() == "terminal too small\n"); });
  s.screen.resize(3, 1);
  s.screen.then([&] { CHECK(s.screen.text() == "ter\n"); });
  s.screen.resize(80, 24);
  s.run();
  CHECK(s.screen.line_with("playback") != nullptr);
}

TEST_CASE("t shows the last turns as they come, any other key goes back") {
  Stand s;
  s.screen.press('t');
  s.screen.then([&] { CHECK(s.screen.line_with("llama-server") != nullptr); });
  s.screen.then([&] { s.source.snapshot.turns[0].model = "another"; });
  s.screen.wait();
  s.screen.wait();
  s.screen.then([&] { CHECK(s.screen.line_with("another") != nullptr); });
  s.screen.press(kKeyEscape);
  s.screen.then([&] { CHECK(s.screen.line_with("playback") != nullptr); });
  s.run();
}

TEST_CASE("any keys at any sizes: nothing breaks, nothing is overdrawn") {
  std::mt19937 random(4711);
  const int keys[] = {'h',        '\t',        '<',      '>',          'r',     '/',       'd',
                      'c',        ' ',         'j',      'k',          't',     '5',       kKeyUp,
                      kKeyDown,   kKeyPageUp,  kKeyHome, kKeyPageDown, kKeyEnd, kKeyEnter, kKeyF1,
                      kKeyEscape, kKeyBackTab, kKeyNone, kKeyBackspace};
  Stand s;
  for (int i = 0; i < 20'000; ++i) {
    if (i % 7 == 0)
      s.screen.resize(random() % 200 + 1, random() % 50 + 1);
    else
      s.screen.press(keys[random() % std::size(keys)]);
    if (i % 50 == 0)
      s.screen.then([&] {
        const std::size_t left = random() % 5;
        s.source.snapshot = busy_snapshot();
        s.source.snapshot.rings.resize(std::min(s.source.snapshot.rings.size(), left));
        s.source.snapshot.stages.resize(std::min(s.source.snapshot.stages.size(), left));
      });
    s.screen.then([&] {
      REQUIRE(s.screen.pictures.back().size() <= s.screen.height());
      for (const Line& line : s.screen.pictures.back())
        REQUIRE(text::count_code_points(line.text) <= s.screen.width());
      s.screen.pictures.clear();
    });
  }
  s.run();
}
