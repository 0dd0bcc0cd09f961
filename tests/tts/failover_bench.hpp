#pragma once

#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "tts/failover_synthesizer.hpp"

namespace prot::tts::test {

inline constexpr Nanos kSilence = kSecond;

/// A voice whose pieces the test lays out by hand.
class FakeVoice final : public Synthesizer {
 public:
  explicit FakeVoice(std::string name) : name_(std::move(name)) {}
  void start() override {
    if (!loads) throw Error(name_ + ": the file is missing");
  }
  void begin(const SpeechRequest& request) override {
    begun.push_back(request);
    if (fails) pieces.push_back(failure());
  }
  bool poll(Piece& piece) override {
    if (pieces.empty()) return false;
    piece = std::move(pieces.front());
    pieces.pop_front();
    return true;
  }
  void cancel() noexcept override {
    ++cancelled;
    pieces.clear();
  }
  void stop() noexcept override {}
  [[nodiscard]] Nanos next_deadline() const override { return deadline; }
  [[nodiscard]] bool idle() const override { return !hangs; }
  [[nodiscard]] std::string name() const override { return name_; }

  void speaks() {
    Piece piece;
    piece.kind = Piece::Kind::kSamples;
    piece.rate = 8000;
    piece.samples = {1, 2, 3};
    pieces.push_back(piece);
  }
  void sounds(Nanos length) {
    speaks();
    pieces.back().samples.resize(static_cast<std::size_t>(length * 8000 / kSecond));
  }
  void ends() { pieces.emplace_back(); }
  [[nodiscard]] Piece failure() const {
    Piece piece;
    piece.kind = Piece::Kind::kFailed;
    piece.error = VoiceError::kFatal;
    piece.message = name_ + ": it is broken";
    return piece;
  }

  bool loads = true;
  bool fails = false;
  bool hangs = false;
  int cancelled = 0;
  Nanos deadline = kNever;
  std::vector<SpeechRequest> begun;
  std::deque<Piece> pieces;

 private:
  std::string name_;
};

struct Bench {
  Bench() { clock.advance(kSecond); }
  [[nodiscard]] std::vector<Piece::Kind> polled() {
    std::vector<Piece::Kind> kinds;
    Piece piece;
    while (voice.poll(piece)) {
      kinds.push_back(piece.kind);
      last = std::move(piece);
    }
    return kinds;
  }
  void begin(std::uint32_t turn, std::uint32_t segment = 0) { voice.begin({turn, segment, "Hello", "en"}); }

  FakeClock clock;
  std::shared_ptr<FakeVoice> first = std::make_shared<FakeVoice>("first");
  std::shared_ptr<FakeVoice> second = std::make_shared<FakeVoice>("second");
  FailoverSynthesizer voice{{{"en", {first, second}}}, "en", kSilence, clock};
  Piece last;
};

using Kind = Piece::Kind;
using Kinds = std::vector<Kind>;

}  // namespace prot::tts::test
