#include <doctest/doctest.h>

#include <sstream>
#include <string>

#include "capture_bench.hpp"
#include "wire/pause_words.hpp"
#include "wire/speech_out.hpp"

namespace prot::capture {
namespace {

TEST_CASE("an utterance goes out with its pre-roll, pause and end") {
  Bench bench;
  bench.play(20, kQuiet);
  CHECK(bench.mic().empty());
  const std::uint64_t speech = bench.next_sample;
  bench.play(10, kLoud);
  bench.play(20, kQuiet);

  CHECK(bench.mic() == "start1 audio:20 pause1 audio:15 end1");
  CHECK(bench.hearing() == "started1 confirmed1 paused1 ended1");
  CHECK(bench.start.first_sample == speech - 8 * wire::kMicWindow);
  CHECK(bench.start.pre_roll_samples == 8 * wire::kMicWindow);
  for (std::size_t i = 0; i < bench.audio.size(); ++i) {
    const std::uint64_t sample = bench.start.first_sample + i * wire::kMicWindow;
    CHECK(bench.audio[i].first_sample == sample);
    CHECK(bench.marks[i] == static_cast<std::int16_t>(sample / wire::kMicWindow % 30000));
    CHECK(bench.audio[i].is_speech == (i >= 8 && i < 18 ? 1 : 0));
  }
  const Nanos began = 100 * kSecond + 20 * kWindowTime;
  CHECK(bench.start.speech_start_ns == began);
  CHECK(bench.times.front() == began - 8 * kWindowTime);
  CHECK(bench.end.speech_start_ns == began);
  CHECK(bench.end.speech_end_ns == began + 10 * kWindowTime);
  CHECK(bench.end.decided_ns == began + 27 * kWindowTime);
  CHECK(bench.end.wait_ms == 17 * 32);
  CHECK(bench.end.probability == wire::kNoProbability);
}

TEST_CASE("the end-of-turn model grades the wait, and the end says so") {
  Bench bench;
  bench.model.emplace();
  bench.restart();
  const auto say = [&](float probability) {
    bench.model->answers = {probability};
    bench.play(20, kLoud);
    bench.play(6, kQuiet);
    CHECK(bench.model->samples == (8 + 26) * wire::kMicWindow);  // pre-roll, speech and the pause
    bench.play(50, kQuiet);
  };
  bench.play(20, kQuiet);
  say(0.9F);
  CHECK(bench.mic() == "start1 audio:30 pause1 audio:15 end1");
  CHECK(bench.end.wait_ms == 17 * 32);
  CHECK(bench.end.probability == 0.9F);
  say(0.1F);
  CHECK(bench.mic() == "start2 audio:30 pause2 audio:45 end2");
  CHECK(bench.end.wait_ms == 47 * 32);
  CHECK(bench.end.probability == 0.1F);
  CHECK(bench.run.counter("end_wait_ms") == 47 * 32);
  CHECK(bench.run.counter("end_probability_pct") == 10);
  CHECK(bench.run.counter("end_answers") == 2);
}

TEST_CASE("the words of a pause end the turn, or hold it open") {
  Bench bench;
  ipc::Board& stt = bench.run.board_of("stt");
  ipc::Word& page = stt.counter(static_cast<std::size_t>(stt.find("stt")), wire::kPauseWordsLabel);
  const auto say = [&](const wire::PauseWords& words) {
    bench.play(20, kLoud);
    bench.play(12, kQuiet);
    page.store(words.packed());
    bench.play(48, kQuiet);
    (void)bench.mic();
    return bench.end.wait_ms / 32;
  };
  using enum wire::Ending;
  bench.play(20, kQuiet);
  CHECK(say({1, 1, kComplete}) == 13);
  CHECK(say({2, 1, kGoesOn}) == 47);
  CHECK(say({3, 2, kComplete}) == 30);  // of another pause: it is waited for, and does not come
  CHECK(say({4, 1, kUnknown}) == 17);
  for (int i = 0; i < 3; ++i) CHECK(say({4, 1, kComplete}) == 30);
  CHECK(say({4, 1, kComplete}) == 17);  // it has not answered for long
}

TEST_CASE("a pause that the person went on after is remembered, by a restarted capture too") {
  Bench bench;
  const auto wait_after_turn = [&] {
    bench.play(20, kLoud);
    bench.play(60, kQuiet);
    (void)bench.mic();
    return bench.end.wait_ms;
  };
  bench.play(20, kQuiet);
  const std::uint32_t before = wait_after_turn();
  for (int i = 0; i < 8; ++i) {
    bench.play(20, kLoud);
    bench.play(16, kQuiet);
  }
  const std::uint32_t after = wait_after_turn();
  CHECK(after > before);
  CHECK(bench.run.counter("pause_mean_ms") > 400);
  bench.restart();
  CHECK(wait_after_turn() == after);
}

TEST_CASE("noise that does not end is cut once, and leaves the person's next word alone") {
  Bench bench({"capture.max_utterance_ms=3200"});
  bench.play(150, kLoud);
  CHECK(bench.mic() == "start1 audio:100 end1");
  CHECK(bench.hearing() == "started1 confirmed1 ended1");
  CHECK(bench.run.counter("turns_capped") == 1);
  bench.play(8, kQuiet);
  bench.play(10, kLoud);
  CHECK(bench.mic().starts_with("start2"));
}

TEST_CASE("too little speech is told and taken back") {
  Bench bench;
  bench.play(20, kQuiet);
  bench.play(3, kLoud);
  bench.play(20, kQuiet);
  CHECK(bench.mic() == "start1 audio:17 discard1");
  CHECK(bench.hearing() == "started1 discarded1");
}

TEST_CASE("while prot speaks, only strong speech counts, unless the person wears headphones") {
  for (const bool headphones : {false, true}) {
    Bench bench({std::string("player.headphones=") + (headphones ? "true" : "false")});
    bench.run.board_of("brain").conversation().state.store(
        static_cast<std::uint32_t>(ipc::ConversationState::kSpeaking));
    bench.play(10, kLoud);
    CHECK(bench.mic().empty() == !headphones);
  }
}

TEST_CASE("what the loudspeaker says raises the threshold for a moment") {
  Bench bench;
  std::vector<std::int16_t> samples(480, 20000);
  const wire::Echo head{24000, 480};
  (void)wire::send(bench.run.into("echo"), head, wire::as_bytes(samples), {.made_ns = bench.clock.now()});
  bench.play(5, kLoud);
  CHECK(bench.mic().empty());
  bench.play(10, kQuiet);
  bench.play(5, kLoud);
  CHECK_FALSE(bench.mic().empty());
}

TEST_CASE("a restarted capture ends what its predecessor left open and counts on") {
  Bench bench;
  bench.play(10, kLoud);
  bench.restart();
  CHECK(bench.device.patient);
  CHECK(bench.mic() == "start1 audio:10 end1");
  CHECK(bench.hearing() == "started1 confirmed1 ended1");
  CHECK(bench.end.speech_end_ns == 0);
  bench.play(10, kLoud);
  CHECK(bench.mic() == "start2 audio:10");
  bench.run.board_of("brain").conversation().utterance.store(40);
  bench.restart();
  bench.play(10, kLoud);
  CHECK(bench.mic() == "end2 start41 audio:10");
}

TEST_CASE("a lost device ends the utterance, and the next one opens anew") {
  Bench bench;
  bench.play(10, kLoud);
  bench.device.status.open = false;
  ++bench.device.status.lost;
  ++bench.device.revision;
  bench.settle();
  CHECK(bench.mic() == "start1 audio:10 end1");
  CHECK(bench.run.counter("device_lost") == 1);
  bench.device.status.open = true;
  ++bench.device.revision;
  bench.clock.advance(10 * kSecond);
  bench.play(10, kLoud);
  CHECK(bench.mic() == "start2 audio:10");
}

TEST_CASE("a device that falls silent ends the utterance") {
  Bench bench;
  bench.play(10, kLoud);
  CHECK(bench.stage->next_deadline(bench.clock.now()) == bench.clock.now() + 2 * kSecond);
  bench.clock.advance(2 * kSecond);
  bench.settle();
  CHECK(bench.mic() == "start1 audio:10 end1");
  CHECK(bench.run.counter("device_stalls") == 1);
}

TEST_CASE("a drain ends the utterance, closes the device and the streams") {
  Bench bench;
  bench.play(10, kLoud);
  bench.run.set_drain(ipc::Drain::kGraceful);
  bench.settle();
  CHECK(bench.device.closed);
  CHECK(bench.stage->finished());
  CHECK(bench.mic() == "start1 audio:10 end1 eos");
  CHECK(bench.hearing() == "started1 confirmed1 ended1 eos");
}

TEST_CASE("a full ring costs audio, never the end of an utterance that was begun") {
  Bench bench({}, {{"mic", 64 * 1024}});
  const auto speak = [&] {
    bench.play(60, kLoud);
    bench.play(50, kQuiet);  // too long for a pause that is learned from
  };
  for (int i = 0; i < 8; ++i) speak();
  const std::string full = bench.mic();
  CHECK(full.starts_with("start1 audio:"));
  speak();
  const std::string all = full + " " + bench.mic();
  CHECK(all.ends_with("end9"));
  // Begin and end alternate, with the same number.
  std::istringstream words(all);
  std::string open;
  for (std::string word; words >> word;) {
    if (word.starts_with("start")) {
      CHECK(open.empty());
      open = word.substr(5);
    } else if (word.starts_with("end")) {
      CHECK(word.substr(3) == open);
      open.clear();
    }
  }
  CHECK(bench.hearing().ends_with("ended9"));
}

TEST_CASE("audio that was lost is counted in the next frame") {
  Bench bench({}, {{"mic", 64 * 1024}});
  bench.play(100, kLoud);
  const std::size_t before = [&] {
    (void)bench.mic();
    return bench.audio.size();
  }();
  bench.play(1, kLoud);
  (void)bench.mic();
  REQUIRE(bench.audio.size() == before + 1);
  CHECK(bench.audio.back().missing_samples == (100 - before) * wire::kMicWindow);
}

TEST_CASE("silence of a muted device is not given to the detector") {
  Bench bench;
  bench.play(10, 0);
  CHECK(bench.mic().empty());
  CHECK(bench.run.counter("windows") == 10);
}

}  // namespace
}  // namespace prot::capture
