#include "wyoming/link.hpp"

#include <algorithm>
#include <bit>
#include <cctype>
#include <cstdlib>
#include <utility>

#include "engines/backends.hpp"
#include "service_url.hpp"
#include "transcript_text.hpp"

namespace prot::stt {
namespace {

constexpr std::size_t kShortest = 3'200;  // samples: engines refuse less than 0.1 s
constexpr std::size_t kChunk = 4'000;     // samples of an event: 0.25 s
constexpr int kInaudible = 32;            // largest sample
constexpr std::size_t kTelling = 16'000;  // samples: the time for less, as of a probe, is not the usual one

static_assert(std::endian::native == std::endian::little);  // samples as they are

/// A recogniser of Home Assistant's kind (faster-whisper and others). A server works when it has all of the
/// audio, and closes behind the transcript: an utterance, or what was said at a pause, is a connection. Who
/// gives it up closes it. Servers notice that late or never: a guess is not asked for while one that was
/// given up is likely to be at work still. Threads: the caller's; the connection has a worker, which calls
/// `wake`. Invariant: at most one question is under way; it ends with an answer or a failure by its deadline.
class WyomingRecognizer final : public SpeechRecognizer {
 public:
  explicit WyomingRecognizer(const RecognizerOptions& options)
      : options_(options),
        clock_(options.clock != nullptr ? *options.clock : steady_),
        address_(wyoming_address(options.url, options.plain_http)),
        name_(options.model_name.empty() ? "wyoming" : "wyoming:" + options.model_name),
        link_(options.wake) {}

  void begin() override {
    retract();
    audio_.clear();
  }
  void push(std::span<const std::int16_t> samples) override {
    audio_.insert(audio_.end(), samples.begin(), samples.end());
  }
  bool guess() override {
    if (clock_.now() < busy_until_) return false;
    submit(false);
    return true;
  }
  void retract() override {
    if (deadline_ != kNever) {
      link_.close();
      busy_until_ = asked_at_ + usual_;
    }
    deadline_ = kNever;
    ready_.reset();
  }
  void finish() override { submit(true); }
  void set_busy(bool) noexcept override {}
  std::optional<Recognition> poll() override {
    for (const wyoming::LinkEvent& event : link_.poll()) take(event);
    if (clock_.now() >= deadline_)
      fail(address_.shown + ": no answer for " + std::to_string(options_.first_byte_timeout / kMillisecond) +
               " ms",
           monotonic_now());
    return std::exchange(ready_, std::nullopt);
  }
  [[nodiscard]] Nanos next_deadline() const override { return deadline_; }
  [[nodiscard]] std::string_view name() const noexcept override { return name_; }

 private:
  void submit(bool final) {
    retract();
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
    asked_at_ = clock_.now();
    deadline_ = asked_at_ + options_.first_byte_timeout;
    link_.open(address_, options_.connect_timeout / kMillisecond);
    link_.send(question());
  }

  [[nodiscard]] std::string question() const {
    json::Writer asked;
    asked.begin_object().member("language", options_.language);
    if (!options_.model_name.empty()) asked.member("name", options_.model_name);
    constexpr std::string_view kFormat = R"({"rate": 16000, "width": 2, "channels": 1})";
    std::string bytes = wyoming::encoded("transcribe", asked.end_object().str());
    bytes += wyoming::encoded("audio-start", kFormat);
    std::vector<std::int16_t> samples = audio_;
    samples.resize(std::max(samples.size(), kShortest));
    for (std::size_t at = 0; at < samples.size(); at += kChunk) {
      const std::size_t count = std::min(kChunk, samples.size() - at);
      bytes += wyoming::encoded("audio-chunk", kFormat,
                                {reinterpret_cast<const char*>(samples.data() + at), count * 2});
    }
    return bytes + wyoming::encoded("audio-stop");
  }

  // What is not understood is another server's business; so are the pieces of a transcript that comes whole.
  void take(const wyoming::LinkEvent& event) {
    if (deadline_ == kNever) return;
    switch (event.kind) {
      case wyoming::LinkEvent::Kind::kOpen:
        return;
      case wyoming::LinkEvent::Kind::kEvent:
        if (event.event.type == "transcript") return conclude(event);
        if (event.event.type == "error")
          return fail(address_.shown + ": an error" + code_of(event.event), event.at);
        return;
      case wyoming::LinkEvent::Kind::kClosed:
      case wyoming::LinkEvent::Kind::kError:
        return fail(event.message, event.at);
    }
  }

  void conclude(const wyoming::LinkEvent& event) {
    const json::View text = event.event.get("text");
    if (!text.is_string()) return fail(address_.shown + ": a transcript without text", event.at);
    answer_.text = without_loops(clean_transcript(text.as_string()));
    if (answer_.samples >= kTelling) usual_ = (usual_ + clock_.now() - asked_at_) / 2;
    answer(event.at);
  }

  // Its text may quote what was said: only the code is a matter for logs.
  [[nodiscard]] static std::string code_of(const wyoming::Event& event) {
    const std::string_view code = event.get("code").as_string();
    const bool is_name =
        !code.empty() && code.size() <= 48 && std::all_of(code.begin(), code.end(), [](unsigned char c) {
          return std::isalpha(c) != 0 || c == '_' || c == '-';
        });
    return is_name ? " (" + std::string(code) + ")" : "";
  }

  void fail(const std::string& why, Nanos at) {
    answer_.failure = FailureClass::kRetry;
    answer_.text = why;
    answer(at);
  }

  void answer(Nanos at) {
    answer_.decode_end = at;
    ready_ = std::move(answer_);
    deadline_ = kNever;
    link_.close();
  }

  const RecognizerOptions options_;
  SteadyClock steady_;
  const Clock& clock_;
  const wyoming::Address address_;
  const std::string name_;
  std::vector<std::int16_t> audio_;  // of the utterance
  Nanos deadline_ = kNever;          // of the question under way; kNever: there is none
  Nanos asked_at_ = 0;
  Nanos usual_ = kSecond;  // how long an answer takes here
  Nanos busy_until_ = 0;   // with what was given up
  Recognition answer_;     // to it
  std::optional<Recognition> ready_;
  wyoming::Link link_;  // last: its worker wakes the owner of all this
};

}  // namespace

std::unique_ptr<SpeechRecognizer> make_wyoming_recognizer(const RecognizerOptions& options) {
  return std::make_unique<WyomingRecognizer>(options);
}

}  // namespace prot::stt
