#include <doctest/doctest.h>

#include <algorithm>
#include <random>

#include "brain_bench.hpp"

using namespace prot;
using namespace prot::test;
using State = ipc::ConversationState;
using wire::Heard;
using wire::Played;
using wire::TranscriptKind;

namespace {

/// Capture, stt, model and player gone wild: anything at any time.
class Chaos {
 public:
  explicit Chaos(std::uint32_t seed)
      : random_(seed),
        bench_({std::string("player.headphones=") + (seed % 2 != 0 ? "true" : "false"),
                std::string("brain.barge_in=") + (seed % 7 != 0 ? "true" : "false")}) {}

  void step() {
    const std::uint64_t cancelled = bench_.page().cancelled_turn.load();
    const std::uint32_t turn = bench_.turn();
    const bool under_way = bench_.page().turn_began_ns.load() != 0;
    something();
    (void)bench_.sent("speech");
    (void)bench_.sent("turns");
    bench_.work();
    const std::uint64_t now_cancelled = bench_.page().cancelled_turn.load();
    CHECK(now_cancelled >= cancelled);
    CHECK(now_cancelled <= bench_.turn());
    // Only what was under way, or began just now, is cancelled.
    if (now_cancelled != cancelled) CHECK((now_cancelled > turn || (under_way && now_cancelled == turn)));
    check();
  }

  /// Nobody says anything any more: the watchdogs alone bring it to rest.
  void rest() {
    for (int i = 0; i < 200 && bench_.state() != State::kIdle; ++i) {
      const Nanos next = bench_.stage->next_deadline(bench_.clock.now());
      REQUIRE(next <= bench_.clock.now() + 80 * kSecond);
      REQUIRE(next > bench_.clock.now());  // else the loop spins
      bench_.advance(next - bench_.clock.now());
      (void)bench_.sent("speech");
      (void)bench_.sent("turns");
      check();
    }
    CHECK(bench_.state() == State::kIdle);
    CHECK(bench_.page().hold_until_ns.load() == 0);
    CHECK(bench_.page().turn_began_ns.load() == 0);
    CHECK(bench_.run->counter("refused_transitions") == 0);
    CHECK(bench_.run->into("transcript").used() == 0);
  }

 private:
  int pick(int count) { return std::uniform_int_distribution<int>(0, count - 1)(random_); }

  void check() {
    const Nanos now = bench_.clock.now();
    const Nanos hold = bench_.page().hold_until_ns.load();
    const Nanos next = bench_.stage->next_deadline(now);
    if (hold != 0) {
      CHECK(hold > now);
      CHECK(hold <= now + 4 * kSecond);
      CHECK(next <= hold);
      CHECK(bench_.page().turn_began_ns.load() != 0);
    }
    if (bench_.state() != State::kIdle) CHECK(next <= now + 80 * kSecond);  // its watchdog is armed
  }

  void something() {
    constexpr Heard kMarks[] = {Heard::kStarted, Heard::kConfirmed, Heard::kPaused, Heard::kEnded,
                                Heard::kDiscarded};
    constexpr const char* kTexts[] = {"",       "네",           "stop", "그만 좀 해", "What is that?",
                                      "uh-huh", "잠깐, 뭐라고?"};
    constexpr TranscriptKind kKinds[] = {TranscriptKind::kPartial, TranscriptKind::kFinal,
                                         TranscriptKind::kFailed};
    constexpr Played kTold[] = {Played::kStarted, Played::kHeard, Played::kSegmentDone, Played::kTurnDone,
                                Played::kCutAt};
    constexpr Nanos kSteps[] = {1, 30, 100, 300, 700, 1000, 2000, 5000};
    const Nanos now = bench_.clock.now();
    if (pick(50) == 0) {
      done_ = 0;  // its model is a new one
      return bench_.restart();
    }
    switch (pick(8)) {
      case 0:
        if (pick(3) != 0) ++utterance_;
        return bench_.hear(Heard::kStarted, utterance_, now - pick(200) * kMillisecond);
      case 1:
      case 2:
        return bench_.hear(kMarks[pick(5)], utterance_, now - pick(200) * kMillisecond);
      case 3:
        return bench_.transcript(kKinds[pick(3)],
                                 std::max(utterance_ - std::min(utterance_, 1U) * pick(2), 1U),
                                 kTexts[pick(7)], now - pick(3000) * kMillisecond, now);
      case 4:
        return bench_.play(kTold[pick(5)], bench_.turn() - (bench_.turn() > 0 ? pick(2) : 0), pick(3),
                           pick(20));
      case 5: {
        auto* call = bench_.model->newest();
        if (call == nullptr || call->cancelled || call->id <= done_) return;
        const int what = pick(4);
        if (what < 2) return bench_.model->say(call->id, "It is so. And ");
        done_ = call->id;
        if (what == 2) return bench_.model->done(call->id);
        return bench_.model->fail(call->id, http::ErrorClass::kRetry);
      }
      default:
        return bench_.advance(kSteps[pick(8)] * kMillisecond);
    }
  }

  std::mt19937 random_;
  BrainBench bench_;
  std::uint32_t utterance_ = 1;
  brain::RequestId done_ = 0;
};

}  // namespace

TEST_CASE("in any order of events holds end, only what is under way is cancelled, and all comes to rest") {
  for (std::uint32_t seed = 1; seed <= 60; ++seed) {
    CAPTURE(seed);
    Chaos chaos(seed);
    for (int i = 0; i < 150; ++i) chaos.step();
    chaos.rest();
  }
}
