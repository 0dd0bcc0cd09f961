#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>

#include "failover_bench.hpp"

namespace prot::tts {
using test::Bench;
using test::Kind;
using test::Kinds;
using test::kSilence;

TEST_CASE("a voice that is well speaks, and the next one is not asked") {
  Bench bench;
  bench.voice.start();
  bench.begin(1);
  bench.first->speaks();
  bench.first->ends();
  CHECK(bench.polled() == Kinds{Kind::kSamples, Kind::kDone});
  CHECK(bench.second->begun.empty());
  CHECK(bench.voice.name() == "en: first");
  CHECK(bench.polled().empty());
}

TEST_CASE("a voice that fails before its first sample is tried once more, then the next one speaks") {
  Bench bench;
  bench.first->fails = true;
  bench.begin(1);
  CHECK(bench.polled() == Kinds{Kind::kAnew});
  CHECK(bench.first->begun.size() == 2);
  REQUIRE(bench.second->begun.size() == 1);
  CHECK(bench.second->begun[0].text == "Hello");
  CHECK(bench.voice.name() == "en: second!");
  bench.second->speaks();
  bench.second->ends();
  CHECK(bench.polled() == Kinds{Kind::kSamples, Kind::kDone});
}

TEST_CASE("a failure that passes is not heard") {
  Bench bench;
  bench.begin(1);
  bench.first->pieces.push_back(bench.first->failure());
  CHECK(bench.polled().empty());
  bench.first->speaks();
  bench.first->ends();
  CHECK(bench.polled() == Kinds{Kind::kSamples, Kind::kDone});
  CHECK(bench.second->begun.empty());
}

TEST_CASE("a voice that fails in the middle is followed by the next one, with the segment anew") {
  Bench bench;
  bench.begin(1);
  bench.first->speaks();
  bench.first->pieces.push_back(bench.first->failure());
  CHECK(bench.polled() == Kinds{Kind::kSamples, Kind::kAnew});
  CHECK(bench.first->begun.size() == 1);
  CHECK(bench.second->begun.size() == 1);
}

TEST_CASE("a voice that is silent is given up when its time is over, at the start and in the middle") {
  for (const bool spoke : {false, true}) {
    Bench bench;
    bench.begin(1);
    if (spoke) bench.first->speaks();
    CHECK(bench.polled().size() == (spoke ? 1 : 0));
    const Nanos deadline = bench.voice.next_deadline();
    CHECK(deadline == bench.clock.now() + kSilence);
    bench.clock.advance(kSilence - kMillisecond);
    CHECK(bench.polled().empty());
    bench.clock.advance(kMillisecond);
    CHECK(bench.polled() == Kinds{Kind::kAnew});
    CHECK(bench.first->cancelled == 1);
    CHECK(bench.second->begun.size() == 1);
    CHECK(bench.voice.next_deadline() == bench.clock.now() + kSilence);
  }
}

TEST_CASE("the voice at work is looked at when it asks for that") {
  Bench bench;
  bench.first->deadline = bench.clock.now() + 100 * kMillisecond;
  bench.second->deadline = bench.clock.now() + 50 * kMillisecond;
  CHECK(bench.voice.next_deadline() == kNever);
  bench.begin(1);
  CHECK(bench.voice.next_deadline() == bench.first->deadline);
  CHECK(bench.polled().empty());
  CHECK(bench.voice.next_deadline() == bench.first->deadline);
  bench.first->deadline = bench.clock.now() + 2 * kSilence;
  CHECK(bench.voice.next_deadline() == bench.clock.now() + kSilence);
  bench.voice.cancel();
  bench.first->fails = true;
  bench.begin(2);
  CHECK(bench.polled() == Kinds{Kind::kAnew});
  CHECK(bench.voice.next_deadline() == bench.second->deadline);
}

TEST_CASE("time in which nobody looked does not count") {
  Bench bench;
  bench.begin(1);
  CHECK(bench.polled().empty());
  bench.clock.advance(20 * kSecond);  // the process was stopped
  CHECK(bench.polled().empty());
  bench.first->speaks();
  CHECK(bench.polled() == Kinds{Kind::kSamples});
}

TEST_CASE("a failed voice says a word in the background, and has the next turn when it does") {
  Bench bench;
  bench.first->fails = true;
  bench.begin(1);
  CHECK(bench.polled() == Kinds{Kind::kAnew});
  bench.second->ends();
  CHECK(bench.polled() == Kinds{Kind::kDone});
  bench.first->fails = false;
  bench.clock.advance(5 * kSecond - 1);
  bench.voice.tend();
  CHECK(bench.first->begun.size() == 2);
  bench.clock.advance(1);
  bench.voice.tend();
  REQUIRE(bench.first->begun.size() == 3);
  CHECK(bench.first->begun[2].text == "Yes.");
  CHECK(bench.polled().empty());
  bench.voice.tend();
  CHECK(bench.first->begun.size() == 3);
  CHECK(bench.voice.name() == "en: second!");
  bench.first->speaks();
  bench.voice.tend();
  CHECK(bench.first->cancelled == 1);  // one sound is enough
  CHECK(bench.voice.name() == "en: first");
  bench.begin(1, 1);  // the same turn keeps its voice
  CHECK(bench.second->begun.size() == 2);
  bench.second->ends();
  CHECK(bench.polled() == Kinds{Kind::kDone});
  bench.begin(2);
  CHECK(bench.first->begun.size() == 4);
  CHECK(bench.first->begun[3].text == "Hello");
}

TEST_CASE("a turn is not tried on a voice that failed as long as another speaks, and breaks its probe off") {
  Bench bench;
  bench.first->fails = true;
  bench.begin(1);
  CHECK(bench.polled() == Kinds{Kind::kAnew});
  bench.second->ends();
  CHECK(bench.polled() == Kinds{Kind::kDone});
  bench.first->fails = false;
  bench.clock.advance(5 * kSecond);
  bench.begin(2);
  CHECK(bench.first->begun.size() == 2);
  bench.voice.tend();  // not while something is said
  CHECK(bench.first->begun.size() == 2);
  bench.second->ends();
  CHECK(bench.polled() == Kinds{Kind::kDone});
  bench.voice.tend();
  CHECK(bench.first->begun.size() == 3);
  bench.begin(3);
  CHECK(bench.first->cancelled == 1);
  bench.first->speaks();  // of a probe that is over
  bench.second->speaks();
  CHECK(bench.polled() == Kinds{Kind::kSamples});
  bench.first->pieces.clear();
  bench.second->ends();
  CHECK(bench.polled() == Kinds{Kind::kDone});
  bench.voice.tend();
  CHECK(bench.first->begun.size() == 3);
  bench.clock.advance(kSecond);
  bench.voice.tend();
  CHECK(bench.first->begun.size() == 4);
}

TEST_CASE("a probe that fails, or is silent, puts the next one off for twice as long, up to a limit") {
  Bench bench;
  bench.first->fails = true;
  bench.begin(1);
  (void)bench.polled();
  bench.second->ends();
  (void)bench.polled();
  bench.first->fails = false;
  Nanos pause = 5 * kSecond;
  for (int i = 0; i < 10; ++i) {
    const std::size_t before = bench.first->begun.size();
    bench.clock.advance(pause - 1);
    bench.voice.tend();
    REQUIRE(bench.first->begun.size() == before);
    bench.clock.advance(1);
    bench.voice.tend();
    REQUIRE(bench.first->begun.size() == before + 1);
    const int cancelled = bench.first->cancelled;
    if (i % 2 == 0)
      bench.first->pieces.push_back(bench.first->failure());
    else
      bench.clock.advance(10 * kSecond);
    bench.voice.tend();
    CHECK(bench.first->cancelled == cancelled + i % 2);
    pause = std::min(2 * pause, 300 * kSecond);
  }
  CHECK(pause == 300 * kSecond);
}

TEST_CASE("a voice that came back within a turn is asked in it when the other one fails") {
  Bench bench;
  bench.first->fails = true;
  bench.begin(1);
  CHECK(bench.polled() == Kinds{Kind::kAnew});
  bench.second->ends();
  CHECK(bench.polled() == Kinds{Kind::kDone});
  bench.first->fails = false;
  bench.clock.advance(5 * kSecond);
  bench.voice.tend();
  bench.first->ends();
  bench.voice.tend();
  bench.second->fails = true;
  bench.begin(1, 1);
  CHECK(bench.polled() == Kinds{Kind::kAnew});
  CHECK(bench.first->begun.size() == 4);
}

TEST_CASE("one that still hangs is left alone") {
  Bench bench;
  bench.first->fails = true;
  bench.begin(1);
  (void)bench.polled();
  bench.second->ends();
  (void)bench.polled();
  bench.clock.advance(1000 * kSecond);
  bench.first->hangs = true;
  bench.voice.tend();
  CHECK(bench.first->begun.size() == 2);
  bench.begin(2);
  CHECK(bench.first->begun.size() == 2);
}

TEST_CASE("when no other is left a turn itself tries a voice that failed, when its time has come") {
  Bench bench;
  bench.first->fails = bench.second->fails = true;
  bench.begin(1);
  (void)bench.polled();
  bench.first->fails = false;
  bench.begin(2);
  (void)bench.polled();
  CHECK(bench.first->begun.size() == 2);
  bench.clock.advance(5 * kSecond);
  bench.begin(3);
  CHECK(bench.first->begun.size() == 3);
}

TEST_CASE("when no voice is left two tones say so, once a turn, and the segment has failed") {
  Bench bench;
  bench.first->fails = bench.second->fails = true;
  bench.begin(1);
  CHECK(bench.polled() == Kinds{Kind::kAnew, Kind::kNotice, Kind::kSamples, Kind::kFailed});
  CHECK(bench.last.message == "second: it is broken");
  CHECK(bench.voice.name() == "en: none!");
  bench.begin(1, 1);
  CHECK(bench.polled() == Kinds{Kind::kFailed});
  bench.begin(2);
  CHECK(bench.polled() == Kinds{Kind::kNotice, Kind::kSamples, Kind::kFailed});
}

TEST_CASE("a voice that does not load does not keep the others from starting") {
  Bench bench;
  bench.first->loads = false;
  bench.voice.start();
  CHECK(bench.voice.name() == "en: second!");
  bench.begin(1);
  CHECK(bench.first->begun.empty());
  CHECK(bench.second->begun.size() == 1);
}

TEST_CASE("a cancelled request is over, whoever was at it") {
  Bench bench;
  bench.first->fails = true;
  bench.begin(1);
  CHECK(bench.polled() == Kinds{Kind::kAnew});
  bench.voice.cancel();
  CHECK(bench.second->cancelled == 1);
  CHECK(bench.voice.next_deadline() == kNever);
  CHECK(bench.polled().empty());
  bench.second->fails = true;
  bench.begin(2);
  Piece piece;
  REQUIRE(bench.voice.poll(piece));  // the first piece of the notice
  bench.voice.cancel();
  CHECK(bench.polled().empty());
}

TEST_CASE("a language without a voice of its own has the one of the conversation") {
  Bench bench;
  bench.voice.begin({1, 0, "Bonjour", "fr"});
  CHECK(bench.first->begun.size() == 1);
}

TEST_CASE("the tones begin and end in silence and have no step") {
  for (const unsigned rate : {16'000U, 22'050U, 24'000U}) {
    const auto tones = notice_tones(rate);
    CHECK(tones.size() > rate / 4);
    int step = 0;
    for (std::size_t i = 1; i < tones.size(); ++i) step = std::max(step, std::abs(tones[i] - tones[i - 1]));
    CHECK(step < 1500);
    CHECK(tones.front() == 0);
    CHECK(tones.back() == 0);
  }
}

}  // namespace prot::tts
