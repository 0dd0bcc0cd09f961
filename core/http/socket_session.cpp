#include "http/socket_session.hpp"

#include <openssl/ssl.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/beast/websocket/ssl.hpp>
#include <chrono>
#include <deque>
#include <type_traits>
#include <utility>

#include "base/log.hpp"
#include "http/masking.hpp"

namespace prot::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = boost::beast::websocket;
using boost::system::error_code;
using PlainStream = beast::tcp_stream;
using TlsStream = beast::ssl_stream<beast::tcp_stream>;

constexpr std::size_t kMaxErrorBody = 4096;
constexpr std::size_t kMaxErrorText = 1000;  // of it, where content may be logged
constexpr std::size_t kReadAtMost = 65'536;
constexpr std::int64_t kIdleLooks = 8;  // in each idle time

template <typename Stream>
class Session final : public SocketSession, public std::enable_shared_from_this<Session<Stream>> {
 public:
  template <typename... Arguments>
  Session(SocketId id, Url url, SocketRequest request, SessionHost& host, asio::io_context& io,
          Arguments&... arguments)
      : id_(id),
        url_(std::move(url)),
        request_(std::move(request)),
        host_(host),
        resolver_(io),
        timer_(io),
        stream_(io, arguments...) {}

  void start() override {
    limit(request_.connect_timeout_ms, "no connection");
    resolver_.async_resolve(url_.host, url_.port, ours(&Session::resolved));
  }

  void send(std::string text) override {
    unsent_.push_back(std::move(text));
    write();
  }

  void resume() override {
    if (!std::exchange(paused_, false)) return;
    heard_at_ = monotonic_now();
    read();
  }

  void close() noexcept override {
    if (std::exchange(ended_, true)) return;
    try {
      end_transport();
    } catch (const std::exception&) {
      beast::get_lowest_layer(stream_).close();
    }
  }

  [[nodiscard]] bool ended() const noexcept override { return ended_; }

 private:
  /// A handler that keeps this session alive, and is silent once it has ended.
  template <typename... Arguments>
  auto ours(void (Session::*handler)(error_code, Arguments...)) {
    return [self = this->shared_from_this(), handler](error_code error, Arguments... arguments) {
      if (!self->ended_) ((*self).*handler)(error, std::forward<Arguments>(arguments)...);
    };
  }

  // -- connecting
  void resolved(error_code error, const asio::ip::tcp::resolver::results_type& places) {
    if (error) return fail(ErrorClass::kRetry, "no address: " + error.message());
    beast::get_lowest_layer(stream_).async_connect(places, ours(&Session::connected));
  }

  void connected(error_code error, const asio::ip::tcp::endpoint&) {
    if (error) return fail(ErrorClass::kRetry, error.message());
    error_code ignored;  // a socket without it is only slower
    beast::get_lowest_layer(stream_).socket().set_option(asio::ip::tcp::no_delay(true), ignored);
    if constexpr (std::is_same_v<Stream, TlsStream>)
      begin_tls();
    else
      begin_handshake();
  }

  void begin_tls() {
    if constexpr (std::is_same_v<Stream, TlsStream>) {
      auto& tls = stream_.next_layer();
      error_code error;
      tls.set_verify_mode(asio::ssl::verify_peer, error);
      if (!error) tls.set_verify_callback(asio::ssl::host_name_verification(url_.host), error);
      std::string name = url_.host;  // for servers with several
      if (!error && SSL_ctrl(tls.native_handle(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                             name.data()) != 1)
        error = asio::error::invalid_argument;
      if (error) return fail(ErrorClass::kFatal, "TLS: " + error.message());
      tls.async_handshake(asio::ssl::stream_base::client, ours(&Session::tls_done));
    }
  }

  // A certificate that is refused will be so the next time.
  void tls_done(error_code error) {
    if (!error) return begin_handshake();
    const bool refused = error.category() == asio::error::get_ssl_category();
    fail(refused ? ErrorClass::kFatal : ErrorClass::kRetry, "TLS: " + error.message());
  }

  void begin_handshake() {
    limit(request_.handshake_timeout_ms, "no answer to the upgrade");
    stream_.set_option(websocket::stream_base::timeout{websocket::stream_base::none(),
                                                       websocket::stream_base::none(), false});
    stream_.set_option(websocket::stream_base::decorator([this](websocket::request_type& request) {
      request.set(beast::http::field::user_agent, "prot");
      for (const auto& [name, value] : request_.headers) request.set(name, value);
    }));
    stream_.read_message_max(request_.max_message_bytes);
    stream_.auto_fragment(false);
    stream_.write_buffer_bytes(kReadAtMost);
    stream_.control_callback(
        [this](websocket::frame_type, beast::string_view) { heard_at_ = monotonic_now(); });
    stream_.async_handshake(answer_, url_.authority(), url_.target, ours(&Session::open));
  }

  void open(error_code error) {
    if (error == websocket::error::upgrade_declined) return fail_status();
    if (error) {
      const bool no_upgrade = error.category() == make_error_code(websocket::error::closed).category();
      return fail(no_upgrade ? ErrorClass::kFatal : ErrorClass::kRetry, "no upgrade: " + error.message());
    }
    open_ = true;
    heard_at_ = monotonic_now();
    tell(SocketEvent::Kind::kOpen);
    watch();
    read();
    write();
  }

  // -- messages
  void read() { stream_.async_read_some(buffer_, kReadAtMost, ours(&Session::have_read)); }

  void have_read(error_code error, std::size_t) {
    // A peer that said goodbye need not wait for ours: how the connection then ends is no news.
    const bool goodbye = error && stream_.reason().code != websocket::close_code::none;
    if (goodbye || error == websocket::error::closed) return closed();
    if (error) {
      const bool too_long = error == websocket::error::message_too_big;
      return fail(too_long ? ErrorClass::kFatal : ErrorClass::kRetry, error.message());
    }
    heard_at_ = monotonic_now();
    if (stream_.is_message_done()) {
      const bool text = stream_.got_text();
      tell(text ? SocketEvent::Kind::kText : SocketEvent::Kind::kBinary,
           beast::buffers_to_string(buffer_.data()));
      buffer_.clear();
      if (!host_.has_room()) {
        paused_ = true;
        return;
      }
    }
    read();
  }

  void write() {
    if (!open_ || writing_ || unsent_.empty()) return;
    writing_ = true;
    stream_.text(true);
    stream_.async_write(asio::buffer(unsent_.front()), ours(&Session::written));
  }

  void written(error_code error, std::size_t) {
    writing_ = false;
    if (error && paused_) return fail(ErrorClass::kRetry, error.message());
    if (error) return;  // the reader tells it, with the peer's reason
    host_.on_sent(id_, unsent_.front().size());
    unsent_.pop_front();
    write();
  }

  // -- time
  void limit(std::int64_t milliseconds, const char* what) {
    timer_.cancel();
    if (milliseconds <= 0) return;
    timer_.expires_after(std::chrono::milliseconds(milliseconds));
    timer_.async_wait([self = this->shared_from_this(), milliseconds, what](error_code error) {
      if (error || self->ended_ || self->timer_.expiry() > std::chrono::steady_clock::now()) return;
      self->fail(ErrorClass::kRetry, std::string(what) + " for " + std::to_string(milliseconds) + " ms");
    });
  }

  /// Looks now and then whether the peer is still there.
  void watch() {
    timer_.cancel();
    if (request_.idle_timeout_ms <= 0) return;
    timer_.expires_after(
        std::chrono::milliseconds(std::max<std::int64_t>(1, request_.idle_timeout_ms / kIdleLooks)));
    timer_.async_wait(ours(&Session::look));
  }

  void look(error_code error) {
    if (error) return;
    const Nanos idle = request_.idle_timeout_ms * kMillisecond;
    const Nanos silent = paused_ ? 0 : monotonic_now() - heard_at_;
    if (silent >= idle)
      return fail(ErrorClass::kRetry,
                  "no sign of the peer for " + std::to_string(silent / kMillisecond) + " ms");
    if (silent >= idle / 2 && !std::exchange(pinging_, true)) stream_.async_ping({}, ours(&Session::pinged));
    watch();
  }

  void pinged(error_code) { pinging_ = false; }  // what went wrong, the reader tells

  // -- the end
  // What the service says with it may quote a key, or what was said: only a name is a matter for every log.
  void closed() {
    const websocket::close_reason& reason = stream_.reason();
    SocketEvent event;
    event.kind = SocketEvent::Kind::kClosed;
    event.close_code = reason.code == websocket::close_code::none ? 1005 : reason.code;
    event.data = masked({reason.reason.data(), reason.reason.size()}, request_.headers, request_.url);
    event.message = url_.shown() + ": closed by the service (" + std::to_string(event.close_code) + ")";
    if (is_plain_name(event.data)) event.message += ": " + event.data;
    if (!event.data.empty()) log_content("{}: {}", url_.shown(), event.data);
    end(std::move(event));
  }

  void fail_status() {
    SocketEvent event;
    event.status = static_cast<int>(answer_.result_int());
    event.data = masked(answer_.body(), request_.headers, request_.url).substr(0, kMaxErrorBody);
    log_content("HTTP {}: {}", event.status, event.data.substr(0, kMaxErrorText));
    const auto wait = answer_[beast::http::field::retry_after];
    event.retry_after = parse_retry_after(std::string(wait.data(), wait.size()));
    event.error_class = event.status < 400 ? ErrorClass::kFatal
                                           : classify_status(event.status, event.data, event.retry_after > 0);
    const std::string name = error_name(event.data);
    event.message =
        url_.shown() + ": HTTP " + std::to_string(event.status) + (name.empty() ? "" : " (" + name + ")");
    end(std::move(event));
  }

  void fail(ErrorClass error_class, const std::string& why) {
    SocketEvent event;
    event.error_class = error_class;
    event.close_code = open_ ? kNoCloseFrame : 0;
    event.message = url_.shown() + ": " + why;
    end(std::move(event));
  }

  void end(SocketEvent event) {
    if (ended_) return;
    close();
    event.id = id_;
    host_.on_event(std::move(event));
  }

  /// A close frame is on its way before the connection ends, unless something else is being written.
  void end_transport() {
    resolver_.cancel();
    timer_.cancel();
    if (open_ && !writing_ && stream_.is_open())
      stream_.async_close(websocket::close_code::normal, [self = this->shared_from_this()](error_code) {});
    beast::get_lowest_layer(stream_).close();
  }

  void tell(SocketEvent::Kind kind, std::string data = {}) {
    SocketEvent event;
    event.kind = kind;
    event.id = id_;
    event.data = std::move(data);
    host_.on_event(std::move(event));
  }

  const SocketId id_;
  const Url url_;
  const SocketRequest request_;
  SessionHost& host_;
  asio::ip::tcp::resolver resolver_;
  asio::steady_timer timer_;
  websocket::stream<Stream> stream_;
  websocket::response_type answer_;
  beast::flat_buffer buffer_;
  std::deque<std::string> unsent_;
  Nanos heard_at_ = 0;
  bool open_ = false;
  bool writing_ = false;
  bool pinging_ = false;
  bool paused_ = false;
  bool ended_ = false;
};

}  // namespace

std::shared_ptr<SocketSession> make_session(asio::io_context& io, asio::ssl::context* tls, SocketId id,
                                            const Url& url, SocketRequest request, SessionHost& host) {
  if (url.is_encrypted())
    return std::make_shared<Session<TlsStream>>(id, url, std::move(request), host, io, *tls);
  return std::make_shared<Session<PlainStream>>(id, url, std::move(request), host, io);
}

}  // namespace prot::http
