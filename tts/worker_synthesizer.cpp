#include "worker_synthesizer.hpp"

#include <utility>

#include "base/error.hpp"

namespace prot::tts {

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
    case VoiceError::kFatal:
      return "fatal";
  }
  return "unknown";
}

// Passes on what the voice makes, unless the request has been given up.
class WorkerSynthesizer::Collector final : public VoiceOutput {
 public:
  Collector(WorkerSynthesizer& owner, std::uint64_t number, unsigned rate)
      : owner_(&owner), number_(number), rate_(rate), began_ns_(owner.clock_->now()) {}

  void align(std::vector<wire::AlignPoint> points) override {
    Piece piece = make(Piece::Kind::kAlignment);
    piece.alignment = std::move(points);
    owner_->put(std::move(piece), number_);
  }
  void samples(std::vector<std::int16_t> samples) override {
    if (samples.empty()) return;
    if (first_audio_ns_ == 0) first_audio_ns_ = owner_->clock_->now();
    Piece piece = make(Piece::Kind::kSamples);
    piece.samples = std::move(samples);
    owner_->put(std::move(piece), number_);
  }
  [[nodiscard]] bool cancelled() const noexcept override { return owner_->number_.load() != number_; }

  [[nodiscard]] Piece make(Piece::Kind kind) const {
    Piece piece;
    piece.kind = kind;
    piece.rate = rate_;
    piece.began_ns = began_ns_;
    piece.first_audio_ns = first_audio_ns_;
    return piece;
  }

 private:
  WorkerSynthesizer* owner_;
  std::uint64_t number_;
  unsigned rate_;
  Nanos began_ns_;
  Nanos first_audio_ns_ = 0;
};

WorkerSynthesizer::WorkerSynthesizer(std::map<std::string, std::unique_ptr<Voice>> voices,
                                     std::string fallback, const ipc::Doorbell* bell, const Clock& clock)
    : voices_(std::move(voices)), fallback_(std::move(fallback)), bell_(bell), clock_(&clock) {
  if (voices_.count(fallback_) == 0) throw Error("bug: no voice for the language '" + fallback_ + "'");
}

WorkerSynthesizer::~WorkerSynthesizer() { stop(); }

void WorkerSynthesizer::start() {
  for (auto& [language, voice] : voices_) voice->load();
  thread_ = std::thread([this] { work(); });
}

void WorkerSynthesizer::begin(const SpeechRequest& request) {
  const std::scoped_lock lock(mutex_);
  pieces_.clear();
  ++number_;
  request_ = request;
  changed_.notify_one();
}

bool WorkerSynthesizer::poll(Piece& piece) {
  const std::scoped_lock lock(mutex_);
  if (pieces_.empty()) return false;
  piece = std::move(pieces_.front());
  pieces_.pop_front();
  return true;
}

void WorkerSynthesizer::cancel() noexcept {
  const std::scoped_lock lock(mutex_);
  ++number_;
  request_.reset();
  pieces_.clear();
  if (speaking_ != nullptr) speaking_->interrupt();
}

void WorkerSynthesizer::stop() noexcept {
  if (!thread_.joinable()) return;
  cancel();
  {
    const std::scoped_lock lock(mutex_);
    ending_ = true;
    changed_.notify_one();
  }
  thread_.join();
}

std::string WorkerSynthesizer::name() const {
  std::string names;
  for (const auto& [language, voice] : voices_) {
    if (!names.empty()) names += ", ";
    names += language + ": " + voice->name();
  }
  return names;
}

Voice& WorkerSynthesizer::voice_for(const std::string& language) const {
  const auto found = voices_.find(language);
  return found != voices_.end() ? *found->second : *voices_.at(fallback_);
}

void WorkerSynthesizer::work() {
  for (;;) {
    SpeechRequest request;
    std::uint64_t number = 0;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return ending_ || request_.has_value(); });
      if (ending_) return;
      request = std::move(*request_);
      request_.reset();
      number = number_;
      speaking_ = &voice_for(request.language);
    }
    speak(request, number);
    const std::scoped_lock lock(mutex_);
    speaking_ = nullptr;
  }
}

void WorkerSynthesizer::speak(const SpeechRequest& request, std::uint64_t number) {
  Voice& voice = voice_for(request.language);
  Collector collector(*this, number, voice.rate());
  try {
    voice.speak(request, collector);
    put(collector.make(Piece::Kind::kDone), number);
  } catch (const std::exception& error) {
    Piece piece = collector.make(Piece::Kind::kFailed);
    piece.error = VoiceError::kFatal;
    piece.message = voice.name() + ": " + full_message(error);
    put(std::move(piece), number);
  }
}

void WorkerSynthesizer::put(Piece piece, std::uint64_t number) {
  {
    const std::scoped_lock lock(mutex_);
    if (number != number_) return;
    pieces_.push_back(std::move(piece));
  }
  if (bell_ != nullptr) bell_->ring();
}

}  // namespace prot::tts
