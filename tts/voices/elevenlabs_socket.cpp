#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "base/log.hpp"
#include "http/url.hpp"
#include "http/web_socket.hpp"
#include "voices/elevenlabs_take.hpp"

namespace prot::tts {
namespace {

using namespace elevenlabs;

constexpr std::size_t kMostContexts = 4;      // the service closes the socket at the sixth
constexpr Nanos kIdle = 150 * kSecond;        // the service closes a socket after 180 s without a message
constexpr Nanos kWarmFor = 600 * kSecond;     // behind the last words
constexpr Nanos kReopen = 10 * kSecond;       // a socket that is lost while nothing is said, at the earliest
constexpr Nanos kQuiet = 700 * kMillisecond;  // where the end does not show: no more of the segment comes
constexpr std::int64_t kConnectMs = 2'000;
constexpr std::int64_t kSilentMs = 4'000;  // the service answers pings

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
class SocketVoice final : public Synthesizer {
 public:
  explicit SocketVoice(const ElevenLabsOptions& options)
      : options_(options),
        clock_(options.clock != nullptr ? *options.clock : steady_),
        url_(socket_url(options)),
        shown_(http::parse_url(url_).shown()),
        client_(options.wake) {}

  void start() override {
    used_ = clock_.now();
    open();
  }

  void begin(const SpeechRequest& request) override {
    tend();  // what has become of the socket meanwhile
    used_ = clock_.now();
    segment_.emplace(Segment{request, {}, fresh_take(request)});
    pieces_.clear();
    if (contexts_.size() >= kMostContexts) drop();
    ask();
  }

  bool poll(Piece& piece) override {
    tend();
    if (pieces_.empty()) return false;
    piece = std::move(pieces_.front());
    pieces_.pop_front();
    return true;
  }

  void tend() override {
    for (const http::SocketEvent& event : client_.poll()) take(event);
    look_at_time();
  }

  void cancel() noexcept override {
    pieces_.clear();
    if (segment_) close_context();
    segment_.reset();
  }

  void stop() noexcept override {
    segment_.reset();
    pieces_.clear();
    drop();
  }

  [[nodiscard]] Nanos next_deadline() const override {
    if (segment_) return segment_->news + patience();
    return socket_ != 0 ? used_or_opened() + kIdle : reopen_at_;
  }

  // Without the model: the board has 47 characters for both languages.
  [[nodiscard]] std::string name() const override { return std::string(kElevenLabs); }

 private:
  struct Segment {
    SpeechRequest request;
    std::string context;
    Take take;
    Nanos news = 0;  // of it
    bool again = false;
  };

  [[nodiscard]] Nanos used_or_opened() const noexcept { return std::max(used_, opened_); }
  [[nodiscard]] Nanos patience() const {
    return segment_->take.may_be_complete() ? kQuiet : options_.timeout;
  }

  void open() {
    http::SocketRequest request;
    request.url = url_;
    request.headers = {{"xi-api-key", options_.api_key}};
    request.plain_allowed = options_.plain_allowed;
    request.connect_timeout_ms = request.handshake_timeout_ms = kConnectMs;
    request.idle_timeout_ms = kSilentMs;
    socket_ = client_.open(std::move(request));
    opened_ = clock_.now();
    reopen_at_ = kNever;
    last_error_.reset();
  }

  void drop() noexcept {
    if (socket_ != 0) client_.close(std::exchange(socket_, 0));
    contexts_.clear();
  }

  [[nodiscard]] Take fresh_take(const SpeechRequest& request) const {
    return {request.text, options_.rate, Take::Times::kFromChunk, used_};
  }

  void ask() {
    if (socket_ == 0) open();
    segment_->context = "c" + std::to_string(++number_);
    segment_->news = clock_.now();
    segment_->take = fresh_take(segment_->request);
    contexts_.insert(segment_->context);
    const bool taken = client_.send(socket_, open_message(options_, segment_->context)) &&
                       client_.send(socket_, text_message(segment_->request.text, segment_->context));
    if (!taken) lost(VoiceError::kRetry, shown_ + ": the connection is stuck");
  }

  void close_context() noexcept {
    if (socket_ == 0 || contexts_.count(segment_->context) == 0) return;
    if (!client_.send(socket_, close_message(segment_->context))) drop();
  }

  void take(const http::SocketEvent& event) {
    if (event.id != socket_ || socket_ == 0) return;
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

  void take_message(const http::SocketEvent& event) {
    const Chunk chunk = parse(event.data);
    if (chunk.error != VoiceError::kNone) {
      last_error_ = chunk;  // the service closes behind it
      if (!segment_ || (!chunk.context.empty() && chunk.context != segment_->context)) return;
      drop();
      return lost(chunk.error, shown_ + ": " + chunk.message);
    }
    if (chunk.final) contexts_.erase(chunk.context);
    if (!segment_ || chunk.context != segment_->context) return;
    segment_->news = clock_.now();
    segment_->take.take(chunk, event.at, pieces_);
    if (chunk.final && !segment_->take.has_audio())
      return lost(VoiceError::kRetry, shown_ + ": no audio came");
    if (chunk.final || segment_->take.complete()) finish();
  }

  void take_end(const http::SocketEvent& event) {
    socket_ = 0;
    contexts_.clear();
    const bool in_order = event.kind == http::SocketEvent::Kind::kClosed && event.close_code == 1000;
    if (in_order && !last_error_ && segment_ && segment_->take.has_alignment() &&
        segment_->take.may_be_complete())
      return finish();
    VoiceError error = VoiceError::kRetry;
    if (last_error_)
      error = last_error_->error;
    else if (event.kind == http::SocketEvent::Kind::kError)
      error = error_of(event.error_class, event.data);
    if (segment_) return lost(error, event.message + (last_error_ ? " (" + last_error_->message + ")" : ""));
    const Nanos now = clock_.now();
    const bool wanted = error == VoiceError::kRetry && now - used_ < kWarmFor;
    reopen_at_ = wanted ? std::max(now, opened_ + kReopen) : kNever;
    if (!wanted) log_warn("{}; connecting again with the next words", event.message);
  }

  void finish() {
    close_context();
    used_ = clock_.now();
    segment_->take.finish(pieces_);
    segment_.reset();
  }

  /// The socket, or what it was to say, is lost.
  void lost(VoiceError error, const std::string& why) {
    if (error == VoiceError::kRetry && !segment_->again && !segment_->take.has_audio()) {
      log_warn("{}; asking again on a new connection", why);
      segment_->again = true;
      drop();
      return ask();
    }
    Piece failed = segment_->take.piece(Piece::Kind::kFailed);
    failed.error = error == VoiceError::kRetry ? VoiceError::kUnavailable : error;
    failed.message = name() + ": " + why;
    pieces_.push_back(std::move(failed));
    segment_.reset();
  }

  void look_at_time() {
    const Nanos now = clock_.now();
    if (segment_) {
      if (now - segment_->news < patience()) return;
      if (segment_->take.may_be_complete()) return finish();
      const bool again = !segment_->again && !segment_->take.has_audio();
      drop();
      return lost(VoiceError::kRetry, shown_ + ": nothing came for " +
                                          std::to_string((now - segment_->news) / kMillisecond) + " ms" +
                                          (again ? "" : " again"));
    }
    if (socket_ != 0 && now - used_or_opened() >= kIdle) {
      drop();
      if (now - used_ < kWarmFor) open();
    }
    if (socket_ == 0 && now >= reopen_at_) open();
  }

  const ElevenLabsOptions options_;
  SteadyClock steady_;
  const Clock& clock_;
  const std::string url_;
  const std::string shown_;
  http::SocketId socket_ = 0;  // 0: there is none
  Nanos opened_ = 0;
  Nanos used_ = 0;
  Nanos reopen_at_ = kNever;
  std::set<std::string> contexts_;  // of the socket, not final yet
  std::uint64_t number_ = 0;
  std::optional<Chunk> last_error_;
  std::optional<Segment> segment_;
  std::deque<Piece> pieces_;
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
