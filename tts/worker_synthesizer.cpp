#include "worker_synthesizer.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "base/error.hpp"
#include "base/log.hpp"

namespace prot::tts {
namespace {
constexpr auto kEndWithin = std::chrono::seconds(1);
}

const char* to_string(VoiceError error) noexcept {
  switch (error) {
    case VoiceError::kNone:
      return "none";
    case VoiceError::kRetry:
      return "retry";
    case VoiceError::kAuth:
      return "auth";
    case VoiceError::kQuota:
      return "quota";
    case VoiceError::kUnavailable:
      return "unavailable";
    case VoiceError::kFatal:
      return "fatal";
  }
  return "unknown";
}

/// What the loop and the worker have in common. The thread owns it jointly: one that hangs in its engine is
/// left behind with it.
struct WorkerSynthesizer::Shared {
  std::unique_ptr<Voice> voice;
  const ipc::Doorbell* bell;
  const Clock* clock;

  std::mutex mutex;  // guards what follows
  std::condition_variable changed;
  std::optional<SpeechRequest> next;
  std::deque<Piece> pieces;
  bool speaking = false;
  bool loaded = false;
  bool ending = false;
  bool ended = false;
  std::atomic<std::uint64_t> number{0};  // of the newest request; pieces of older ones are void

  void put(Piece piece, std::uint64_t of) {
    const std::scoped_lock lock(mutex);
    if (of != number) return;
    pieces.push_back(std::move(piece));
    if (bell != nullptr) bell->ring();
  }
  void speak(const SpeechRequest& request, std::uint64_t number);
};

// Passes on what the voice makes, unless the request has been given up.
class WorkerSynthesizer::Collector final : public VoiceOutput {
 public:
  Collector(Shared& shared, std::uint64_t number, Nanos began_ns)
      : shared_(&shared), number_(number), began_ns_(began_ns) {}

  void align(std::vector<wire::AlignPoint> points) override {
    if (cancelled()) return;
    Piece piece = make(Piece::Kind::kAlignment);
    piece.alignment = std::move(points);
    shared_->put(std::move(piece), number_);
  }
  void samples(std::vector<std::int16_t> samples) override {
    if (samples.empty() || cancelled()) return;
    if (first_audio_ns_ == 0) first_audio_ns_ = shared_->clock->now();
    Piece piece = make(Piece::Kind::kSamples);
    piece.samples = std::move(samples);
    shared_->put(std::move(piece), number_);
  }
  [[nodiscard]] bool cancelled() const noexcept override { return shared_->number.load() != number_; }

  [[nodiscard]] Piece make(Piece::Kind kind) const {
    Piece piece;
    piece.kind = kind;
    piece.rate = shared_->voice->rate();
    piece.began_ns = began_ns_;
    piece.first_audio_ns = first_audio_ns_;
    return piece;
  }

 private:
  Shared* shared_;
  std::uint64_t number_;
  Nanos began_ns_;
  Nanos first_audio_ns_ = 0;
};

void WorkerSynthesizer::Shared::speak(const SpeechRequest& request, std::uint64_t of) {
  Collector collector(*this, of, clock->now());
  try {
    if (!loaded) {
      voice->load();
      const std::scoped_lock lock(mutex);
      loaded = true;
    }
    voice->speak(request, collector);
    put(collector.make(Piece::Kind::kDone), of);
  } catch (const std::exception& error) {
    Piece piece = collector.make(Piece::Kind::kFailed);
    piece.error = VoiceError::kFatal;
    piece.message = voice->name() + ": " + full_message(error);
    put(std::move(piece), of);
  }
}

WorkerSynthesizer::WorkerSynthesizer(std::unique_ptr<Voice> voice, const ipc::Doorbell* bell,
                                     const Clock& clock)
    : shared_(std::make_shared<Shared>()) {
  shared_->voice = std::move(voice);
  shared_->bell = bell;
  shared_->clock = &clock;
}

WorkerSynthesizer::~WorkerSynthesizer() { stop(); }

void WorkerSynthesizer::start() {
  if (shared_->loaded || running_) return;
  shared_->voice->load();
  shared_->loaded = true;
}

void WorkerSynthesizer::run() {
  if (running_) return;
  std::thread([shared = shared_] { work(shared); }).detach();
  running_ = true;
}

void WorkerSynthesizer::begin(const SpeechRequest& request) {
  run();
  const std::scoped_lock lock(shared_->mutex);
  shared_->pieces.clear();
  ++shared_->number;
  shared_->next = request;
  shared_->changed.notify_all();
}

bool WorkerSynthesizer::poll(Piece& piece) {
  const std::scoped_lock lock(shared_->mutex);
  if (shared_->pieces.empty()) return false;
  piece = std::move(shared_->pieces.front());
  shared_->pieces.pop_front();
  return true;
}

void WorkerSynthesizer::cancel() noexcept {
  const std::scoped_lock lock(shared_->mutex);
  ++shared_->number;
  shared_->next.reset();
  shared_->pieces.clear();
  if (shared_->speaking && shared_->loaded) shared_->voice->interrupt();  // it is not one while it is loaded
}

void WorkerSynthesizer::stop() noexcept {
  if (!running_) return;
  running_ = false;
  cancel();
  std::unique_lock lock(shared_->mutex);
  shared_->ending = true;
  shared_->changed.notify_all();
  if (!shared_->changed.wait_for(lock, kEndWithin, [this] { return shared_->ended; }))
    log_warn("{}: it does not end; leaving it behind", shared_->voice->name());
}

bool WorkerSynthesizer::idle() const {
  const std::scoped_lock lock(shared_->mutex);
  return !shared_->speaking;
}

std::string WorkerSynthesizer::name() const { return shared_->voice->name(); }

void WorkerSynthesizer::work(const std::shared_ptr<Shared>& shared) {
  for (;;) {
    SpeechRequest request;
    std::uint64_t number = 0;
    {
      std::unique_lock lock(shared->mutex);
      shared->speaking = false;
      shared->changed.wait(lock, [&] { return shared->ending || shared->next.has_value(); });
      if (shared->ending) break;
      request = std::move(*shared->next);
      shared->next.reset();
      number = shared->number;
      shared->speaking = true;
    }
    shared->speak(request, number);
  }
  const std::scoped_lock lock(shared->mutex);
  shared->ended = true;
  shared->changed.notify_all();
}

}  // namespace prot::tts
