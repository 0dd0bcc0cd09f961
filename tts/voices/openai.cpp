#include "voices/openai.hpp"

#include <algorithm>
#include <cctype>
#include <optional>
#include <utility>

#include "base/error.hpp"
#include "http/url.hpp"
#include "json/json.hpp"
#include "voices/http_voice.hpp"
#include "voices/paced_take.hpp"
#include "voices/service_failure.hpp"
#include "voices/wav_stream.hpp"

namespace prot::tts {
namespace {

constexpr std::size_t kLongestError = 4096;
// What servers call samples: half of them do not say.
constexpr std::string_view kSampleTypes[] = {
    "audio/pcm", "audio/x-pcm", "audio/l16", "audio/raw", "application/octet-stream", "binary/octet-stream",
    ""};
constexpr std::string_view kWavTypes[] = {"audio/wav", "audio/x-wav", "audio/wave", "audio/vnd.wave"};

/// Threads: as HttpVoice.
///
///   what comes                        | is
///   bytes of the format               | sound
///   WAV where samples were asked for  | its samples, at its rate
///   another type under status 200     | an error: JSON, a page, or sound in a coding that nobody asked for
///   the end behind sound              | kDone
///   the end without sound, a failure, | asked once more before the first sound, else kFailed
///   or nothing for the time           |
class OpenAiVoice final : public HttpVoice {
 public:
  // start(): the first request connects, to ask for less costs as much.
  explicit OpenAiVoice(const OpenAiVoiceOptions& options)
      : HttpVoice(kOpenAi, options.clock, {options.connect_timeout, options.timeout}, options.wake),
        options_(options),
        shown_(http::shown_url(options.url)) {}

 private:
  std::optional<http::Request> make_request() override {
    take_ = PacedTake(request().text, began(), pace_);
    error_.clear();
    is_error_ = false;
    head_.reset();
    if (options_.format == "wav") {
      head_.emplace();
    } else if (!take_.set_format(options_.rate, 1)) {
      fail(VoiceError::kFatal, "no voice has the rate " + std::to_string(options_.rate));
      return std::nullopt;
    }
    http::Request made;
    made.url = options_.url;
    made.headers = {{"content-type", "application/json"}};
    if (!options_.api_key.empty()) made.headers.emplace_back("authorization", "Bearer " + options_.api_key);
    made.body = body();
    return made;
  }

  [[nodiscard]] std::string body() const {
    json::Writer writer;
    writer.begin_object()
        .member("model", options_.model)
        .member("input", request().text)
        .member("voice", options_.voice)
        .member("response_format", options_.format);
    if (options_.speed != 1) writer.member("speed", options_.speed);
    if (!options_.instructions.empty()) writer.member("instructions", options_.instructions);
    return writer.end_object().str();
  }

  // Of what does not say what it is only samples are expected.
  void take_headers(const http::Headers& headers) override {
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
      if (!head_) head_.emplace();
    } else {
      is_error_ = !is_one_of(kSampleTypes);
    }
  }

  void take_data(std::string_view data, Nanos at) override {
    if (is_error_) {
      error_.append(data.substr(0, kLongestError - std::min(kLongestError, error_.size())));
      return;
    }
    if (!head_) return take_.take(data, at, pieces());
    try {
      const std::optional<std::string> samples = head_->push(data);
      if (!samples) return;
      const WavHead::Format format = head_->format();
      if (format.bits != 16 || !take_.set_format(format.rate, format.channels))
        return fail(VoiceError::kFatal, shown_ + ": its samples are not 16 bits of one or two channels");
      head_.reset();
      take_.take(*samples, at, pieces());
    } catch (const Error& error) {
      fail(VoiceError::kRetry, shown_ + ": " + error.what());
    }
  }

  void take_end(Nanos /*at*/) override {
    if (is_error_) {
      const std::string name = http::error_name(error_);
      const http::ErrorClass known = http::classify_status(429, error_, false);
      return fail(known == http::ErrorClass::kQuota ? VoiceError::kQuota : VoiceError::kRetry,
                  shown_ + ": an error instead of sound" + (name.empty() ? "" : " (" + name + ")"));
    }
    if (!take_.has_audio()) return fail(VoiceError::kRetry, shown_ + ": no audio came");
    take_.finish(pieces());
    finished();
  }

  [[nodiscard]] VoiceError error_of(const http::Event& error) const override {
    return failure_of(error.error_class);
  }
  [[nodiscard]] bool has_audio() const override { return take_.has_audio(); }
  [[nodiscard]] Piece piece(Piece::Kind kind) const override { return take_.piece(kind); }

  const OpenAiVoiceOptions options_;
  const std::string shown_;
  Pace pace_;
  PacedTake take_{{}, 0, pace_};
  std::optional<WavHead> head_;  // until its samples begin
  std::string error_;            // the body that is none of sound
  bool is_error_ = false;
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
