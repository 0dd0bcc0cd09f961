#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <string>

#include "stt_bench.hpp"
#include "wire/pause_words.hpp"

namespace prot::stt {
namespace {

TEST_CASE("a failure is tried once more, then told") {
  Bench bench;
  bench.utterance(1);
  bench.settle();
  bench.engine.answer(true, "out of memory", FailureClass::kRetry);
  bench.settle();
  CHECK(bench.engine.calls == "begin finish finish");
  bench.engine.answer(true, "out of memory", FailureClass::kRetry);
  bench.settle();
  CHECK(bench.transcripts() == "failed1:out of memory");
  CHECK(bench.run.into("mic").used() == 0);
}

TEST_CASE("a service that asks for time gets it, up to what a person waits") {
  Bench bench;
  bench.utterance(1);
  bench.settle();
  bench.engine.answer(true, "HTTP 429", FailureClass::kRetry);
  bench.engine.answers.back().retry_after = kSecond;
  bench.settle();
  CHECK(bench.engine.calls == "begin finish");
  CHECK(bench.stage->next_deadline(bench.clock.now()) == bench.clock.now() + kSecond);
  bench.clock.advance(kSecond);
  bench.settle();
  CHECK(bench.engine.calls == "begin finish finish");
  bench.engine.answer(true, "now");
  bench.settle();
  CHECK(bench.transcripts() == "final1:now");
  bench.utterance(2);
  bench.settle();
  bench.engine.answer(true, "HTTP 429", FailureClass::kRetry);
  bench.engine.answers.back().retry_after = 3 * kSecond;
  bench.settle();
  CHECK(bench.transcripts() == "failed2:HTTP 429");
}

TEST_CASE("a failure that comes late is told at once: the person has waited") {
  Bench bench;
  bench.utterance(1);
  bench.settle();
  bench.clock.advance(3 * kSecond + 1);
  bench.engine.answer(true, "silent", FailureClass::kRetry);
  bench.settle();
  CHECK(bench.engine.calls == "begin finish");
  CHECK(bench.transcripts() == "failed1:silent");
}

TEST_CASE("frames that are cut off are no samples, and the next utterance is whole") {
  Bench bench;
  bench.begin(1);
  const std::array<std::byte, 3> odd{};  // one sample and a half
  REQUIRE(wire::send(bench.run.into("mic"), wire::MicAudio{0, 0.9F, 0, 1, 0}, odd,
                     {.turn = 1, .made_ns = kSecond}) == ipc::PublishResult::kOk);
  ipc::FrameInfo info;
  info.kind = static_cast<std::uint8_t>(wire::Kind::kMicAudio);
  info.version = wire::MicAudio::kVersion;
  info.turn = 1;
  REQUIRE(bench.run.into("mic").publish(info, odd, {}, {}) == ipc::PublishResult::kOk);  // half a head
  bench.settle();
  CHECK(bench.engine.samples == 1);
  bench.end(1), bench.settle();
  bench.engine.answer(true, "x"), bench.settle();
  bench.utterance(2), bench.settle();
  bench.engine.answer(true, "y"), bench.settle();
  CHECK(bench.transcripts() == "final1:x final2:y");
}

TEST_CASE("an engine that never answers is given up") {
  Bench bench;
  bench.utterance(1);
  bench.settle();
  CHECK(bench.stage->next_deadline(bench.clock.now()) == bench.clock.now() + 20 * kSecond);
  bench.clock.advance(20 * kSecond);
  bench.settle();
  CHECK(bench.transcripts() == "failed1:the recogniser gave no answer");
}

TEST_CASE("a final transcript that finds no room is offered again, and the speech behind it waits") {
  Bench bench({}, {{"transcript", 64 * 1024}});
  const std::string text(15'000, 'x');
  int sent = 0;
  for (std::uint32_t number = 1; number <= 6; ++number) {
    bench.utterance(number);
    bench.settle();
    bench.engine.answer(true, text);
    bench.settle();
    sent = static_cast<int>(number);
    if (bench.run.into("mic").used() > 0) break;
  }
  REQUIRE(sent < 6);  // the last one waits
  const std::string first = bench.transcripts();
  bench.settle();
  const std::string second = bench.transcripts();
  CHECK(second == "final" + std::to_string(sent) + ":" + text);
  CHECK(bench.run.into("mic").used() == 0);
  CHECK(std::count(first.begin(), first.end(), ':') == sent - 1);
}

TEST_CASE("a transcript that nobody will ever read does not hold up the rest") {
  Bench bench({}, {{"transcript", 64 * 1024}});
  bench.run.close_consumer("transcript");
  for (std::uint32_t number = 1; number <= 8; ++number) {
    bench.utterance(number);
    bench.settle();
    bench.engine.answer(true, std::string(15'000, 'x'));
    bench.settle();
    CHECK(bench.run.into("mic").used() == 0);
  }
}

TEST_CASE("the end of the stream is forwarded after the last transcript") {
  Bench bench;
  bench.begin(1), bench.audio(1, 10, true);
  bench.send(0, wire::EndOfStream{});
  bench.settle();
  CHECK_FALSE(bench.stage->finished());
  bench.engine.answer(true, "last");
  bench.settle();
  CHECK(bench.transcripts() == "final1:last eos");
  CHECK(bench.stage->finished());
  CHECK(bench.run.into("mic").used() == 0);
}

TEST_CASE("a capture that is gone for good counts as the end of the stream") {
  Bench bench;
  bench.begin(1), bench.audio(1, 10, true);
  bench.settle();
  bench.run.close_producer("mic");
  bench.settle();
  bench.engine.answer(true, "last");
  bench.settle();
  CHECK(bench.transcripts() == "final1:last eos");
  CHECK(bench.stage->finished());
}

TEST_CASE("the engine is told when the language model is at work") {
  Bench bench;
  bench.run.board_of("brain").conversation().state.store(
      static_cast<std::uint32_t>(ipc::ConversationState::kSpeaking));
  bench.utterance(1);
  bench.settle();
  CHECK(bench.engine.busy);
}

}  // namespace
}  // namespace prot::stt
