#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <string>

#include "stt_bench.hpp"
#include "wire/names.hpp"
#include "wire/pause_words.hpp"

namespace prot::stt {
namespace {

TEST_CASE("a guess at the pause becomes the final transcript when only silence follows") {
  Bench bench;
  bench.begin(1), bench.audio(1, 10, true), bench.audio(1, 6, false), bench.pause(1);
  bench.settle();
  CHECK(bench.engine.calls == "begin guess");
  CHECK(bench.engine.samples == 16 * wire::kMicWindow);
  bench.engine.answer(false, "hello");
  bench.settle();
  CHECK(bench.transcripts() == "partial1:hello");
  CHECK(bench.last.end_decided_ns == 0);
  CHECK(bench.last.end_wait_ms == 0);
  const auto words = wire::PauseWords::unpacked(bench.run.counter("pause_words"));
  CHECK(words.utterance == 1);
  CHECK(words.pause == 1);
  CHECK(words.ending == wire::Ending::kUnknown);
  CHECK(bench.last.end_probability == wire::kNoProbability);
  bench.audio(1, 11, false), bench.end(1);
  bench.settle();
  CHECK(bench.engine.calls == "begin guess");
  CHECK(bench.transcripts() == "final1:hello");
  CHECK(bench.last.speech_start_ns == 11);
  CHECK(bench.last.speech_end_ns == 22);
  CHECK(bench.last.end_decided_ns == 33);
  CHECK(bench.last.end_wait_ms == 352);
  CHECK(bench.last.end_probability == 0.75F);
  CHECK(bench.last.decode_start_ns == 5 * kSecond);
  CHECK(bench.last.decode_end_ns == 6 * kSecond);
  CHECK(bench.last.audio_ms == 512);
  CHECK(bench.run.counter("guesses_used") == 1);
  CHECK(bench.run.into("mic").used() == 0);
}

TEST_CASE("a guess that is still being decoded at the end is waited for") {
  Bench bench;
  bench.begin(1), bench.audio(1, 10, true), bench.pause(1);
  bench.settle();
  bench.end(1);
  bench.settle();
  CHECK(bench.transcripts().empty());
  bench.engine.answer(false, "late");
  bench.settle();
  CHECK(bench.engine.calls == "begin guess");
  CHECK(bench.transcripts() == "final1:late");
}

TEST_CASE("what an engine hears of its own accord is a partial, and no answer") {
  Bench bench;
  const auto hears = [&](const char* words) {
    Recognition heard;
    heard.partial = true;
    heard.text = words;
    bench.engine.answers.push_back(heard);
  };
  bench.begin(1), bench.audio(1, 10, true);
  bench.settle();
  hears("what is");
  bench.settle();
  CHECK(bench.transcripts() == "partial1:what is");
  CHECK(wire::PauseWords::unpacked(bench.run.counter("pause_words")).pause == 0);  // there was none
  bench.pause(1);
  bench.settle();
  hears("what is it");  // not what was guessed at
  bench.settle();
  CHECK(bench.transcripts().empty());
  bench.end(1);
  bench.settle();
  hears("what is it");
  bench.settle();
  CHECK(bench.transcripts().empty());
  bench.engine.answer(false, "what is it?");
  bench.settle();
  CHECK(bench.transcripts() == "final1:what is it?");
}

TEST_CASE("speech after the pause takes the guess back") {
  for (const bool answered : {false, true}) {
    Bench bench;
    bench.begin(1), bench.audio(1, 10, true), bench.pause(1);
    bench.settle();
    if (answered) bench.engine.answer(false, "half");
    bench.settle();
    bench.audio(1, 5, true);
    bench.settle();
    bench.end(1);
    bench.settle();
    CHECK(bench.engine.calls == "begin guess retract finish");
    bench.engine.answer(true, "half and whole");
    bench.settle();
    CHECK(bench.transcripts() ==
          (answered ? "partial1:half final1:half and whole" : "final1:half and whole"));
  }
}

TEST_CASE("no guess is made on a pause that is already over, nor when partials are off") {
  Bench late;
  late.utterance(1);
  late.settle();
  CHECK(late.engine.calls == "begin finish");
  Bench off({"stt.partials=false"});
  off.begin(1), off.audio(1, 10, true), off.pause(1);
  off.settle();
  CHECK(off.engine.calls == "begin");
}

TEST_CASE("an engine that does not guess is asked at the end") {
  Bench bench;
  bench.engine.guesses = false;
  bench.begin(1), bench.audio(1, 10, true), bench.pause(1);
  bench.settle();
  bench.end(1);
  bench.settle();
  CHECK(bench.engine.calls == "begin guess finish");
}

TEST_CASE("silence reaches the engine only as far as it helps, or when speech follows") {
  Bench bench;
  bench.begin(1), bench.audio(1, 8, false), bench.audio(1, 10, true), bench.audio(1, 16, false);
  bench.settle();
  CHECK(bench.engine.samples == (8 + 10 + 6) * wire::kMicWindow);
  bench.audio(1, 1, true);
  bench.settle();
  CHECK(bench.engine.samples == (8 + 10 + 16 + 1) * wire::kMicWindow);
}

TEST_CASE("lost audio is bridged with silence, up to a second") {
  Bench bench;
  bench.begin(1), bench.audio(1, 1, true, 1024), bench.audio(1, 1, true, 100'000);
  bench.settle();
  CHECK(bench.engine.samples == 1024 + 16'000 + 2 * wire::kMicWindow);
}

TEST_CASE("frames stay in the ring until the final transcript is out") {
  Bench bench;
  bench.utterance(1);
  bench.settle();
  CHECK(bench.run.into("mic").used() > 27 * 1024);
  bench.engine.answer(true, "x");
  bench.settle();
  CHECK(bench.run.into("mic").used() == 0);
}

TEST_CASE("a killed stt recognises again what had no final transcript, and nothing else") {
  Bench bench;
  bench.utterance(1);
  bench.settle();
  bench.engine.answer(true, "one");
  bench.settle();
  bench.utterance(2);
  bench.settle();
  bench.restart();
  CHECK(bench.transcripts() == "final1:one");
  bench.engine.calls.clear();
  bench.settle();
  CHECK(bench.engine.calls == "begin finish");
  bench.engine.answer(true, "two");
  bench.settle();
  bench.restart();
  bench.settle();
  CHECK(bench.transcripts() == "final2:two");
}

TEST_CASE("a stt that is killed between transcript and release does not repeat the transcript") {
  Bench bench;
  bench.utterance(1);
  bench.kill();
  // The predecessor as it was just after the tail store: frame and sources are there, nothing is released.
  auto context = bench.run.attach();
  wire::SendOptions options{.turn = 1};
  options.sources.seq[context->input_index("mic")] = 1 + 1 + 10 + 6 + 1 + 11;
  CHECK(wire::send(context->output("transcript"),
                   wire::Transcript{wire::TranscriptKind::kFinal, 0, 0, 0, 0, 0, 0}, {},
                   options) == ipc::PublishResult::kOk);
  context.reset();
  bench.restart();
  bench.settle();
  CHECK(bench.engine.calls.empty());
  CHECK(bench.run.into("mic").used() == 0);
  CHECK(bench.transcripts() == "final1:");
}

TEST_CASE("an utterance in which nothing was said leaves no trace") {
  Bench bench;
  bench.begin(1), bench.audio(1, 3, true), bench.end(1, false);
  bench.settle();
  CHECK(bench.transcripts().empty());
  CHECK(bench.run.into("mic").used() == 0);
}

TEST_CASE("an utterance whose end is missing ends where the next begins") {
  Bench bench;
  bench.begin(1), bench.audio(1, 10, true);
  bench.utterance(2);
  bench.settle();
  CHECK(bench.engine.calls == "begin finish");
  bench.engine.answer(true, "one");
  bench.settle();
  CHECK(bench.transcripts() == "final1:one");
  CHECK(bench.last.speech_end_ns == Bench::time_of(10 * wire::kMicWindow));
  bench.engine.answer(true, "two");
  bench.settle();
  CHECK(bench.transcripts() == "final2:two");
}

TEST_CASE("a restarted capture's end has no times: those of the audio count") {
  Bench bench;
  bench.begin(1), bench.audio(1, 10, true), bench.audio(1, 3, false);
  bench.send(1, wire::MicEnd{0, 0, 33, 1, 0});
  bench.settle();
  bench.engine.answer(true, "x");
  bench.settle();
  (void)bench.transcripts();
  CHECK(bench.last.speech_start_ns == Bench::time_of(0));
  CHECK(bench.last.speech_end_ns == Bench::time_of(10 * wire::kMicWindow));
}

}  // namespace
TEST_CASE("the engine is told the newest names that memory knows, whatever else goes on") {
  Bench bench;
  const auto tell = [&](std::string_view names) {
    REQUIRE(wire::send(bench.run.into("names"), wire::KeyTerms{1}, wire::as_bytes(names), {}) ==
            ipc::PublishResult::kOk);
  };
  tell("Oslo");
  tell("Mungo\nGreen Street");
  bench.settle();
  CHECK(bench.engine.expected == std::vector<std::string>{"Mungo", "Green Street"});
  CHECK(bench.run.into("names").used() == 0);
  bench.begin(1), bench.audio(1, 10, true);
  tell("");
  bench.settle();
  CHECK(bench.engine.expected.empty());
  CHECK(bench.engine.calls == "begin");

  Bench alone({"stt.names_from_memory=false"});
  REQUIRE(wire::send(alone.run.into("names"), wire::KeyTerms{1}, wire::as_bytes("Oslo"), {}) ==
          ipc::PublishResult::kOk);
  alone.settle();
  CHECK(alone.engine.expected.empty());
  CHECK(alone.run.into("names").used() == 0);
}

}  // namespace prot::stt
