// A player whose loop is late with what it plays, as on a full machine, or dead.
#include <doctest/doctest.h>

#include "tests/capture/capture_bench.hpp"
#include "wire/speech_out.hpp"

namespace prot::capture {
namespace {

constexpr std::int16_t kVoice = 8000;
constexpr std::size_t kFrame = wire::kMicRate / 100;
constexpr Nanos kFrameTime = 10 * kMillisecond;
constexpr Nanos kAhead = 100 * kMillisecond;

/// Takes the far end away as it is.
class Subtraction final : public EchoCanceller {
 public:
  void process(std::span<std::int16_t, kEchoBlock> near,
               std::span<const std::int16_t, kEchoBlock> far) noexcept override {
    for (std::size_t i = 0; i < near.size(); ++i) near[i] = static_cast<std::int16_t>(near[i] - far[i]);
  }
  void reset() noexcept override {}
  std::size_t delay() const noexcept override { return 0; }
  std::string_view name() const noexcept override { return "subtraction"; }
};

struct Scene : Bench {
  Nanos told = 0;  // player has said what it plays until then

  Scene() : Bench({"capture.vad_threshold_speaking=0.5"}) {
    stage.reset();
    context.reset();
    context = run.attach();
    stage = std::make_unique<CaptureStage>(*context, std::make_unique<FakeFeed>(device),
                                           std::make_unique<FakeDetector>(), nullptr,
                                           std::make_unique<Subtraction>());
    stage->start();
  }
  void announce(std::uint32_t turn = 0) { send({}, clock.now(), turn); }
  /// Player tells that it plays until `until`.
  void tell(Nanos until, std::int16_t level = kVoice) {
    std::vector<std::int16_t> frame(kFrame, level);
    for (; told < until; told += kFrameTime) send(frame, told);
  }
  void send(std::span<const std::int16_t> frame, Nanos at, std::uint32_t turn = 0) {
    const wire::Echo head{wire::kMicRate, static_cast<std::uint32_t>(frame.size())};
    REQUIRE(wire::send(run.into("echo"), head, wire::as_bytes(frame), {.turn = turn, .made_ns = at}) ==
            ipc::PublishResult::kOk);
  }
  /// Prot speaks for so many windows, and the canceller gets to know the room.
  void reply_in_time(int windows) {
    told = clock.now();
    announce();
    for (int i = 0; i < windows; ++i) {
      tell(clock.now() + kAhead);
      play(1, kVoice);
    }
    over();
  }
  void over() {
    tell(told + 2 * kFrameTime, 0);
    play(30, kQuiet);
  }
};

TEST_CASE("the microphone waits for what player has announced, and prot is not taken for a person") {
  Scene scene;
  scene.reply_in_time(40);
  CHECK(scene.hearing().empty());
  const std::uint64_t before = scene.run.counter("windows");

  const Nanos begin = scene.clock.now();
  scene.announce();
  scene.play(8, kVoice);
  CHECK(scene.run.counter("windows") == before);
  scene.told = begin;
  scene.tell(scene.clock.now() + kAhead);
  scene.settle();
  CHECK(scene.run.counter("windows") == before + 8);
  scene.over();
  CHECK(scene.hearing().empty());
  CHECK(scene.run.counter("echo_missed") == 0);

  // What nobody announced is a person.
  scene.play(8, kVoice);
  CHECK(scene.hearing().starts_with("started"));
}

TEST_CASE("samples that come late in the middle of a reply are waited for as well") {
  Scene scene;
  scene.reply_in_time(40);
  scene.told = scene.clock.now();
  scene.announce();
  for (int round = 0; round < 4; ++round) {
    scene.tell(scene.clock.now() + kAhead);
    scene.play(9, kVoice);  // then nothing is told for nearly 300 ms
    scene.tell(scene.clock.now() + kAhead);
    scene.play(1, kVoice);
  }
  scene.over();
  CHECK(scene.hearing().empty());
}

TEST_CASE("a sentence that is late behind the pause before it is waited for") {
  Scene scene;
  scene.reply_in_time(40);
  scene.told = scene.clock.now();
  scene.announce();
  scene.tell(scene.clock.now() + kAhead);
  scene.play(3, kVoice);
  for (int i = 0; i < 20; ++i) {  // a pause of 200 ms
    scene.announce();
    scene.tell(scene.told + kFrameTime, 0);
  }
  scene.play(6, kQuiet);
  const std::uint64_t before = scene.run.counter("windows");
  scene.play(7, kVoice);  // its begin is not told yet
  CHECK(scene.run.counter("windows") < before + 7);
  scene.tell(scene.clock.now() + kAhead);
  scene.over();
  CHECK(scene.hearing().empty());
  CHECK(scene.run.counter("echo_missed") == 0);
}

TEST_CASE("a player that dies behind its announcement holds nobody up for long, and interrupts nobody") {
  Scene scene;
  scene.reply_in_time(40);
  scene.announce();
  scene.play(10, kVoice);  // what its device still plays; 320 ms
  scene.play(10, kQuiet);
  CHECK(scene.hearing().empty());
  CHECK(scene.run.counter("echo_missed") > 0);
  const std::uint64_t before = scene.run.counter("windows");
  scene.play(8, kVoice);
  CHECK(scene.run.counter("windows") == before + 8);
  CHECK(scene.hearing().starts_with("started"));
}

TEST_CASE("an announced reply that is held, or was cancelled, makes nobody deaf to who is speaking") {
  for (const bool held : {true, false}) {
    CAPTURE(held);
    Scene scene;
    scene.reply_in_time(40);
    scene.play(10, kLoud);
    CHECK(scene.hearing() == "started1 confirmed1");
    ipc::ConversationPage& page = scene.run.board_of("brain").conversation();
    if (held) page.hold_until_ns = scene.clock.now() + 2 * kSecond;
    scene.announce(7);
    if (!held) page.cancelled_turn = 7;
    const std::uint64_t before = scene.run.counter("windows");
    for (int i = 0; i < 20; ++i) {
      scene.play(1, kLoud);
      CHECK(scene.run.counter("windows") == before + static_cast<std::uint64_t>(i) + 1);
    }
    CHECK(scene.hearing().empty());
    CHECK(scene.run.counter("echo_missed") == 0);
  }
}

TEST_CASE("after the hold what is announced again is waited for") {
  Scene scene;
  scene.reply_in_time(40);
  ipc::ConversationPage& page = scene.run.board_of("brain").conversation();
  page.hold_until_ns = scene.clock.now() + 2 * kSecond;
  scene.announce(7);
  scene.play(4, kQuiet);
  page.hold_until_ns = 0;
  scene.announce(7);
  const Nanos begin = scene.clock.now();
  const std::uint64_t before = scene.run.counter("windows");
  scene.play(6, kVoice);
  CHECK(scene.run.counter("windows") == before);
  scene.told = begin;
  scene.tell(scene.clock.now() + kAhead);
  scene.over();
  CHECK(scene.hearing().empty());
  CHECK(scene.run.counter("echo_missed") == 0);
}

TEST_CASE("a hold does not end the wait for what has begun: the device's buffer is heard through it") {
  Scene scene;
  scene.reply_in_time(40);
  const Nanos begin = scene.clock.now();
  scene.announce(7);
  scene.told = begin;
  scene.tell(begin + kAhead);
  scene.play(4, kVoice);  // 28 ms of it are late
  scene.run.board_of("brain").conversation().hold_until_ns = scene.clock.now() + 2 * kSecond;
  const std::uint64_t before = scene.run.counter("windows");
  scene.play(1, kVoice);
  CHECK(scene.run.counter("windows") == before);
  scene.tell(scene.clock.now());
  scene.over();
  CHECK(scene.hearing().empty());
}

TEST_CASE("silence between two replies is not waited for") {
  Scene scene;
  scene.reply_in_time(40);
  const std::uint64_t before = scene.run.counter("windows");
  scene.play(1, kQuiet);
  CHECK(scene.run.counter("windows") == before + 1);
  CHECK(scene.stage->next_deadline(scene.clock.now()) > scene.clock.now() + kSecond);
}

}  // namespace
}  // namespace prot::capture
