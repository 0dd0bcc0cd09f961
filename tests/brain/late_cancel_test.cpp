#include <doctest/doctest.h>

#include "brain_bench.hpp"

using namespace prot;
using namespace prot::test;
using State = ipc::ConversationState;
using wire::Heard;
using wire::Played;
using wire::TranscriptKind;

namespace {

constexpr Nanos kMs = kMillisecond;
const std::string kStory = "Once there was a king. He had three sons.";

struct Told {
  std::string text;
  bool interrupted = true;
  int ends = 0;
};

Told told(BrainBench& bench) {
  Told out;
  for (const Sent& one : bench.sent("turns")) {
    if (one.kind != wire::Kind::kReplyEnd) continue;
    out = {one.text, one.interrupted, out.ends + 1};
  }
  return out;
}

// A reply is spoken nearly to its end when the person says something; brain cancels it.
void cancel_at_the_end(BrainBench& bench, std::string_view words, bool model_done = true) {
  bench.say(1, "Tell me a story");
  bench.model->say(bench.model->newest()->id, kStory + (model_done ? "" : " And"));
  if (model_done) bench.model->done(bench.model->newest()->id);
  bench.work();
  bench.play(Played::kStarted, 1);
  bench.advance(kSecond);
  const Nanos began = bench.clock.now();
  bench.hear(Heard::kStarted, 2, began);
  bench.hear(Heard::kConfirmed, 2, began);
  bench.advance(300 * kMs);
  bench.hear(Heard::kPaused, 2, began + 300 * kMs);
  bench.transcript(TranscriptKind::kPartial, 2, words, began);
  REQUIRE(bench.page().cancelled_turn.load() == 1);
  (void)bench.sent("turns");
}

}  // namespace

TEST_CASE("a reply whose end crosses the cancel was not interrupted") {
  for (const Played last : {Played::kTurnDone, Played::kCutAt}) {
    CAPTURE(static_cast<int>(last));
    BrainBench bench({"player.headphones=true"});
    cancel_at_the_end(bench, "What was his name");
    bench.play(last, 1, 1, 18);
    const Told end = told(bench);
    CHECK(end.ends == 1);
    CHECK(end.text == kStory);
    CHECK_FALSE(end.interrupted);
    CHECK(bench.state() == State::kListening);
    bench.transcript(TranscriptKind::kFinal, 2, "What was his name?");
    bench.advance(60 * kMs);
    const auto& messages = bench.model->newest()->request.messages;
    REQUIRE(messages.size() == 3);
    CHECK(messages[1].text == kStory);  // without a mark
    CHECK(bench.run->counter("refused_transitions") == 0);
  }
}

TEST_CASE("the same when the cancel was \"stop\", or brain died behind it") {
  for (const bool dies : {false, true}) {
    CAPTURE(dies);
    BrainBench bench({"player.headphones=true"});
    cancel_at_the_end(bench, dies ? "What was his name" : "Stop");
    if (dies) bench.restart();
    bench.play(Played::kTurnDone, 1, 1, 18);
    const Told end = told(bench);
    CHECK(end.ends == 1);
    CHECK(end.text == kStory);
    CHECK_FALSE(end.interrupted);
    CHECK(bench.state() == (dies ? State::kListening : State::kActive));
  }
}

TEST_CASE("but for a word it was, and so was one that the model had not ended") {
  BrainBench bench({"player.headphones=true"});
  SUBCASE("a word less") {
    cancel_at_the_end(bench, "What was his name");
    bench.play(Played::kCutAt, 1, 1, 12);
    const Told end = told(bench);
    CHECK(end.text == "Once there was a king. He had three");
    CHECK(end.interrupted);
  }
  SUBCASE("more was to come") {
    cancel_at_the_end(bench, "What was his name", false);
    bench.play(Played::kCutAt, 1, 1, 18);
    const Told end = told(bench);
    CHECK(end.text == kStory);
    CHECK(end.interrupted);
  }
}
