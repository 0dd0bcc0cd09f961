// Voices that are too slow: on trial, and given up when what they say falls behind.
#include <doctest/doctest.h>

#include <algorithm>

#include "failover_bench.hpp"

namespace prot::tts {
using test::Bench;
using test::Kind;
using test::Kinds;
using test::kSilence;

TEST_CASE("one that says a word in time, but no sentence, costs its time ever more seldom") {
  Bench bench;
  std::uint32_t turn = 0;
  Nanos pause = 5 * kSecond;
  const auto fails_a_turn = [&](bool says_the_first_segment) {
    bench.begin(++turn);
    if (says_the_first_segment) {
      bench.first->speaks();
      bench.first->ends();
      CHECK(bench.polled() == Kinds{Kind::kSamples, Kind::kDone});
      bench.begin(turn, 1);
    }
    CHECK(bench.polled().empty());
    bench.clock.advance(kSilence);
    CHECK(bench.polled() == Kinds{Kind::kAnew});
    bench.second->ends();
    CHECK(bench.polled() == Kinds{Kind::kDone});
    const std::size_t before = bench.first->begun.size();
    bench.clock.advance(pause - 1);
    bench.voice.tend();
    CHECK(bench.first->begun.size() == before);
    bench.clock.advance(1);
    bench.voice.tend();
    REQUIRE(bench.first->begun.size() == before + 1);
    bench.first->speaks();
    bench.voice.tend();
    CHECK(bench.voice.name() == "en: first");
    pause = std::min(2 * pause, 300 * kSecond);
  };
  for (int i = 0; i < 6; ++i) fails_a_turn(i % 2 == 1);
  bench.begin(++turn);
  bench.first->speaks();
  SUBCASE("a turn that it speaks makes it well") {
    bench.first->ends();
    CHECK(bench.polled() == Kinds{Kind::kSamples, Kind::kDone});
  }
  SUBCASE("so does one in which it is interrupted") {
    CHECK(bench.polled() == Kinds{Kind::kSamples});
    bench.voice.cancel();
  }
  pause = 5 * kSecond;
  fails_a_turn(false);
}

TEST_CASE("a voice that dribbles is followed by the next one, with the segment anew") {
  Bench bench;
  bench.begin(1);
  bench.first->sounds(200 * kMillisecond);
  CHECK(bench.polled() == Kinds{Kind::kSamples});
  Nanos waited = 0;
  Kinds kinds;
  while (kinds.empty() && waited < 10 * kSilence) {
    bench.clock.advance(kSilence / 2);
    waited += kSilence / 2;
    bench.first->sounds(kMillisecond);
    kinds = bench.polled();
    if (kinds == Kinds{Kind::kSamples}) kinds.clear();
  }
  CHECK(kinds == Kinds{Kind::kSamples, Kind::kAnew});
  CHECK(waited == 3 * kSilence / 2);
  CHECK(bench.first->cancelled == 1);
  CHECK(bench.second->begun.size() == 1);
  CHECK(bench.voice.name() == "en: second!");
}

TEST_CASE("a voice that is looked at only when it lags too much is so at its deadline") {
  Bench bench;
  bench.begin(1);
  bench.first->sounds(100 * kMillisecond);
  CHECK(bench.polled() == Kinds{Kind::kSamples});
  bench.clock.advance(9 * kSilence / 10);
  bench.first->sounds(kMillisecond);
  CHECK(bench.polled() == Kinds{Kind::kSamples});
  CHECK(bench.voice.next_deadline() == bench.clock.now() + 201 * kMillisecond);
  bench.clock.advance(201 * kMillisecond);
  CHECK(bench.polled() == Kinds{Kind::kAnew});
}

TEST_CASE("a voice as quick as it is heard, or ahead of it, or that is not asked for more, does not lag") {
  Bench bench;
  bench.begin(1);
  bench.first->sounds(2 * kSilence);
  CHECK(bench.polled() == Kinds{Kind::kSamples});
  for (int i = 0; i < 25; ++i) {  // a tenth too slow, but far ahead
    bench.clock.advance(kSilence / 2);
    bench.first->sounds(kSilence * 45 / 100);
    CHECK(bench.polled() == Kinds{Kind::kSamples});
  }
  for (int i = 0; i < 25; ++i) {  // the ring is full: the next piece waits in the voice
    bench.first->sounds(kMillisecond);
    Piece piece;
    REQUIRE(bench.voice.poll(piece));
    bench.clock.advance(kSilence);
  }
  CHECK(bench.second->begun.empty());
}

TEST_CASE("a slow voice that nobody follows has more time, but not for ever") {
  for (const bool other_failed : {true, false}) {
    FakeClock clock{kSecond};
    const auto slow = std::make_shared<test::FakeVoice>("slow");
    const auto other = std::make_shared<test::FakeVoice>("other");
    FailoverSynthesizer::Chain chain{slow};
    if (other_failed) chain.insert(chain.begin(), other);
    FailoverSynthesizer voice{{{"en", chain}}, "en", kSilence, clock};
    other->fails = true;
    voice.begin({1, 0, "Hello", "en"});
    Piece piece;
    if (other_failed) REQUIRE(voice.poll(piece));
    Nanos waited = 0;
    for (bool over = false; !over && waited < 20 * kSilence;) {
      slow->sounds(kMillisecond);
      while (voice.poll(piece)) over = over || piece.kind == Kind::kFailed;
      if (over) break;
      clock.advance(kSilence / 2);
      waited += kSilence / 2;
    }
    CHECK(waited == 9 * kSilence / 2);
  }
}

TEST_CASE("the list is gone down to its end, and each probe is of its own") {
  FakeClock clock{kSecond};
  std::vector<std::shared_ptr<test::FakeVoice>> voices;
  FailoverSynthesizer::Chain chain;
  for (const char* name : {"one", "two", "three"}) {
    voices.push_back(std::make_shared<test::FakeVoice>(name));
    chain.push_back(voices.back());
  }
  FailoverSynthesizer voice{{{"en", chain}}, "en", kSilence, clock};
  voices[0]->fails = voices[1]->fails = true;
  voice.begin({1, 0, "Hello", "en"});
  voices[2]->speaks();
  voices[2]->ends();
  Kinds kinds;
  for (Piece piece; voice.poll(piece);) kinds.push_back(piece.kind);
  CHECK(kinds == Kinds{Kind::kAnew, Kind::kAnew, Kind::kSamples, Kind::kDone});
  CHECK(voice.name() == "en: three!");
  voices[1]->fails = false;
  clock.advance(5 * kSecond);
  voice.tend();
  voices[1]->speaks();
  voice.tend();
  CHECK(voice.name() == "en: two!");
  voice.begin({2, 0, "Hello", "en"});
  CHECK(voices[1]->begun.back().turn == 2);
}

}  // namespace prot::tts
