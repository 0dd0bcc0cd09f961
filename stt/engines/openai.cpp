#include <algorithm>
#include <bit>
#include <cstdlib>
#include <span>
#include <utility>

#include "audio/wav_head.hpp"
#include "base/error.hpp"
#include "base/log.hpp"
#include "engines/backends.hpp"
#include "engines/service_failure.hpp"
#include "engines/transcription.hpp"
#include "http/client.hpp"
#include "http/url.hpp"
#include "known_names.hpp"
#include "service_url.hpp"

namespace prot::stt {
namespace {

constexpr std::uint32_t kRate = 16000;
constexpr std::size_t kShortest = 3200;  // samples: services refuse less than 0.1 s
constexpr int kInaudible = 32;           // largest sample
constexpr std::size_t kLongestAnswer = 1U << 20U;
constexpr std::size_t kPromptTokens = 150;  // OpenAI and whisper use the last 224

static_assert(std::endian::native == std::endian::little);  // samples as they are

// 16 kHz, mono, 16 bit, with its true sizes.
std::string wav_file(const std::vector<std::int16_t>& samples) {
  const std::span<const std::byte> bytes = std::as_bytes(std::span(samples));
  return audio::wav_head({kRate, 1}, static_cast<std::uint32_t>(bytes.size())) +
         std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

/// Any service that speaks OpenAI's /v1/audio/transcriptions: whisper.cpp's server, vLLM, OpenAI. A whole
/// utterance goes in one request; at a pause the audio so far goes too, but only to this machine: elsewhere a
/// guess costs money and a line. At most one request is under way; who gives it up closes its connection. An
/// answer that begins must end within answer_timeout: one that dribbles is none.
/// Threads: the caller's; the transport has a worker, which calls `wake`.
class OpenAiRecognizer final : public SpeechRecognizer {
 public:
  explicit OpenAiRecognizer(const RecognizerOptions& options)
      : options_(options),
        clock_(options.clock != nullptr ? *options.clock : steady_),
        endpoint_(transcription_endpoint(options.url, options.plain_http)),
        shown_(http::shown_url(endpoint_)),
        local_(http::is_loopback(options.url)),
        name_("openai:" + options.model_name),
        client_(options.wake, kLongestAnswer) {}

  void begin() override {
    retract();
    audio_.clear();
  }
  void push(std::span<const std::int16_t> samples) override {
    audio_.insert(audio_.end(), samples.begin(), samples.end());
  }
  bool guess() override {
    if (!local_) return false;
    submit(false);
    return true;
  }
  void retract() override {
    if (request_ != 0) client_.cancel(std::exchange(request_, 0));
    ready_.reset();
  }
  void finish() override { submit(true); }
  void set_busy(bool) noexcept override {}
  void expect(const std::vector<std::string>& names) override { names_ = names; }
  std::optional<Recognition> poll() override {
    for (const http::Event& event : client_.poll()) take(event);
    if (request_ != 0 && clock_.now() >= rest_until_) give_up();
    return std::exchange(ready_, std::nullopt);
  }
  [[nodiscard]] Nanos next_deadline() const override { return request_ != 0 ? rest_until_ : kNever; }
  std::string_view name() const noexcept override { return name_; }

 private:
  void submit(bool final) {
    retract();
    body_.clear();
    rest_until_ = kNever;
    answer_ = Recognition{};
    answer_.final = final;
    answer_.samples = audio_.size();
    answer_.decode_start = monotonic_now();
    const bool inaudible =
        std::all_of(audio_.begin(), audio_.end(), [](int sample) { return std::abs(sample) <= kInaudible; });
    if (inaudible) {  // it would say "you"
      answer_.decode_end = answer_.decode_start;
      ready_ = answer_;
      return;
    }
    request_ = client_.start(request());
  }

  [[nodiscard]] http::Request request() const {
    std::vector<std::int16_t> samples = audio_;
    samples.resize(std::max(samples.size(), kShortest));
    const std::string boundary = "----prot" + std::to_string(answer_.decode_start);
    std::string body;
    const auto field = [&](std::string_view field_name, std::string_view value) {
      if (value.empty()) return;
      body += "--" + boundary + "\r\nContent-Disposition: form-data; name=\"" + std::string(field_name) +
              "\"\r\n\r\n" + std::string(value) + "\r\n";
    };
    field("model", options_.model_name);
    field("language", options_.language);
    field("response_format", "json");
    field("temperature", "0");
    field("prompt", prompt_of(options_.key_terms, names_, kPromptTokens));
    body += "--" + boundary +
            "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"speech.wav\"\r\n"
            "Content-Type: audio/wav\r\n\r\n" +
            wav_file(samples) + "\r\n--" + boundary + "--\r\n";
    http::Request made;
    made.url = endpoint_;
    made.headers = {{"content-type", "multipart/form-data; boundary=" + boundary},
                    {"accept", "application/json"}};
    if (!options_.api_key.empty()) made.headers.emplace_back("authorization", "Bearer " + options_.api_key);
    made.body = std::move(body);
    made.connect_timeout_ms = options_.connect_timeout / kMillisecond;
    made.first_byte_timeout_ms = options_.first_byte_timeout / kMillisecond;
    made.idle_timeout_ms = options_.answer_timeout / kMillisecond;
    return made;
  }

  void take(const http::Event& event) {
    if (event.id != request_ || request_ == 0) return;
    switch (event.kind) {
      case http::Event::Kind::kStatus:
        rest_until_ = clock_.now() + options_.answer_timeout;
        return;
      case http::Event::Kind::kData:
        body_ += event.data;
        if (body_.size() > kLongestAnswer) {
          client_.cancel(request_);
          fail(FailureClass::kFatal, shown_ + ": the answer is longer than allowed", event);
        }
        return;
      case http::Event::Kind::kDone:
        return conclude(event);
      case http::Event::Kind::kError:
        answer_.retry_after = event.retry_after;
        return fail(failure_of(event.error_class), event.message, event);
    }
  }

  void give_up() {
    client_.cancel(request_);
    http::Event over;
    over.at = monotonic_now();
    fail(FailureClass::kRetry,
         shown_ + ": its answer is not whole after " +
             std::to_string(options_.answer_timeout / kMillisecond) + " ms",
         over);
  }

  // An answer that is none may be better the next time: services under load say strange things with 200.
  void conclude(const http::Event& event) {
    try {
      answer_.text = transcription_of(body_);
    } catch (const Error& error) {
      log_content("{}: {}", shown_, body_.substr(0, 1000));
      return fail(FailureClass::kRetry, shown_ + ": " + error.what(), event);
    }
    answer(event);
  }

  void fail(FailureClass failure, const std::string& why, const http::Event& event) {
    answer_.failure = failure;
    answer_.text = why;
    answer(event);
  }

  void answer(const http::Event& event) {
    answer_.decode_end = event.at;
    ready_ = std::move(answer_);
    request_ = 0;
  }

  const RecognizerOptions options_;
  SteadyClock steady_;
  const Clock& clock_;
  const std::string endpoint_;
  const std::string shown_;  // the same without what may be secret
  const bool local_;
  const std::string name_;
  std::vector<std::string> names_;   // that memory knows
  std::vector<std::int16_t> audio_;  // of the utterance
  http::RequestId request_ = 0;      // under way; 0: none
  Nanos rest_until_ = kNever;        // all of its answer is to be there
  Recognition answer_;               // to it
  std::string body_;
  std::optional<Recognition> ready_;
  http::Client client_;  // last: its worker wakes the owner of all this
};

}  // namespace

std::unique_ptr<SpeechRecognizer> make_openai_recognizer(const RecognizerOptions& options) {
  return std::make_unique<OpenAiRecognizer>(options);
}

}  // namespace prot::stt
