#include "voices/wyoming.hpp"

#include <algorithm>
#include <utility>

#include "base/error.hpp"
#include "stage/service_table.hpp"
#include "voices/paced_take.hpp"
#include "voices/service_voice.hpp"

namespace prot::tts {
namespace {

/// Threads: the owner's; the connection has a worker, which calls `wake`. Each segment is a connection.
///
///   the segment's ...                        | does
///   audio-stop behind sound                  | kDone
///   audio-stop without sound, error, an end  | asks once more before the first sound, else kFailed
///   nothing for the time                     | kFailed
///   sound of a form that we do not play      | kFailed
class WyomingVoice final : public ServiceVoice {
 public:
  explicit WyomingVoice(const WyomingOptions& options)
      : ServiceVoice(kWyoming, options.clock), options_(options), link_(options.wake) {}

  [[nodiscard]] Nanos next_deadline() const override {
    return is_expected() ? news_ + options_.timeout : ServiceVoice::next_deadline();
  }

 private:
  void ask() override {
    news_ = now();
    take_ = PacedTake(request().text, began(), pace_);
    json::Writer asked;
    asked.begin_object().member("text", request().text).key("voice").begin_object();
    if (options_.voice.empty())
      asked.member("language", options_.language);
    else
      asked.member("name", options_.voice);
    link_.open(options_.address, options_.connect_timeout / kMillisecond);
    link_.send(wyoming::encoded("synthesize", asked.end_object().end_object().str()));
  }

  void receive() override {
    for (const wyoming::LinkEvent& event : link_.poll())
      if (is_expected()) take(event);
  }

  // A slow server would only have the work twice.
  void look_at_time(Nanos now, bool held) override {
    if (held) news_ = now;
    if (is_expected() && now - news_ >= options_.timeout)
      fail(VoiceError::kUnavailable, options_.address.shown + ": nothing came for " +
                                         std::to_string(options_.timeout / kMillisecond) + " ms");
  }

  void hang_up() noexcept override { link_.close(); }

  void take(const wyoming::LinkEvent& event) {
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
      news_ = now();
      if (!take_.has_format() && !take_format(event)) return;
      return take_.take(event.payload, at, pieces());
    }
    if (event.type == "audio-start") {
      news_ = now();
      if (!take_.has_format()) (void)take_format(event);
      return;
    }
    if (event.type != "audio-stop") return;  // what is not known may come at any time
    if (!take_.has_audio()) return fail(VoiceError::kRetry, options_.address.shown + ": no audio came");
    take_.finish(pieces());
    finished();
    link_.close();
  }

  [[nodiscard]] bool take_format(const wyoming::Event& event) {
    const bool known = event.get("width").as_int(2) == 2 &&
                       take_.set_format(event.get("rate").as_int(), event.get("channels").as_int(1));
    if (!known)
      fail(VoiceError::kFatal,
           options_.address.shown + ": its samples are not 16 bits of one or two channels");
    return known;
  }

  [[nodiscard]] bool has_audio() const override { return take_.has_audio(); }
  [[nodiscard]] Piece piece(Piece::Kind kind) const override { return take_.piece(kind); }

  const WyomingOptions options_;
  Pace pace_;
  PacedTake take_{{}, 0, pace_};
  Nanos news_ = 0;      // of the segment
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
