#include <utility>

#include "base/log.hpp"
#include "http/masking.hpp"
#include "http/url.hpp"
#include "voices/elevenlabs_take.hpp"
#include "voices/http_voice.hpp"

namespace prot::tts {
namespace {

using namespace elevenlabs;

constexpr std::size_t kLongestLine = 16U << 20U;

/// Lines of JSON with sound and its characters' times. Threads: as HttpVoice.
class ElevenLabsHttpVoice final : public HttpVoice {
 public:
  explicit ElevenLabsHttpVoice(const ElevenLabsOptions& options)
      : HttpVoice(kElevenLabs, options.clock, {options.connect_timeout, options.timeout}, options.wake),
        options_(options),
        url_(stream_url(options)),
        shown_(http::parse_url(url_).shown()) {}

  void start() override {
    http::Request made;
    made.url = models_url(options_);
    made.headers = {{"xi-api-key", options_.api_key}};
    connect(std::move(made));
  }

 private:
  std::optional<http::Request> make_request() override {
    line_.clear();
    take_ = Take(request().text, options_.rate, Take::Times::kFromStart, began());
    http::Request made;
    made.url = url_;
    made.headers = {{"xi-api-key", options_.api_key}, {"content-type", "application/json"}};
    made.body = request_body(options_, request().text);
    return made;
  }

  void take_data(std::string_view data, Nanos at) override {
    while (!data.empty() && is_asked()) {
      const std::size_t end = data.find('\n');
      line_ += data.substr(0, end);
      if (line_.size() > kLongestLine) return fail(VoiceError::kFatal, "a line is too long");
      if (end == std::string_view::npos) return;
      data.remove_prefix(end + 1);
      take_line(std::exchange(line_, {}), at);
    }
  }

  void take_end(Nanos at) override {
    if (!line_.empty()) take_line(line_, at);
    if (!is_expected()) return;  // the last line was an error
    if (!take_.has_audio()) return fail(VoiceError::kRetry, "no audio came");
    take_.finish(pieces());
    finished();
  }

  void take_line(const std::string& line, Nanos at) {
    if (line.find_first_not_of(" \r\t") == std::string::npos) return;
    const Chunk chunk = parse(line);
    if (chunk.error != VoiceError::kNone) {
      log_content("{}: {}", shown_,
                  http::masked(line, {{"xi-api-key", options_.api_key}}, url_).substr(0, 1000));
      return fail(chunk.error, shown_ + ": " + chunk.message);
    }
    take_.take(chunk, at, pieces());
  }

  [[nodiscard]] VoiceError error_of(const http::Event& error) const override {
    return elevenlabs::error_of(error.error_class, error.data);
  }
  [[nodiscard]] bool has_audio() const override { return take_.has_audio(); }
  [[nodiscard]] Piece piece(Piece::Kind kind) const override { return take_.piece(kind); }

  const ElevenLabsOptions options_;
  const std::string url_;
  const std::string shown_;
  std::string line_;
  Take take_{{}, 0, Take::Times::kFromStart, 0};
};

}  // namespace

std::unique_ptr<Synthesizer> make_elevenlabs_http_voice(const ElevenLabsOptions& options) {
  return std::make_unique<ElevenLabsHttpVoice>(options);
}

}  // namespace prot::tts
