#include "tts/tts_stage.hpp"

#include <doctest/doctest.h>

#include <cstring>
#include <deque>

#include "base/error.hpp"
#include "tests/support/private_run.hpp"

namespace prot::tts {
namespace {

/// A voice whose pieces the test lays out by hand.
class FakeVoice final : public Synthesizer {
 public:
  struct State {
    std::vector<SpeechRequest> begun;
    std::deque<Piece> pieces;
    int cancelled = 0;
  };
  explicit FakeVoice(State& state) : state_(&state) {}
  void start() override {}
  void begin(const SpeechRequest& request) override { state_->begun.push_back(request); }
  bool poll(Piece& piece) override {
    if (state_->pieces.empty()) return false;
    piece = std::move(state_->pieces.front());
    state_->pieces.pop_front();
    return true;
  }
  void cancel() noexcept override {
    ++state_->cancelled;
    state_->pieces.clear();
  }
  void stop() noexcept override {}
  std::string name() const override { return "fake"; }

 private:
  State* state_;
};

struct Sent {
  wire::Kind kind;
  std::uint32_t turn;
  std::uint32_t segment;
  std::uint32_t number;  // samples, first sample, points
  std::uint16_t flags;
  bool failed = false;
  std::uint32_t joins = 0;
  std::vector<wire::AlignPoint> points{};
};

struct Bench {
  explicit Bench(const std::map<std::string, std::uint64_t>& capacities = {})
      : memory("tts", clock, {}, capacities) {
    make();
  }
  ~Bench() { stage->stop(); }
  void make() {
    context = memory.attach();
    stage = std::make_unique<TtsStage>(*context, std::make_unique<FakeVoice>(voice));
    stage->start();
  }
  void restart() {
    stage.reset();
    context.reset();
    voice = {};
    make();
  }
  void segment(std::uint32_t turn, std::uint32_t number, std::string_view text, std::uint32_t joins = 0) {
    const wire::Segment head{number, {'e', 'n', 0, 0}, joins};
    REQUIRE(wire::send(memory.into("speech"), head, wire::as_bytes(text), {.turn = turn, .made_ns = 1}) ==
            ipc::PublishResult::kOk);
  }
  void turn_end(std::uint32_t turn, std::uint32_t segments) {
    REQUIRE(wire::send(memory.into("speech"), wire::TurnEnd{segments, 0}, {}, {.turn = turn, .made_ns = 1}) ==
            ipc::PublishResult::kOk);
  }
  void end_of_stream() {
    REQUIRE(wire::send(memory.into("speech"), wire::EndOfStream{}, {}, {.made_ns = 1}) ==
            ipc::PublishResult::kOk);
  }
  void work() {
    while (!stage->finished() && stage->do_work(clock.now()) > 0) {
    }
  }
  Piece piece(Piece::Kind kind, std::size_t samples = 0) {
    Piece made;
    made.kind = kind;
    made.rate = 16'000;
    made.samples.assign(samples, 1000);
    made.began_ns = 5;
    made.first_audio_ns = 7;
    return made;
  }
  void speaks(std::size_t samples) {
    Piece alignment = piece(Piece::Kind::kAlignment);
    alignment.alignment = {{5, static_cast<std::uint32_t>(samples)}};
    voice.pieces.push_back(std::move(alignment));
    voice.pieces.push_back(piece(Piece::Kind::kSamples, samples));
    voice.pieces.push_back(piece(Piece::Kind::kDone));
  }
  /// What player gets; released as it is read.
  std::vector<Sent> sent() {
    std::vector<Sent> all;
    ipc::FrameInfo info;
    std::span<const std::byte> payload;
    std::span<const std::byte> tail;
    while (memory.from("pcm").peek(info, payload) == ipc::TakeResult::kFrame) {
      Sent one{static_cast<wire::Kind>(info.kind), info.turn, 0, 0, info.flags};
      wire::PcmStart start{};
      wire::PcmAudio audio{};
      wire::PcmAlign align{};
      wire::PcmSegmentEnd end{};
      if (wire::decode(info, payload, start, tail))
        one.segment = start.segment, one.number = start.text_bytes, one.joins = start.joins;
      if (wire::decode(info, payload, audio, tail))
        one.segment = audio.segment, one.number = audio.first_sample;
      if (wire::decode(info, payload, align, tail)) {
        one.segment = align.segment, one.number = align.count;
        one.points.resize(tail.size() / sizeof(wire::AlignPoint));
        std::memcpy(one.points.data(), tail.data(), tail.size());
      }
      if (wire::decode(info, payload, end, tail))
        one.segment = end.segment, one.number = end.samples, one.failed = end.failed != 0;
      all.push_back(one);
      memory.from("pcm").release();
    }
    return all;
  }

  FakeClock clock;
  FakeVoice::State voice;
  prot::test::PrivateRun memory;
  std::unique_ptr<stage::StageContext> context;
  std::unique_ptr<TtsStage> stage;
};

std::vector<wire::Kind> kinds(const std::vector<Sent>& frames) {
  std::vector<wire::Kind> all;
  for (const Sent& frame : frames)
    if (all.empty() || all.back() != frame.kind || frame.kind != wire::Kind::kPcmAudio)
      all.push_back(frame.kind);
  return all;
}

using wire::Kind;

}  // namespace

TEST_CASE("a segment becomes start, alignment, samples, end; then the turn's end") {
  Bench bench;
  bench.segment(1, 0, "Hello");
  bench.turn_end(1, 1);
  bench.work();
  REQUIRE(bench.voice.begun.size() == 1);
  CHECK(bench.voice.begun[0].text == "Hello");
  CHECK(bench.voice.begun[0].language == "en");
  bench.speaks(16'000);
  bench.work();
  const auto frames = bench.sent();
  CHECK(kinds(frames) == std::vector{Kind::kPcmStart, Kind::kPcmAlign, Kind::kPcmAudio, Kind::kPcmSegmentEnd,
                                     Kind::kPcmTurnEnd});
  CHECK(frames.front().number == 5);
  CHECK(frames[3].number == 320);  // the first chunk is 20 ms
  CHECK(frames[frames.size() - 2].number == 16'000);
  CHECK(bench.memory.into("speech").used() == 0);
}

TEST_CASE("a full pcm ring keeps the rest and goes on without a gap") {
  Bench bench({{"pcm", 64 * 1024}});
  bench.segment(1, 0, "Hello");
  bench.work();
  bench.speaks(160'000);
  std::vector<Sent> all;
  for (int i = 0; i < 50; ++i) {
    bench.work();
    const auto more = bench.sent();
    all.insert(all.end(), more.begin(), more.end());
    if (!all.empty() && all.back().kind == Kind::kPcmSegmentEnd) break;
  }
  std::uint32_t expected = 0;
  for (const Sent& frame : all) {
    if (frame.kind != Kind::kPcmAudio) continue;
    CHECK(frame.number == expected);
    expected = frame.number + (frame.number == 0 ? 320U : 640U);
  }
  CHECK(all.back().number == 160'000);
}

TEST_CASE("a cancelled turn is given up and its frames are dropped, the next one is spoken") {
  Bench bench;
  bench.segment(1, 0, "One");
  bench.segment(1, 1, "Two");
  bench.turn_end(1, 2);
  bench.segment(2, 0, "Three");
  bench.work();
  bench.memory.board_of("brain").conversation().cancelled_turn.store(1);
  bench.work();
  CHECK(bench.voice.cancelled == 1);
  REQUIRE(bench.voice.begun.size() == 2);
  CHECK(bench.voice.begun[1].text == "Three");
  bench.speaks(100);
  bench.work();
  for (const Sent& frame : bench.sent()) CHECK(frame.turn == 2);
  CHECK(bench.memory.into("speech").used() == 0);
}

TEST_CASE("a voice that fails ends its segment as failed and goes on with the next") {
  Bench bench;
  bench.segment(1, 0, "One");
  bench.segment(1, 1, "Two");
  bench.turn_end(1, 2);
  bench.work();
  Piece failed = bench.piece(Piece::Kind::kFailed);
  failed.error = VoiceError::kFatal;
  failed.message = "fake: broken";
  bench.voice.pieces.push_back(failed);
  bench.work();
  bench.speaks(100);
  bench.work();
  const auto frames = bench.sent();
  CHECK(kinds(frames) == std::vector{Kind::kPcmStart, Kind::kPcmSegmentEnd, Kind::kPcmStart, Kind::kPcmAlign,
                                     Kind::kPcmAudio, Kind::kPcmSegmentEnd, Kind::kPcmTurnEnd});
  CHECK(frames[1].failed);
  CHECK(bench.memory.counter("failed_segments") == 1);
}

TEST_CASE("what is read is the spoken form, what is told is about the text") {
  Bench bench;
  bench.segment(1, 0, "It is 3.14 now");
  bench.work();
  REQUIRE(bench.voice.begun.size() == 1);
  CHECK(bench.voice.begun[0].text == "It is three point one four now");
  Piece alignment = bench.piece(Piece::Kind::kAlignment);
  alignment.alignment = {{2, 100}, {5, 200}, {11, 300}, {17, 400}, {21, 500}, {26, 600}, {30, 700}};
  bench.voice.pieces.push_back(alignment);
  bench.voice.pieces.push_back(bench.piece(Piece::Kind::kSamples, 700));
  bench.voice.pieces.push_back(bench.piece(Piece::Kind::kDone));
  bench.work();
  const auto frames = bench.sent();
  REQUIRE(frames.size() >= 2);
  CHECK(frames[0].number == 14);
  REQUIRE(frames[1].kind == Kind::kPcmAlign);
  REQUIRE(frames[1].points.size() == 4);
  CHECK(frames[1].points[1].byte == 5);
  CHECK(frames[1].points[2].byte == 10);
  CHECK(frames[1].points[2].sample == 600);
  CHECK(frames[1].points[3].byte == 14);
}

TEST_CASE("another voice that takes over begins the segment anew, marked") {
  Bench bench;
  bench.segment(1, 0, "One two");
  bench.work();
  Piece alignment = bench.piece(Piece::Kind::kAlignment);
  alignment.alignment = {{3, 100}, {7, 200}};
  bench.voice.pieces.push_back(alignment);
  bench.voice.pieces.push_back(bench.piece(Piece::Kind::kSamples, 150));
  bench.voice.pieces.push_back(bench.piece(Piece::Kind::kAnew));
  bench.voice.pieces.push_back(alignment);
  bench.voice.pieces.push_back(bench.piece(Piece::Kind::kSamples, 300));
  bench.voice.pieces.push_back(bench.piece(Piece::Kind::kDone));
  bench.work();
  const auto frames = bench.sent();
  CHECK(kinds(frames) == std::vector{Kind::kPcmStart, Kind::kPcmAlign, Kind::kPcmAudio, Kind::kPcmStart,
                                     Kind::kPcmAlign, Kind::kPcmAudio, Kind::kPcmSegmentEnd});
  CHECK(frames[0].flags == 0);
  CHECK((frames[3].flags & ipc::kFlagRestarted) != 0);
  CHECK(frames[4].points.size() == 2);
  CHECK(frames[5].number == 0);
  CHECK(frames.back().number == 300);
  CHECK(bench.memory.counter("takeovers") == 1);
}

TEST_CASE("a notice is no part of the text") {
  Bench bench;
  bench.segment(1, 0, "One two");
  bench.work();
  bench.voice.pieces.push_back(bench.piece(Piece::Kind::kNotice));
  bench.voice.pieces.push_back(bench.piece(Piece::Kind::kSamples, 300));
  Piece failed = bench.piece(Piece::Kind::kFailed);
  failed.message = "fake: nobody is left";
  bench.voice.pieces.push_back(failed);
  bench.work();
  const auto frames = bench.sent();
  CHECK(kinds(frames) ==
        std::vector{Kind::kPcmStart, Kind::kPcmAlign, Kind::kPcmAudio, Kind::kPcmSegmentEnd});
  CHECK(frames[0].number == 0);  // bytes of text
  CHECK(frames.back().failed);
  CHECK(bench.memory.counter("notices") == 1);
}

TEST_CASE("whether a segment goes on with the sentence is passed on") {
  Bench bench;
  bench.segment(1, 0, "One,", 0);
  bench.segment(1, 1, "two.", 1);
  bench.work();
  bench.speaks(10);
  bench.work();
  bench.speaks(10);
  bench.work();
  std::vector<std::uint32_t> joins;
  for (const Sent& frame : bench.sent())
    if (frame.kind == Kind::kPcmStart) joins.push_back(frame.joins);
  CHECK(joins == std::vector<std::uint32_t>{0, 1});
}

TEST_CASE("a restarted tts speaks the unfinished segment again, marked, and no finished one") {
  Bench bench;
  bench.segment(1, 0, "One");
  bench.segment(1, 1, "Two");
  bench.turn_end(1, 2);
  bench.work();
  bench.speaks(100);
  bench.work();  // segment 0 is done, 1 has begun
  bench.voice.pieces.push_back(bench.piece(Piece::Kind::kSamples, 2000));
  bench.work();
  (void)bench.sent();
  bench.restart();
  bench.work();
  REQUIRE(bench.voice.begun.size() == 1);
  CHECK(bench.voice.begun[0].segment == 1);
  bench.speaks(4000);
  bench.work();
  const auto frames = bench.sent();
  REQUIRE(frames.front().kind == Kind::kPcmStart);
  CHECK((frames.front().flags & ipc::kFlagRestarted) != 0);
  CHECK(frames.back().kind == Kind::kPcmTurnEnd);
}

TEST_CASE("what was spoken is not spoken again when only the release was lost") {
  Bench bench;
  bench.segment(1, 0, "One");
  bench.work();
  bench.speaks(100);
  bench.work();
  bench.restart();
  bench.work();
  CHECK(bench.voice.begun.empty());
}

TEST_CASE("a voice that does not answer ends the process instead of being silent for ever") {
  Bench bench;
  bench.segment(1, 0, "One");
  bench.work();
  const Nanos deadline = bench.stage->next_deadline(bench.clock.now());
  REQUIRE(deadline != kNever);
  bench.clock.advance(deadline - bench.clock.now());
  CHECK_THROWS_AS(bench.stage->do_work(bench.clock.now()), Error);
}

TEST_CASE("the end of stream follows the last samples") {
  Bench bench;
  bench.segment(1, 0, "One");
  bench.end_of_stream();
  bench.work();
  CHECK_FALSE(bench.stage->finished());
  bench.speaks(100);
  bench.work();
  CHECK(bench.stage->finished());
  CHECK(bench.sent().back().kind == Kind::kEndOfStream);
}

TEST_CASE("a brain that is gone for good ends the stage, a player that is gone swallows everything") {
  Bench bench;
  bench.segment(1, 0, "One");
  bench.memory.close_producer("speech");
  bench.memory.close_consumer("pcm");
  bench.work();
  bench.speaks(2'000'000);
  bench.work();
  CHECK(bench.stage->finished());
}

TEST_CASE("a frame that is not understood is left out and counted") {
  Bench bench;
  REQUIRE(wire::send(bench.memory.into("speech"), wire::PcmTurnEnd{1, 0}, {}, {.turn = 1, .made_ns = 1}) ==
          ipc::PublishResult::kOk);
  bench.segment(1, 0, "One");
  bench.work();
  CHECK(bench.voice.begun.size() == 1);
  CHECK(bench.memory.counter("bad_frames") == 1);
}

}  // namespace prot::tts
