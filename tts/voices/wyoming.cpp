#include "voices/wyoming.hpp"

#include <deque>
#include <optional>
#include <utility>

#include "base/error.hpp"
#include "base/log.hpp"
#include "stage/service_table.hpp"
#include "voices/paced_take.hpp"

namespace prot::tts {
namespace {

constexpr std::int64_t kConnectMs = 1'500;

/// Threads: the owner's; the connection has a worker, which calls `wake`. Invariants: at most one segment is
/// under way. One that fails before its first sound is asked for once more; then it has failed.
///
///   the segment's ...                        | does
///   audio-stop behind sound                  | kDone
///   audio-stop without sound, error, an end  | asks once more before the first sound, else kFailed
///   nothing for the time                     | kFailed
///   sound of a form that we do not play      | kFailed
class WyomingVoice final : public Synthesizer {
 public:
  explicit WyomingVoice(const WyomingOptions& options)
      : options_(options), clock_(options.clock != nullptr ? *options.clock : steady_), link_(options.wake) {}

  void start() override {}  // there is nothing to keep open

  void begin(const SpeechRequest& request) override {
    pieces_.clear();
    segment_.emplace(Segment{request, PacedTake(request.text, clock_.now(), pace_)});
    ask();
  }

  bool poll(Piece& piece) override {
    // What waits to be polled keeps the rest on the network.
    if (pieces_.empty())
      for (const wyoming::LinkEvent& event : link_.poll()) take(event);
    else if (segment_)
      segment_->news = clock_.now();
    if (segment_ && clock_.now() - segment_->news >= options_.timeout)
      // A slow server would only have the work twice.
      fail(VoiceError::kUnavailable, options_.address.shown + ": nothing came for " +
                                         std::to_string(options_.timeout / kMillisecond) + " ms");
    if (pieces_.empty()) return false;
    piece = std::move(pieces_.front());
    pieces_.pop_front();
    return true;
  }

  void cancel() noexcept override {
    if (segment_) link_.close();
    segment_.reset();
    pieces_.clear();
  }
  void stop() noexcept override { cancel(); }
  [[nodiscard]] Nanos next_deadline() const override {
    return segment_ ? segment_->news + options_.timeout : kNever;
  }
  [[nodiscard]] std::string name() const override { return std::string(kWyoming); }

 private:
  struct Segment {
    SpeechRequest request;
    PacedTake take;
    Nanos news = 0;  // of it
    bool again = false;
  };

  void ask() {
    segment_->news = clock_.now();
    json::Writer asked;
    asked.begin_object().member("text", segment_->request.text).key("voice").begin_object();
    if (options_.voice.empty())
      asked.member("language", options_.language);
    else
      asked.member("name", options_.voice);
    link_.open(options_.address, kConnectMs);
    link_.send(wyoming::encoded("synthesize", asked.end_object().end_object().str()));
  }

  void take(const wyoming::LinkEvent& event) {
    if (!segment_) return;
    switch (event.kind) {
      case wyoming::LinkEvent::Kind::kOpen:
        return;
      case wyoming::LinkEvent::Kind::kEvent:
        return take_event(event.event, event.at);
      case wyoming::LinkEvent::Kind::kClosed:
      case wyoming::LinkEvent::Kind::kError:
        return fail(VoiceError::kRetry, event.message);
    }
  }

  void take_event(const wyoming::Event& event, Nanos at) {
    if (event.type == "error") return fail(VoiceError::kRetry, options_.address.shown + ": an error");
    if (event.type == "audio-chunk") {
      segment_->news = clock_.now();
      if (!segment_->take.has_format() && !take_format(event)) return;
      return segment_->take.take(event.payload, at, pieces_);
    }
    if (event.type == "audio-start") {
      segment_->news = clock_.now();
      if (!segment_->take.has_format()) (void)take_format(event);
      return;
    }
    if (event.type != "audio-stop") return;  // what is not known may come at any time
    if (!segment_->take.has_audio())
      return fail(VoiceError::kRetry, options_.address.shown + ": no audio came");
    segment_->take.finish(pieces_);
    segment_.reset();
    link_.close();
  }

  [[nodiscard]] bool take_format(const wyoming::Event& event) {
    const bool known = event.get("width").as_int(2) == 2 &&
                       segment_->take.set_format(event.get("rate").as_int(), event.get("channels").as_int(1));
    if (!known)
      fail(VoiceError::kFatal,
           options_.address.shown + ": its samples are not 16 bits of one or two channels");
    return known;
  }

  void fail(VoiceError error, const std::string& why) {
    link_.close();
    if (error == VoiceError::kRetry && !segment_->again && !segment_->take.has_audio()) {
      log_warn("{}; asking again", why);
      segment_->again = true;
      segment_->take =
          PacedTake(segment_->request.text, segment_->take.piece(Piece::Kind::kFailed).began_ns, pace_);
      return ask();
    }
    Piece failed = segment_->take.piece(Piece::Kind::kFailed);
    failed.error = error == VoiceError::kRetry ? VoiceError::kUnavailable : error;
    failed.message = name() + ": " + why;
    pieces_.push_back(std::move(failed));
    segment_.reset();
  }

  const WyomingOptions options_;
  SteadyClock steady_;
  const Clock& clock_;
  Pace pace_;
  std::optional<Segment> segment_;
  std::deque<Piece> pieces_;
  wyoming::Link link_;  // last: its worker wakes the owner of all this
};

}  // namespace

std::unique_ptr<Synthesizer> make_wyoming_voice(const WyomingOptions& options) {
  return std::make_unique<WyomingVoice>(options);
}

wyoming::Address wyoming_voice_address(const std::string& url, bool plain_allowed) {
  wyoming::Address address =
      wyoming::parse_address(url, stage::port_of(stage::service_row("tts", "wyoming").own_url));
  if (address.exposed && !plain_allowed)
    throw UsageError("tts.wyoming_url: " + address.shown +
                     " would get what is said unencrypted; allow it with tts.plain_http = true");
  return address;
}

}  // namespace prot::tts
