// The drain's rules on a fake host and hand-turned time.
#include "drain.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

namespace prot::supervisor {
namespace {

struct Fixture : DrainHost {
  bool is_alive(std::string_view stage) const override { return alive.contains(std::string(stage)); }
  bool can_start(std::string_view stage) const override { return !missing.contains(std::string(stage)); }
  bool input_pending(std::string_view stage) const override { return pending.contains(std::string(stage)); }
  bool ring_pending(std::string_view ring) const override { return rings.contains(std::string(ring)); }
  void press(ipc::Drain how) override {
    pressed.push_back(how);
    pending.insert(ends_at_once.begin(), ends_at_once.end());
  }
  void restart(std::string_view stage) override {
    restarted.emplace_back(stage);
    alive.insert(std::string(stage));
  }
  void kill(std::string_view stage) override {
    killed.emplace_back(stage);
    if (unkillable) return;
    alive.erase(std::string(stage));
    drain.on_lost(stage, now);
  }
  void close(std::string_view stage) override {
    closed.emplace_back(stage);
    drain.on_lost(stage, now);  // as the real host: what is closed is lost
  }
  void say(const std::string& line) override { said.push_back(line); }
  std::string left_to_do(std::string_view stage) const override { return stage == "memory" ? left : ""; }

  DrainLoad load(std::string_view stage) const override { return stage == "memory" ? memory : DrainLoad{}; }

  void done(const char* stage) {
    alive.erase(stage);
    drain.on_drained(stage, now);
  }
  void dies(const char* stage) {
    alive.erase(stage);
    drain.on_lost(stage, now);
  }
  void only_memory_is_left() {
    drain.begin(now, false);
    for (const char* stage : {"capture", "stt", "tts", "player", "brain"}) done(stage);
  }
  void pass(Nanos time) {
    for (const Nanos end = now + time; now < end;) {
      now += 100 * kMillisecond;
      drain.on_time(now);
    }
  }
  [[nodiscard]] bool was_said(const std::string& text) const {
    return std::any_of(said.begin(), said.end(),
                       [&](const std::string& line) { return line.find(text) != std::string::npos; });
  }

  std::set<std::string> alive = {"capture", "stt", "brain", "tts", "player", "memory"};
  std::set<std::string> missing;
  std::set<std::string> pending;
  std::set<std::string> rings;
  std::vector<ipc::Drain> pressed;
  std::vector<std::string> restarted, killed, closed, said;
  std::string left;
  DrainLoad memory;
  bool unkillable = false;
  std::set<std::string> ends_at_once;  // get an end of stream while the drain is told
  Nanos now = kSecond;
  DrainSequence drain{*this};
};

TEST_CASE_FIXTURE(Fixture, "stages that end in order make a short drain without a restart or a kill") {
  drain.begin(now, false);
  for (const char* stage : {"capture", "stt", "tts", "player", "brain"}) done(stage);
  CHECK_FALSE(drain.finished());
  done("memory");
  CHECK(drain.finished());
  CHECK(killed.empty());
  CHECK(restarted.empty());
  CHECK(pressed == std::vector<ipc::Drain>{ipc::Drain::kGraceful});
  CHECK(drain.next_deadline() == kNever);
}

TEST_CASE_FIXTURE(Fixture, "two that end in one moment are told in the order of the drain") {
  drain.begin(now, false);
  for (const char* stage : {"memory", "stt", "brain", "player", "capture", "tts"}) done(stage);
  REQUIRE(said.size() == 6);
  const std::vector<std::string> order = {"capture", "stt", "tts", "player", "brain", "memory"};
  for (std::size_t i = 0; i < order.size(); ++i) CHECK(said[i].starts_with(order[i] + " drained"));
}

TEST_CASE_FIXTURE(Fixture, "a deaf capture is pressed after 5 s and killed 2 s later") {
  drain.begin(now, false);
  pass(4900 * kMillisecond);
  CHECK(pressed.size() == 1);
  pass(200 * kMillisecond);
  CHECK(pressed.back() == ipc::Drain::kNow);
  CHECK(killed.empty());
  pass(2 * kSecond);
  CHECK(killed == std::vector<std::string>{"capture"});
  CHECK(closed == std::vector<std::string>{"capture"});
  CHECK(was_said("waiting for capture to close the microphone (1 s of at most 5 s)"));
  CHECK(was_said("waiting for capture to close the microphone (6 s of at most 7 s)"));
}

TEST_CASE_FIXTURE(Fixture, "a stage's time runs only from the end of the one before it") {
  drain.begin(now, false);
  done("capture");
  done("stt");
  done("tts");
  pass(25 * kSecond);  // player plays a long reply
  CHECK(killed.empty());
  done("player");
  done("brain");
  pass(55 * kSecond);  // memory stores
  CHECK(killed.empty());
  done("memory");
  CHECK(drain.finished());
}

TEST_CASE_FIXTURE(Fixture, "while speech is empty brain is to blame, not tts") {
  drain.begin(now, false);
  done("capture");
  done("stt");
  CHECK(drain.blockers() == std::vector<std::string>{"brain"});
  pass(23 * kSecond);
  CHECK(killed == std::vector<std::string>{"brain"});
  CHECK(was_said("waiting for brain to finish its reply (1 s of at most 20 s)"));
  rings.insert("speech");
  CHECK(drain.blockers() == std::vector<std::string>{"tts"});
  CHECK(drain.explain(now).starts_with("tts to speak the rest ("));
}

TEST_CASE_FIXTURE(Fixture,
                  "one that crashes with frames waiting is started again, at eight deaths given up") {
  drain.begin(now, false);
  done("capture");
  pending.insert("stt");
  for (std::size_t death = 1; death <= kDeathsInVain; ++death) {
    dies("stt");
    const Nanos died = now;
    for (; restarted.size() < death && now < died + 2 * kSecond; drain.on_time(now)) now += 10 * kMillisecond;
    CHECK(now - died == (death == 1 ? 0 : 10 * kMillisecond << (death - 2)));  // the first time at once
    CHECK(restarted.size() == death);
  }
  CHECK(closed.empty());
  dies("stt");
  CHECK(restarted.size() == kDeathsInVain);
  CHECK(closed == std::vector<std::string>{"stt"});
}

TEST_CASE_FIXTURE(Fixture, "memory may be killed as often as it likes while its jobs become fewer") {
  memory.queue = 500;
  only_memory_is_left();
  for (std::size_t death = 1; death <= 20; ++death) {
    memory.queue -= 20;
    drain.on_time(now);
    dies("memory");
    memory.queue = 0;  // the new one has not looked yet: that is no progress, and no end
    pass(100 * kMillisecond);
    CHECK(restarted.size() == death);
    memory.queue = 500 - death * 20;
  }
  CHECK(closed.empty());
  done("memory");
  CHECK(drain.finished());
  CHECK_FALSE(was_said("given up"));
}

TEST_CASE_FIXTURE(Fixture,
                  "one with jobs left and no frame is started again, one that never had any is not") {
  SUBCASE("jobs") {
    memory.queue = 1;
    only_memory_is_left();
    dies("memory");
    CHECK(restarted == std::vector<std::string>{"memory"});
  }
  SUBCASE("none") {
    only_memory_is_left();
    dies("memory");
    CHECK(closed == std::vector<std::string>{"memory"});
  }
}

TEST_CASE_FIXTURE(Fixture, "each fall of memory's load buys it five seconds, sixty in all") {
  memory = {.input = 1000, .queue = 1000};
  drain.begin(now, true);
  for (const char* stage : {"capture", "stt", "tts", "player", "brain"}) done(stage);
  const Nanos begun = now;
  SUBCASE("jobs") {
    for (int i = 0; i < 14; ++i, --memory.queue) pass(4 * kSecond);
  }
  SUBCASE("frames") {
    for (int i = 0; i < 14; ++i, --memory.input) pass(4 * kSecond);
  }
  CHECK(now - begun == 56 * kSecond);
  CHECK(killed.empty());
  for (; killed.empty(); --memory.queue) pass(100 * kMillisecond);
  CHECK(now - begun == kStepAtMost);
}

TEST_CASE_FIXTURE(Fixture, "a load that grows or stands still buys nothing") {
  memory.queue = 7;
  drain.begin(now, true);
  for (const char* stage : {"capture", "stt", "tts", "player", "brain"}) done(stage);
  for (int second = 0; second < 10; ++second, ++memory.queue) pass(kSecond);
  CHECK(killed == std::vector<std::string>{"memory"});
}

TEST_CASE_FIXTURE(Fixture, "one that no kill ends is given up the second time") {
  unkillable = true;
  pending.insert("capture");
  drain.begin(now, true);
  pass(kSecond);
  CHECK(killed.size() == 1);
  CHECK(closed.empty());
  pass(kSecond);
  CHECK(closed == std::vector<std::string>{"capture"});
  CHECK(drain.blockers() == std::vector<std::string>{"stt"});
  pass(kDrainAtMost);
  CHECK(drain.finished());
}

TEST_CASE_FIXTURE(Fixture, "one that crashes before its turn is still needed") {
  drain.begin(now, false);
  alive.erase("player");
  drain.on_lost("player", now);
  CHECK(restarted == std::vector<std::string>{"player"});
}

TEST_CASE_FIXTURE(Fixture, "one that crashes in its turn with nothing waiting is gone") {
  drain.begin(now, false);
  alive.erase("capture");
  drain.on_lost("capture", now);
  CHECK(restarted.empty());
  CHECK(closed == std::vector<std::string>{"capture"});
  CHECK(drain.blockers() == std::vector<std::string>{"stt"});
}

TEST_CASE_FIXTURE(Fixture,
                  "what did not run is started only for frames that wait, and never when there is none") {
  alive = {"capture", "stt", "tts", "player"};
  pending = {"brain", "memory"};
  missing = {"memory"};
  drain.begin(now, false);
  CHECK(restarted == std::vector<std::string>{"brain"});
  CHECK(closed == std::vector<std::string>{"memory"});
}

TEST_CASE_FIXTURE(Fixture, "an end of stream starts nobody who was stopped before, however fast it comes") {
  alive.erase("memory");
  ends_at_once = {"memory"};
  drain.begin(now, false);
  CHECK(restarted.empty());
  CHECK(closed == std::vector<std::string>{"memory"});
}

TEST_CASE_FIXTURE(Fixture, "a second request hurries: short deadlines, each stage has its chance") {
  drain.begin(now, false);
  drain.press(now);
  CHECK(pressed.back() == ipc::Drain::kNow);
  pass(1100 * kMillisecond);
  CHECK(killed == std::vector<std::string>{"capture"});
}

TEST_CASE_FIXTURE(Fixture, "the blocker is named each second, with what is left for it") {
  left = "12 jobs";
  drain.begin(now, false);
  for (const char* stage : {"capture", "stt", "tts", "player", "brain"}) done(stage);
  said.clear();
  pass(10 * kSecond);
  REQUIRE(said.size() == 10);
  for (int second = 1; second <= 10; ++second)
    CHECK(said[static_cast<std::size_t>(second - 1)] ==
          "waiting for memory to store what was said (12 jobs left, " + std::to_string(second) +
              " s of at most 60 s)");
}

TEST_CASE_FIXTURE(Fixture, "steps that each keep their time do not add up: after 75 s it presses") {
  drain.begin(now, false);
  pass(4 * kSecond);
  done("capture");
  pass(4 * kSecond);
  done("stt");
  pass(19 * kSecond);
  done("tts");
  pass(29 * kSecond);
  done("player");
  pass(14 * kSecond);  // 70 s
  done("brain");
  CHECK(pressed.size() == 1);
  pass(4900 * kMillisecond);
  CHECK(pressed.size() == 1);
  pass(200 * kMillisecond);
  CHECK(pressed.back() == ipc::Drain::kNow);
  CHECK(was_said("the drain takes 75 s: it presses"));
  CHECK(killed.empty());
  pass(10 * kSecond);  // memory's own time when it presses
  CHECK(killed == std::vector<std::string>{"memory"});
}

TEST_CASE_FIXTURE(Fixture, "the drain always ends, even if nobody obeys and everybody has frames") {
  for (const char* stage : {"capture", "stt", "brain", "tts", "player", "memory"}) pending.insert(stage);
  rings.insert("speech");
  drain.begin(now, false);
  pass(120 * kSecond);
  CHECK(drain.finished());
}

}  // namespace
}  // namespace prot::supervisor
