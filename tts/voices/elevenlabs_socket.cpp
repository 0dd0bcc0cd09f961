#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "base/log.hpp"
#include "http/masking.hpp"
#include "http/url.hpp"
#include "http/web_socket.hpp"
#include "voices/elevenlabs_take.hpp"
#include "voices/service_voice.hpp"

namespace prot::tts {
namespace {

using namespace elevenlabs;

constexpr std::size_t kMostContexts = 4;      // the service closes the socket at the sixth
constexpr Nanos kIdle = 150 * kSecond;        // the service closes a socket after 180 s without a message
constexpr Nanos kWarmFor = 600 * kSecond;     // behind the last words
constexpr Nanos kReopen = 10 * kSecond;       // a socket that is lost while nothing is said, at the earliest
constexpr Nanos kQuiet = 700 * kMillisecond;  // where the end does not show: no more of the segment comes
constexpr std::int64_t kSilentMs = 4'000;     // the service answers pings

/// Threads: the owner's; the transport has a worker, which calls `wake`. Invariants: a segment is one
/// context, and a context is not touched any more once it was closed; what comes of another context than the
/// segment's is dropped. A segment of which nothing was heard yet is asked for once more on a new socket;
/// then it has failed.
///
///   the segment's ...                  | does
///   last character has come            | closes the context, kDone
///   context is final                   | kDone
///   sound stops; no alignment came, or | as if the last character had come, after kQuiet or when the service
///     not of the last characters       | closes the socket in order
///   socket is lost, or silent too long | asks once more before the first sound, else kFailed
class SocketVoice final : public ServiceVoice {
 public:
  explicit SocketVoice(const ElevenLabsOptions& options)
      : ServiceVoice(kElevenLabs, options.clock),
        options_(options),
        url_(socket_url(options)),
        shown_(http::parse_url(url_).shown()),
        client_(options.wake) {}

  void start() override {
    used_ = now();
    open();
  }

  void tend() override {
    receive();
    look_at_time(now(), false);
  }

  void stop() noexcept override {
    ServiceVoice::stop();
    hang_up();
  }

  [[nodiscard]] Nanos next_deadline() const override {
    if (is_expected()) return news_ + patience();
    if (is_speaking()) return ServiceVoice::next_deadline();
    return socket_ != 0 ? used_or_opened() + kIdle : reopen_at_;
  }

 private:
  [[nodiscard]] Nanos used_or_opened() const noexcept { return std::max(used_, opened_); }
  [[nodiscard]] Nanos patience() const { return take_.may_be_complete() ? kQuiet : options_.timeout; }

  void open() {
    http::SocketRequest made;
    made.url = url_;
    made.headers = {{"xi-api-key", options_.api_key}};
    made.plain_allowed = options_.plain_allowed;
    made.connect_timeout_ms = made.handshake_timeout_ms = options_.connect_timeout / kMillisecond;
    made.idle_timeout_ms = kSilentMs;
    socket_ = client_.open(std::move(made));
    opened_ = now();
    reopen_at_ = kNever;
    last_error_.reset();
  }

  void hang_up() noexcept override {
    if (socket_ != 0) client_.close(std::exchange(socket_, 0));
    contexts_.clear();
  }

  void give_up() noexcept override { close_context(); }

  void ask() override {
    take_ = Take(request().text, options_.rate, Take::Times::kFromChunk, began());
    context_.clear();
    receive();  // what has become of the socket meanwhile
    if (contexts_.size() >= kMostContexts || (socket_ != 0 && now() - used_or_opened() >= kIdle)) hang_up();
    used_ = news_ = now();
    if (socket_ == 0) open();
    context_ = "c" + std::to_string(++number_);
    contexts_.insert(context_);
    const bool taken = client_.send(socket_, open_message(options_, context_)) &&
                       client_.send(socket_, text_message(request().text, context_));
    if (!taken) fail(VoiceError::kRetry, shown_ + ": the connection is stuck");
  }

  void close_context() noexcept {
    if (socket_ == 0 || contexts_.count(context_) == 0) return;
    if (client_.send(socket_, close_message(context_))) return;
    hang_up();  // it has ended, perhaps right behind the last word, or is stuck
    reopen_at_ = std::max(now(), opened_ + kReopen);
  }

  void receive() override {
    for (const http::SocketEvent& event : client_.poll())
      if (socket_ != 0 && event.id == socket_) take(event);
  }

  void take(const http::SocketEvent& event) {
    switch (event.kind) {
      case http::SocketEvent::Kind::kOpen:
      case http::SocketEvent::Kind::kBinary:
        return;
      case http::SocketEvent::Kind::kText:
        return take_message(event);
      case http::SocketEvent::Kind::kClosed:
      case http::SocketEvent::Kind::kError:
        return take_end(event);
    }
  }

  /// It is about the segment, which is still waited for.
  [[nodiscard]] bool is_ours(const std::string& context) const {
    return is_expected() && !context_.empty() && context == context_;
  }

  void take_message(const http::SocketEvent& event) {
    const Chunk chunk = parse(event.data);
    if (chunk.error != VoiceError::kNone) {
      log_content("{}: {}", shown_,
                  http::masked(event.data, {{"xi-api-key", options_.api_key}}, url_).substr(0, 1000));
      last_error_ = chunk;  // the service closes behind it
      if (is_ours(chunk.context.empty() ? context_ : chunk.context))
        fail(chunk.error, shown_ + ": " + chunk.message);
      return;
    }
    if (chunk.final) contexts_.erase(chunk.context);
    if (!is_ours(chunk.context)) return;
    news_ = now();
    take_.take(chunk, event.at, pieces());
    if (chunk.final && !take_.has_audio()) return fail(VoiceError::kRetry, shown_ + ": no audio came");
    if (chunk.final || take_.complete()) finish();
  }

  void take_end(const http::SocketEvent& event) {
    socket_ = 0;
    contexts_.clear();
    const bool asked = is_ours(context_);
    const bool in_order = event.kind == http::SocketEvent::Kind::kClosed && event.close_code == 1000;
    if (in_order && !last_error_ && asked && take_.has_alignment() && take_.may_be_complete())
      return finish();
    VoiceError error = VoiceError::kRetry;
    if (last_error_)
      error = last_error_->error;
    else if (event.kind == http::SocketEvent::Kind::kError)
      error = error_of(event.error_class, event.data);
    if (asked) return fail(error, event.message + (last_error_ ? " (" + last_error_->message + ")" : ""));
    const Nanos at = now();
    const bool wanted = error == VoiceError::kRetry && at - used_ < kWarmFor;
    reopen_at_ = wanted ? std::max(at, opened_ + kReopen) : kNever;
    if (!wanted) log_warn("{}; connecting again with the next words", event.message);
  }

  void finish() {
    close_context();
    used_ = now();
    take_.finish(pieces());
    finished();
  }

  void look_at_time(Nanos now, bool held) override {
    if (held) news_ = now;
    if (is_expected()) {
      if (now - news_ < patience()) return;
      if (take_.may_be_complete()) return finish();
      return fail(VoiceError::kRetry, shown_ + ": nothing came for " +
                                          std::to_string((now - news_) / kMillisecond) + " ms" +
                                          (may_ask_again() ? "" : " again"));
    }
    if (is_speaking()) return;  // it is asked for again
    if (socket_ != 0 && now - used_or_opened() >= kIdle) {
      hang_up();
      if (now - used_ < kWarmFor) open();
    }
    if (socket_ == 0 && now >= reopen_at_) open();
  }

  [[nodiscard]] bool has_audio() const override { return take_.has_audio(); }
  [[nodiscard]] Piece piece(Piece::Kind kind) const override { return take_.piece(kind); }

  const ElevenLabsOptions options_;
  const std::string url_;
  const std::string shown_;
  http::SocketId socket_ = 0;  // 0: there is none
  Nanos opened_ = 0;
  Nanos used_ = 0;
  Nanos reopen_at_ = kNever;
  std::set<std::string> contexts_;  // of the socket, not final yet
  std::uint64_t number_ = 0;
  std::optional<Chunk> last_error_;
  std::string context_;  // the segment's
  Take take_{{}, 0, Take::Times::kFromChunk, 0};
  Nanos news_ = 0;                // of the segment
  http::WebSocketClient client_;  // last: its worker wakes the owner of all this
};

}  // namespace

std::unique_ptr<Synthesizer> make_elevenlabs_socket_voice(const ElevenLabsOptions& options) {
  return std::make_unique<SocketVoice>(options);
}

std::unique_ptr<Synthesizer> make_elevenlabs_voice(const ElevenLabsOptions& options) {
  const bool socket =
      options.transport == "socket" || (options.transport == "auto" && has_sockets(options.model));
  return socket ? make_elevenlabs_socket_voice(options) : make_elevenlabs_http_voice(options);
}

}  // namespace prot::tts
