#include "capture/segmenter.hpp"

#include <doctest/doctest.h>

#include <string>

namespace prot::capture {
namespace {

constexpr SegmenterOptions kOptions{3, 6, 8, 4, 6, 17, 100};
constexpr std::uint64_t kOrigin = 100 * wire::kMicWindow;

const char* name_of(SegmentEvent event) {
  constexpr const char* kNames[] = {"start", "confirm", "lull", "pause", "resume", "end", "discard"};
  return kNames[static_cast<std::size_t>(event)];
}

// 's' speech, '.' silence, 'h' between release and threshold.
float probability_of(char window) { return window == 's' ? 0.9F : window == 'h' ? 0.4F : 0.1F; }

std::string n(int count, const char* window) {
  std::string out;
  for (int i = 0; i < count; ++i) out += window;
  return out;
}

struct Timeline {
  Segmenter segmenter{kOptions};
  int next = 0;

  std::string play(const std::string& windows, float threshold = 0.5F) {
    std::string events;
    for (const char window : windows) {
      const std::uint64_t sample = kOrigin + static_cast<std::uint64_t>(next) * wire::kMicWindow;
      for (const SegmentEvent event : segmenter.step(sample, probability_of(window), threshold))
        events += (events.empty() ? "" : " ") + std::to_string(next) + ":" + name_of(event);
      ++next;
    }
    return events;
  }
};

std::uint64_t at(int window) { return kOrigin + static_cast<std::uint64_t>(window) * wire::kMicWindow; }

TEST_CASE("the segmenter follows its table") {
  struct Row {
    const char* behaviour;
    std::string windows;
    const char* events;
  };
  const Row rows[] = {
      {"speech, then silence", n(10, "s") + n(20, "."), "2:start 5:confirm 13:lull 15:pause 26:end"},
      {"a pause of 480 ms does not end the turn", n(10, "s") + n(15, ".") + n(10, "s") + n(20, "."),
       "2:start 5:confirm 13:lull 15:pause 26:resume 38:lull 40:pause 51:end"},
      {"a lull that the person speaks on after is none", n(10, "s") + n(5, ".") + n(3, "s") + n(20, "."),
       "2:start 5:confirm 13:lull 21:lull 23:pause 34:end"},
      {"a gap in speech is no lull", n(10, "s") + n(3, ".") + "s", "2:start 5:confirm"},
      {"a pause of 700 ms does", n(10, "s") + n(22, ".") + n(10, "s"),
       "2:start 5:confirm 13:lull 15:pause 26:end 34:start 37:confirm"},
      {"a click in a pause neither takes it back nor delays the end",
       n(10, "s") + n(8, ".") + "s" + n(20, "."), "2:start 5:confirm 13:lull 15:pause 26:end"},
      {"a click where the end is due delays it by itself alone", n(10, "s") + n(16, ".") + "s" + n(5, "."),
       "2:start 5:confirm 13:lull 15:pause 27:end"},
      {"speech where the end is due goes on", n(10, "s") + n(16, ".") + n(5, "s"),
       "2:start 5:confirm 13:lull 15:pause 27:resume"},
      {"gaps do not keep a segment from starting", "s.s..s", "5:start"},
      {"lone clicks never start one",
       "s....."
       "s....."
       "s....."
       "s",
       ""},
      {"gaps do not keep it from being confirmed", "sss..s..s..s", "2:start 11:confirm"},
      {"too little said is discarded at the pause", "sss" + n(8, "."), "2:start 8:discard"},
      {"a short word is not", "sssss" + n(20, "."), "2:start 8:lull 10:pause 21:end"},
      {"a turn with a pause that is too long is ended, and the next begins",
       n(40, "s") + n(8, ".") + n(60, "s"),
       "2:start 5:confirm 43:lull 45:pause 49:resume 99:end 102:start 105:confirm"},
      {"speech may fade below the threshold", "sss" + n(5, "h"), "2:start 5:confirm"},
      {"but not begin there", n(20, "h"), ""},
  };
  for (const Row& row : rows) {
    CAPTURE(row.behaviour);
    Timeline timeline;
    CHECK(timeline.play(row.windows) == row.events);
  }
}

TEST_CASE("a higher threshold keeps weak speech out") {
  Timeline timeline;
  CHECK(timeline.play(n(10, "s"), 0.95F).empty());
}

TEST_CASE("a segment begins exactly the pre-roll before its first window of speech") {
  Timeline timeline;
  timeline.play(n(20, ".") + "s.ss");
  const Segment& segment = timeline.segmenter.segment();
  CHECK(segment.speech_begin == at(20));
  CHECK(segment.first == at(12));
  CHECK(segment.speech_end == at(24));
  CHECK(segment.speech_windows == 3);
}

TEST_CASE("the anchor of the end is the last window of speech") {
  Timeline timeline;
  timeline.play(n(10, "s") + n(17, "."));
  CHECK(timeline.segmenter.segment().speech_end == at(10));
}

TEST_CASE("no sample of speech is in two segments") {
  Timeline timeline;
  timeline.play(n(40, "s") + n(8, ".") + n(55, "s"));
  CHECK(timeline.segmenter.segment().first == at(100));
}

TEST_CASE("noise without a pause ends in a rest, not in a flood of utterances") {
  const auto starts = [](Timeline& timeline, int windows) {
    const std::string events = timeline.play(n(windows, "s"));
    int count = 0;
    for (std::size_t at = events.find("start"); at != std::string::npos; at = events.find("start", at + 1))
      ++count;
    return count;
  };
  // Rests of 100, 200, 400, 800, 800 ... windows, each behind 100 of noise that are heard.
  Timeline timeline;
  CHECK(timeline.play(n(101, "s")) == "2:start 5:confirm 99:end");
  CHECK(timeline.segmenter.segment().capped);
  CHECK_FALSE(timeline.segmenter.open());
  CHECK(starts(timeline, 1900) == 4);
  CHECK(starts(timeline, 9000) == 10);

  SUBCASE("a pause ends the rest, and the next one is the shortest again") {
    CHECK(timeline.play(n(6, ".") + n(3, "s")).ends_with("start"));
    timeline.play(n(100, "s"));
    CHECK_FALSE(timeline.segmenter.open());
    CHECK(starts(timeline, 110) == 1);
  }
  SUBCASE("a dip that is no pause does not") {
    timeline.play(n(110, "s"));
    REQUIRE_FALSE(timeline.segmenter.open());
    CHECK(timeline.play(n(5, ".") + n(10, "s")).empty());
  }
  SUBCASE("neither does it outlive the device") {
    (void)timeline.segmenter.finish();
    CHECK(timeline.play(n(3, "s")).ends_with("start"));
  }
}

TEST_CASE("the cap counts lost windows, too") {
  Timeline timeline;
  timeline.play(n(10, "s"));
  timeline.next += 88;
  CHECK(timeline.play("ss") == "99:end");
}

TEST_CASE("a pause that came with lost windows has its lull, too") {
  Timeline timeline;
  timeline.play(n(10, "s"));
  timeline.next += 5;
  CHECK(timeline.play(".") == "15:lull 15:pause");
  CHECK(timeline.segmenter.segment().lulls == 1);
}

TEST_CASE("silence is counted by sample index") {
  Timeline timeline;
  timeline.play(n(10, "s") + n(8, "."));
  timeline.next += 7;  // lost
  CHECK(timeline.play("..") == "26:end");
  CHECK(timeline.segmenter.silence() == 17);
}

TEST_CASE("the wait of a turn can change, and is the usual one in the next") {
  Timeline timeline;
  timeline.play(n(10, "s") + n(8, "."));
  SUBCASE("longer") {
    timeline.segmenter.wait_for(30);
    CHECK(timeline.play(n(30, ".")) == "39:end");
  }
  SUBCASE("shorter than the silence by now") {
    timeline.segmenter.wait_for(7);
    CHECK(timeline.play("..") == "18:end");
  }
  SUBCASE("never shorter than a pause") {
    Timeline fresh;
    fresh.play(n(10, "s"));
    fresh.segmenter.wait_for(1);
    CHECK(fresh.play(n(8, ".")) == "13:lull 15:pause 16:end");
  }
  timeline.play(n(30, "."));
  const std::string next = timeline.play(n(10, "s") + n(20, "."));
  CHECK(next.ends_with(std::to_string(timeline.next - 20 + 16) + ":end"));
}

TEST_CASE("a segment knows the silence before its newest speech") {
  Timeline timeline;
  timeline.play(n(10, "s") + n(12, ".") + n(5, "s"));
  CHECK(timeline.segmenter.segment().silence == 12 * wire::kMicWindow);
  timeline.play(n(40, ".") + n(5, "s"));
  CHECK(timeline.segmenter.segment().silence == 40 * wire::kMicWindow);
}

TEST_CASE("the pre-roll does not reach before the first sample") {
  Segmenter segmenter(kOptions);
  for (std::uint64_t i = 0; i < 3; ++i) (void)segmenter.step(i * wire::kMicWindow, 0.9F, 0.5F);
  CHECK(segmenter.segment().first == 0);
}

TEST_CASE("finish closes what is open, and only that") {
  Timeline timeline;
  timeline.play(n(10, "s"));
  const auto closed = timeline.segmenter.finish();
  REQUIRE(closed.size() == 1);
  CHECK(closed.front() == SegmentEvent::kEnd);
  CHECK(timeline.segmenter.finish().empty());
  timeline.play("sss");
  CHECK(timeline.segmenter.finish().front() == SegmentEvent::kDiscard);
}

TEST_CASE("a window counts only when it takes a guess back") {
  Timeline timeline;
  timeline.play(n(10, "s") + n(8, "."));
  CHECK_FALSE(timeline.segmenter.counted());
  timeline.play("s");
  CHECK_FALSE(timeline.segmenter.counted());
  timeline.play("s");
  CHECK(timeline.segmenter.counted());
}

TEST_CASE("milliseconds become the nearest number of windows") {
  CHECK(windows_of(192) == 6);
  CHECK(windows_of(550) == 17);
  CHECK(windows_of(700) == 22);
  CHECK(windows_of(28000) == 875);
  CHECK(windows_of(1) == 1);
}

}  // namespace
}  // namespace prot::capture
