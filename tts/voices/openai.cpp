#include "voices/openai.hpp"

#include <algorithm>
#include <cctype>
#include <deque>
#include <optional>
#include <utility>

#include "base/error.hpp"
#include "base/log.hpp"
#include "http/client.hpp"
#include "http/url.hpp"
#include "json/json.hpp"
#include "voices/paced_take.hpp"
#include "voices/wav_stream.hpp"

namespace prot::tts {
namespace {

constexpr std::int64_t kConnectMs = 2'000;
constexpr Nanos kLongestRetryAfter = 500 * kMillisecond;  // a person waits
constexpr std::size_t kLongestError = 4096;
// What servers call samples: half of them do not say.
constexpr std::string_view kSampleTypes[] = {
    "audio/pcm", "audio/x-pcm", "audio/l16", "audio/raw", "application/octet-stream", "binary/octet-stream",
    ""};
constexpr std::string_view kWavTypes[] = {"audio/wav", "audio/x-wav", "audio/wave", "audio/vnd.wave"};

VoiceError error_of(http::ErrorClass error) noexcept {
  switch (error) {
    case http::ErrorClass::kRetry:
    case http::ErrorClass::kOverloaded:
      return VoiceError::kRetry;
    case http::ErrorClass::kAuth:
      return VoiceError::kAuth;
    case http::ErrorClass::kQuota:
      return VoiceError::kQuota;
    case http::ErrorClass::kFatal:
      return VoiceError::kFatal;
  }
  return VoiceError::kFatal;
}

/// Threads: the owner's; the transport has a worker, which calls `wake`. Invariant: at most one request is
/// under way. One that fails before the first sound is tried once more, if that can help.
///
///   what comes                        | is
///   bytes of the format               | sound
///   WAV where samples were asked for  | its samples, at its rate
///   another type under status 200     | an error: JSON, a page, or sound in a coding that nobody asked for
///   the end behind sound              | kDone
///   the end without sound, a failure, | asked once more before the first sound, else kFailed
///   or nothing for the time           |
class OpenAiVoice final : public Synthesizer {
 public:
  explicit OpenAiVoice(const OpenAiVoiceOptions& options)
      : options_(options),
        clock_(options.clock != nullptr ? *options.clock : steady_),
        shown_(http::shown_url(options.url)),
        client_(options.wake) {}

  void start() override {}  // the first request connects: to ask for less costs as much

  void begin(const SpeechRequest& request) override {
    pieces_.clear();
    segment_.emplace(Segment{request, fresh_take(request)});
    ask();
  }

  bool poll(Piece& piece) override {
    // What waits to be polled keeps the rest on the network.
    if (pieces_.empty())
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
  [[nodiscard]] std::string name() const override { return std::string(kOpenAi); }

 private:
  struct Segment {
    SpeechRequest request;
    PacedTake take;
    std::optional<WavHead> head{};  // until its samples begin
    std::string error{};            // the body that is none of sound
    bool is_error = false;
    bool again = false;
    Nanos ask_at = kNever;
  };

  [[nodiscard]] PacedTake fresh_take(const SpeechRequest& request) {
    return {request.text, clock_.now(), pace_};
  }

  void ask() {
    segment_->ask_at = kNever;
    segment_->take = fresh_take(segment_->request);
    segment_->error.clear();
    segment_->is_error = false;
    segment_->head.reset();
    if (options_.format == "wav")
      segment_->head.emplace();
    else if (!segment_->take.set_format(options_.rate, 1))
      return fail(VoiceError::kFatal, "no voice has the rate " + std::to_string(options_.rate), 0);
    http::Request request;
    request.url = options_.url;
    request.headers = {{"content-type", "application/json"}};
    if (!options_.api_key.empty())
      request.headers.emplace_back("authorization", "Bearer " + options_.api_key);
    request.body = body();
    request.connect_timeout_ms = kConnectMs;
    request.first_byte_timeout_ms = request.idle_timeout_ms = options_.timeout / kMillisecond;
    request_ = client_.start(std::move(request));
  }

  [[nodiscard]] std::string body() const {
    json::Writer writer;
    writer.begin_object()
        .member("model", options_.model)
        .member("input", segment_->request.text)
        .member("voice", options_.voice)
        .member("response_format", options_.format);
    if (options_.speed != 1) writer.member("speed", options_.speed);
    if (!options_.instructions.empty()) writer.member("instructions", options_.instructions);
    return writer.end_object().str();
  }

  void take(const http::Event& event) {
    if (event.id != request_ || request_ == 0) return;
    switch (event.kind) {
      case http::Event::Kind::kStatus:
        look_at(event.headers);
        return;
      case http::Event::Kind::kData:
        return take_data(event);
      case http::Event::Kind::kDone:
        request_ = 0;
        return take_end();
      case http::Event::Kind::kError:
        request_ = 0;
        return fail(error_of(event.error_class), event.message, event.retry_after);
    }
  }

  // Of what does not say what it is only samples are expected.
  void look_at(const http::Headers& headers) {
    const auto header = std::find_if(headers.begin(), headers.end(),
                                     [](const auto& one) { return one.first == "content-type"; });
    if (header == headers.end()) return;
    std::string type = header->second.substr(0, header->second.find_first_of("; "));
    std::transform(type.begin(), type.end(), type.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    const auto is_one_of = [&](const auto& types) {
      return std::find(std::begin(types), std::end(types), type) != std::end(types);
    };
    if (is_one_of(kWavTypes)) {
      if (!segment_->head) segment_->head.emplace();
    } else {
      segment_->is_error = !is_one_of(kSampleTypes);
    }
  }

  void take_data(const http::Event& event) {
    if (segment_->is_error) {
      segment_->error.append(event.data, 0, kLongestError - std::min(kLongestError, segment_->error.size()));
      return;
    }
    if (!segment_->head) return segment_->take.take(event.data, event.at, pieces_);
    try {
      const std::optional<std::string> samples = segment_->head->push(event.data);
      if (!samples) return;
      const WavHead::Format format = segment_->head->format();
      if (format.bits != 16 || !segment_->take.set_format(format.rate, format.channels))
        return fail(VoiceError::kFatal, shown_ + ": its samples are not 16 bits of one or two channels", 0);
      segment_->head.reset();
      segment_->take.take(*samples, event.at, pieces_);
    } catch (const Error& error) {
      fail(VoiceError::kRetry, shown_ + ": " + error.what(), 0);
    }
  }

  void take_end() {
    if (segment_->is_error) {
      const std::string name = http::error_name(segment_->error);
      const http::ErrorClass known = http::classify_status(429, segment_->error, false);
      return fail(known == http::ErrorClass::kQuota ? VoiceError::kQuota : VoiceError::kRetry,
                  shown_ + ": an error instead of sound" + (name.empty() ? "" : " (" + name + ")"), 0);
    }
    if (!segment_->take.has_audio()) return fail(VoiceError::kRetry, shown_ + ": no audio came", 0);
    segment_->take.finish(pieces_);
    segment_.reset();
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

  const OpenAiVoiceOptions options_;
  SteadyClock steady_;
  const Clock& clock_;
  const std::string shown_;
  Pace pace_;
  http::RequestId request_ = 0;  // under way; 0: none
  std::optional<Segment> segment_;
  std::deque<Piece> pieces_;
  http::Client client_;  // last: its worker wakes the owner of all this
};

}  // namespace

std::unique_ptr<Synthesizer> make_openai_voice(const OpenAiVoiceOptions& options) {
  return std::make_unique<OpenAiVoice>(options);
}

std::string speech_endpoint(const std::string& url, bool plain_allowed) {
  const bool plain = url.starts_with("http://");
  if (!plain && !url.starts_with("https://"))
    throw UsageError("tts.openai_url: it is the address of a service, as https://HOST/v1");
  if (http::parse_url(url).is_exposed() && !plain_allowed)
    throw UsageError(
        "tts.openai_url: " + http::shown_url(url) +
        " would get what is said unencrypted; use https, or allow it with tts.plain_http = true");
  std::string base = url;
  while (base.ends_with('/')) base.pop_back();
  if (base.ends_with("/audio/speech")) return base;
  return http::service_url(std::move(base), "/audio/speech");
}

}  // namespace prot::tts
