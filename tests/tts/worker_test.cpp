#include <doctest/doctest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>

#include "base/error.hpp"
#include "voice_bench.hpp"
#include "word_timing.hpp"

namespace prot::tts::test {
namespace {

const SteadyClock kClock;
constexpr std::size_t kLead = 16 * kLeadMs;  // samples

/// Speaks until it is interrupted, or fails.
class StubbornVoice final : public Voice {
 public:
  explicit StubbornVoice(std::atomic<int>& interrupts) : interrupts_(&interrupts) {}
  void load() override {}
  void speak(const SpeechRequest& request, VoiceOutput& output) override {
    if (request.text == "fail") throw Error("it is broken");
    if (request.text == "short") return output.samples({1, 2, 3});
    while (!output.cancelled()) output.samples({1});
  }
  void interrupt() noexcept override { ++*interrupts_; }
  [[nodiscard]] unsigned rate() const noexcept override { return 8000; }
  [[nodiscard]] std::string name() const override { return "stubborn"; }

 private:
  std::atomic<int>* interrupts_;
};

}  // namespace

TEST_CASE("the tone voice is the same every time, one tone a word, exactly aligned") {
  const ipc::Doorbell bell = ipc::Doorbell::create();
  WorkerSynthesizer voice(make_voice("tone", {}), &bell, kClock);
  voice.start();
  voice.begin({1, 0, "one two three", "en"});
  const Spoken first = listen(voice, bell);
  voice.begin({1, 1, "one two three", "en"});
  const Spoken second = listen(voice, bell);
  REQUIRE(first.ended);
  CHECK(first.end.kind == Piece::Kind::kDone);
  CHECK(first.samples == second.samples);
  CHECK(first.samples.size() == kLead + 3 * 3200);
  REQUIRE(first.alignment.size() == 3);
  CHECK(first.alignment[1].byte == 7);
  CHECK(first.alignment[1].sample == kLead + 3200 + 2560 - 160);
  CHECK(is_sound(first, 13));
}

TEST_CASE("a request that was given up leaves nothing behind") {
  std::atomic<int> interrupts{0};
  const ipc::Doorbell bell = ipc::Doorbell::create();
  WorkerSynthesizer voice(std::make_unique<StubbornVoice>(interrupts), &bell, kClock);
  voice.start();
  voice.begin({1, 0, "for ever", "en"});
  Piece piece;
  while (!voice.poll(piece)) {
    pollfd ready{bell.fd(), POLLIN, 0};
    REQUIRE(::poll(&ready, 1, 10'000) == 1);
  }
  voice.cancel();
  CHECK_FALSE(voice.poll(piece));
  CHECK(interrupts == 1);
  voice.begin({2, 0, "short", "en"});
  const Spoken next = listen(voice, bell);
  CHECK(next.samples == std::vector<std::int16_t>{1, 2, 3});
  CHECK(next.end.kind == Piece::Kind::kDone);
}

TEST_CASE("an engine that fails says so and can be used again") {
  std::atomic<int> interrupts{0};
  const ipc::Doorbell bell = ipc::Doorbell::create();
  WorkerSynthesizer voice(std::make_unique<StubbornVoice>(interrupts), &bell, kClock);
  voice.start();
  voice.begin({1, 0, "fail", "en"});
  const Spoken failed = listen(voice, bell);
  CHECK(failed.end.kind == Piece::Kind::kFailed);
  CHECK(failed.end.message == "stubborn: it is broken");
  voice.begin({1, 1, "short", "en"});
  CHECK(listen(voice, bell).samples.size() == 3);
}

TEST_CASE("a worker that speaks is stopped without waiting for its end") {
  std::atomic<int> interrupts{0};
  const ipc::Doorbell bell = ipc::Doorbell::create();
  WorkerSynthesizer voice(std::make_unique<StubbornVoice>(interrupts), &bell, kClock);
  voice.start();
  voice.begin({1, 0, "for ever", "en"});
  voice.stop();
  voice.stop();
  Piece piece;
  CHECK_FALSE(voice.poll(piece));
}

TEST_CASE("an engine that does not load is loaded by the next request") {
  class Late final : public Voice {
   public:
    void load() override {
      if (++loads_ < 3) throw Error("the file is missing");
    }
    void speak(const SpeechRequest& /*request*/, VoiceOutput& output) override { output.samples({1, 2}); }
    [[nodiscard]] unsigned rate() const noexcept override { return 8000; }
    [[nodiscard]] std::string name() const override { return "late"; }

   private:
    int loads_ = 0;
  };
  const ipc::Doorbell bell = ipc::Doorbell::create();
  WorkerSynthesizer voice(std::make_unique<Late>(), &bell, kClock);
  CHECK_THROWS_AS(voice.start(), Error);
  voice.begin({1, 0, "a", "en"});
  CHECK(listen(voice, bell).end.message == "late: the file is missing");
  voice.begin({1, 0, "a", "en"});
  CHECK(listen(voice, bell).samples.size() == 2);
  voice.begin({1, 1, "a", "en"});
  CHECK(listen(voice, bell).end.kind == Piece::Kind::kDone);
}

TEST_CASE("an engine that hangs is left behind") {
  struct Gate {
    std::mutex mutex;
    std::condition_variable changed;
    bool open = false;
    bool inside = false;
  };
  class Hung final : public Voice {
   public:
    explicit Hung(std::shared_ptr<Gate> gate) : gate_(std::move(gate)) {}
    void load() override {}
    void speak(const SpeechRequest& /*request*/, VoiceOutput& output) override {
      const std::shared_ptr<Gate> gate = gate_;
      std::unique_lock lock(gate->mutex);
      gate->inside = true;
      gate->changed.notify_all();
      gate->changed.wait(lock, [&] { return gate->open; });
      output.samples({1});
    }
    [[nodiscard]] unsigned rate() const noexcept override { return 8000; }
    [[nodiscard]] std::string name() const override { return "hung"; }

   private:
    std::shared_ptr<Gate> gate_;
  };
  auto gate = std::make_shared<Gate>();
  std::optional<ipc::Doorbell> bell = ipc::Doorbell::create();
  {
    WorkerSynthesizer voice(std::make_unique<Hung>(gate), &*bell, kClock);
    voice.start();
    voice.begin({1, 0, "a", "en"});
    std::unique_lock lock(gate->mutex);
    gate->changed.wait(lock, [&] { return gate->inside; });
    voice.cancel();
    CHECK_FALSE(voice.idle());
    lock.unlock();
  }
  bell.reset();
  const std::scoped_lock lock(gate->mutex);
  gate->open = true;  // what it does now touches nothing that is gone
  gate->changed.notify_all();
}

TEST_CASE("a voice that is not known is refused with the names of all") {
  CHECK_THROWS_WITH_AS((void)make_voice("loud", {}), doctest::Contains("espeak, tone, null"), UsageError);
}

}  // namespace prot::tts::test
