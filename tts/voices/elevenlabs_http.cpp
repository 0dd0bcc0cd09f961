#include <optional>
#include <utility>

#include "base/log.hpp"
#include "http/client.hpp"
#include "http/url.hpp"
#include "voices/elevenlabs_take.hpp"

namespace prot::tts {
namespace {

using namespace elevenlabs;

constexpr std::size_t kLongestLine = 16U << 20U;
constexpr std::int64_t kConnectMs = 2'000;
constexpr Nanos kLongestRetryAfter = 500 * kMillisecond;  // a person waits

/// Threads: the owner's; the transport has a worker, which calls `wake`. Invariant: at most one request is
/// under way. One that fails before the first sound is tried once more, if that can help.
class HttpVoice final : public Synthesizer {
 public:
  explicit HttpVoice(const ElevenLabsOptions& options)
      : options_(options),
        clock_(options.clock != nullptr ? *options.clock : steady_),
        url_(stream_url(options)),
        shown_(http::parse_url(url_).shown()),
        client_(options.wake) {}

  // Connects, so that the first words need not wait for it.
  void start() override {
    http::Request request;
    request.method = "GET";
    request.url = models_url(options_);
    request.headers = {{"xi-api-key", options_.api_key}};
    request.connect_timeout_ms = kConnectMs;
    request.total_timeout_ms = 2 * kConnectMs;
    (void)client_.start(std::move(request));  // what it answers, the first words will be told too
  }

  void begin(const SpeechRequest& request) override {
    segment_.emplace(Segment{request, fresh_take(request)});
    pieces_.clear();
    ask();
  }

  bool poll(Piece& piece) override {
    for (const http::Event& event : client_.poll()) take(event);
    if (segment_ && segment_->ask_at != kNever && clock_.now() >= segment_->ask_at) ask();
    if (pieces_.empty()) return false;
    piece = std::move(pieces_.front());
    pieces_.pop_front();
    return true;
  }

  void cancel() noexcept override {
    if (request_ != 0) client_.cancel(std::exchange(request_, 0));
    segment_.reset();
    pieces_.clear();
  }
  void stop() noexcept override { cancel(); }
  [[nodiscard]] Nanos next_deadline() const override { return segment_ ? segment_->ask_at : kNever; }
  // Without the model: the board has 47 characters for both languages.
  [[nodiscard]] std::string name() const override { return std::string(kElevenLabs); }

 private:
  struct Segment {
    SpeechRequest request;
    Take take;
    std::string line{};
    bool again = false;
    Nanos ask_at = kNever;
  };

  [[nodiscard]] Take fresh_take(const SpeechRequest& request) const {
    return {request.text, options_.rate, Take::Times::kFromStart, clock_.now()};
  }

  void ask() {
    segment_->ask_at = kNever;
    segment_->line.clear();
    segment_->take = fresh_take(segment_->request);
    http::Request request;
    request.url = url_;
    request.headers = {{"xi-api-key", options_.api_key}, {"content-type", "application/json"}};
    request.body = request_body(options_, segment_->request.text);
    request.connect_timeout_ms = kConnectMs;
    request.first_byte_timeout_ms = request.idle_timeout_ms = options_.timeout / kMillisecond;
    request_ = client_.start(std::move(request));
  }

  void take(const http::Event& event) {
    if (event.id != request_ || request_ == 0) return;
    switch (event.kind) {
      case http::Event::Kind::kStatus:
        return;
      case http::Event::Kind::kData:
        return take_data(event);
      case http::Event::Kind::kDone:
        request_ = 0;
        if (!segment_->line.empty()) take_line(segment_->line, event.at);
        if (!segment_ || segment_->ask_at != kNever) return;  // the last line was an error
        if (!segment_->take.has_audio()) return fail(VoiceError::kRetry, "no audio came", 0);
        segment_->take.finish(pieces_);
        segment_.reset();
        return;
      case http::Event::Kind::kError:
        request_ = 0;
        return fail(error_of(event.error_class, event.data), event.message, event.retry_after);
    }
  }

  void take_data(const http::Event& event) {
    std::string_view data = event.data;
    while (!data.empty() && request_ != 0) {
      const std::size_t end = data.find('\n');
      segment_->line += data.substr(0, end);
      if (segment_->line.size() > kLongestLine) return fail(VoiceError::kFatal, "a line is too long", 0);
      if (end == std::string_view::npos) return;
      data.remove_prefix(end + 1);
      take_line(std::exchange(segment_->line, {}), event.at);
    }
  }

  void take_line(const std::string& line, Nanos at) {
    if (line.find_first_not_of(" \r\t") == std::string::npos) return;
    const Chunk chunk = parse(line);
    if (chunk.error != VoiceError::kNone) return fail(chunk.error, shown_ + ": " + chunk.message, 0);
    segment_->take.take(chunk, at, pieces_);
  }

  void fail(VoiceError error, const std::string& why, Nanos retry_after) {
    if (request_ != 0) client_.cancel(std::exchange(request_, 0));
    const bool soon = error == VoiceError::kRetry && retry_after <= kLongestRetryAfter;
    if (soon && !segment_->again && !segment_->take.has_audio()) {
      log_warn("{}; asking again", why);
      segment_->again = true;
      segment_->ask_at = clock_.now() + retry_after;
      return;
    }
    Piece failed = segment_->take.piece(Piece::Kind::kFailed);
    failed.error = error == VoiceError::kRetry ? VoiceError::kUnavailable : error;
    failed.message = name() + ": " + why;
    pieces_.push_back(std::move(failed));
    segment_.reset();
  }

  const ElevenLabsOptions options_;
  SteadyClock steady_;
  const Clock& clock_;
  const std::string url_;
  const std::string shown_;
  http::RequestId request_ = 0;  // under way; 0: none
  std::optional<Segment> segment_;
  std::deque<Piece> pieces_;
  http::Client client_;  // last: its worker wakes the owner of all this
};

}  // namespace

std::unique_ptr<Synthesizer> make_elevenlabs_http_voice(const ElevenLabsOptions& options) {
  return std::make_unique<HttpVoice>(options);
}

}  // namespace prot::tts
