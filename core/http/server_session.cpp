#include "http/server_session.hpp"

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket.hpp>
#include <chrono>
#include <deque>
#include <optional>
#include <utility>

#include "http/server_answer.hpp"
#include "http/server_peer.hpp"

namespace prot::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = boost::beast::websocket;
using boost::system::error_code;
using Protocol = asio::generic::stream_protocol;
using Stream = beast::basic_stream<Protocol>;
using Parser = beast::http::request_parser<beast::http::string_body>;
using Response = beast::http::response<beast::http::string_body>;
using beast::http::field;
using beast::http::status;

std::string_view view(beast::string_view text) noexcept { return {text.data(), text.size()}; }

class Session final : public ServerSession, public std::enable_shared_from_this<Session> {
 private:
  enum class State { kReading, kAsked, kAnswering, kEvents, kSocket, kEnded };

  /// A handler that keeps this session alive, and is silent once it has ended.
  template <typename... Arguments>
  auto ours(void (Session::*handler)(error_code, Arguments...)) {
    return [self = shared_from_this(), handler](error_code error, Arguments... arguments) {
      if (self->state_ != State::kEnded) ((*self).*handler)(error, std::forward<Arguments>(arguments)...);
    };
  }

 public:
  Session(Protocol::socket socket, ConnectionId id, std::string peer, bool by_name, ServerHost& host)
      : id_(id),
        peer_(socket.native_handle(), std::move(peer), by_name),
        host_(&host),
        timer_(socket.get_executor()),
        stream_(std::move(socket)),
        buffer_(2 * host.limits().header_bytes) {}

  void start() override { read(); }

  const std::string& who() override { return peer_.name(); }

  bool gives_way() const noexcept override {
    return state_ == State::kReading || state_ == State::kAnswering;
  }

  void respond(ServerResponse answer) override {
    if (state_ != State::kAsked) return;
    timer_.cancel();
    write(std::move(answer), parser_->get().keep_alive());
  }

  bool start_events(std::string first) override {
    if (state_ != State::kAsked) return false;
    timer_.cancel();
    state_ = State::kEvents;
    told_ = true;
    beast::http::response<beast::http::empty_body> head(status::ok, parser_->get().version());
    add_security(head);
    allow_origin(head);
    head.set(field::content_type, "text/event-stream");
    head.set(field::connection, "close");
    std::string text = "HTTP/1.1 200 OK\r\n";
    for (const auto& one : head)
      text += std::string(one.name_string()) + ": " + std::string(one.value()) + "\r\n";
    queue(text + "\r\n" + first);
    stream_.expires_never();
    watch_client();
    return true;
  }

  bool accept_socket() override {
    if (state_ != State::kAsked) return false;
    timer_.cancel();
    state_ = State::kSocket;
    told_ = true;
    stream_.expires_never();  // the WebSocket has its own clock
    socket_.emplace(std::move(stream_));
    const ServerLimits& limits = host_->limits();
    const auto quiet = std::chrono::milliseconds(2 * limits.ping_ms);
    socket_->set_option(
        websocket::stream_base::timeout{std::chrono::milliseconds(limits.write_timeout_ms), quiet, true});
    socket_->set_option(websocket::stream_base::decorator(
        [](websocket::response_type& response) { add_security(response); }));
    socket_->read_message_max(limits.message_bytes);
    socket_->auto_fragment(false);
    socket_->async_accept(parser_->get(), ours(&Session::accepted));
    return true;
  }

  void send(std::string text) override {
    if (state_ == State::kEvents || state_ == State::kSocket) queue(std::move(text));
  }

  void resume() override {
    if (std::exchange(paused_, false) && state_ == State::kSocket) read_message();
  }

  void close(int code) override {
    if (std::exchange(closing_, true)) return;
    end_code_ = code;
    flush();  // what is on its way goes first, within its time
  }

  void end() override {
    if (std::exchange(state_, State::kEnded) == State::kEnded) return;
    timer_.cancel();
    (socket_ ? beast::get_lowest_layer(*socket_) : stream_).close();
    if (told_) {
      ServerEvent event;
      event.kind = ServerEvent::Kind::kGone;
      event.id = id_;
      host_->on_event(std::move(event));
    }
    host_->on_end(id_);
  }

 private:
  // -- requests
  void read() {
    state_ = State::kReading;
    parser_.emplace();
    origin_.clear();
    parser_->header_limit(static_cast<std::uint32_t>(host_->limits().header_bytes));
    parser_->body_limit(host_->limits().body_bytes);
    stream_.expires_after(std::chrono::milliseconds(host_->limits().request_timeout_ms));
    beast::http::async_read(stream_, buffer_, *parser_, ours(&Session::have_request));
  }

  void have_request(error_code error, std::size_t) {
    if (error) {
      const bool unfinished = error != beast::http::error::end_of_stream;
      if (unfinished && (buffer_.size() > 0 || parser_->got_some())) host_->count_refusal();
      const int code = status_of(error);
      if (code == 0) return end();
      return write(refusal(code, error.message()), false);
    }
    const auto& request = parser_->get();
    if (const std::optional<Refusal> refused = admit(request)) {
      host_->count_refusal();
      ServerResponse answer = refusal(refused->status, refused->why);
      if (refused->status == 429) answer.headers.emplace_back("Retry-After", "1");
      if (refused->status == 401) answer.headers.emplace_back("WWW-Authenticate", "Bearer");
      return write(std::move(answer), refused->status == 429 && request.keep_alive());
    }
    origin_ = view(request[field::origin]);
    ask(request);
  }

  [[nodiscard]] std::optional<Refusal> admit(const Parser::value_type& request) {
    RequestHead head;
    head.method = view(request.method_string());
    head.target = view(request.target());
    const auto hosts = request.equal_range(field::host);
    for (auto it = hosts.first; it != hosts.second; ++it) head.hosts.push_back(view(it->value()));
    head.origin = view(request[field::origin]);
    head.authorization = view(request[field::authorization]);
    head.fetch_site = view(request["Sec-Fetch-Site"]);
    head.fetch_mode = view(request["Sec-Fetch-Mode"]);
    head.user = peer_.user();
    head.peer = peer_.name();
    head.by_name = peer_.by_name();
    if (!head.target.starts_with('/')) return Refusal{400, "a target begins with '/'"};
    return host_->admission().check(head);
  }

  void ask(const Parser::value_type& request) {
    state_ = State::kAsked;
    stream_.expires_never();
    timer_.expires_after(std::chrono::milliseconds(host_->limits().answer_timeout_ms));
    timer_.async_wait([self = shared_from_this()](error_code error) {
      const bool over = self->timer_.expiry() <= std::chrono::steady_clock::now();  // not one set anew
      if (!error && over && self->state_ == State::kAsked)
        self->write(refusal(503, "no answer in time"), false);
    });
    ServerEvent event;
    event.id = id_;
    event.method = view(request.method_string());
    const std::string_view target = view(request.target());
    event.path = target.substr(0, target.find('?'));
    if (event.path.size() < target.size()) event.query = target.substr(event.path.size() + 1);
    event.upgrade = websocket::is_upgrade(request);
    event.foreign = !origin_.empty() && !is_own_origin(origin_, view(request[field::host]));
    event.content_type = view(request[field::content_type]);
    event.data = request.body();
    host_->on_event(std::move(event));
  }

  /// An origin that was let in may read the answer; no other ever gets this header.
  void allow_origin(beast::http::fields& headers) const {
    headers.set(field::vary, "Origin");
    if (!origin_.empty()) headers.set(field::access_control_allow_origin, origin_);
  }

  void write(ServerResponse answer, bool keep_alive) {
    state_ = State::kAnswering;
    const bool head_only = parser_->get().method() == beast::http::verb::head;
    response_.emplace(static_cast<status>(answer.status), 11);
    add_security(*response_);
    allow_origin(*response_);
    response_->set(field::content_type, answer.content_type);
    for (const auto& [name, value] : answer.headers) response_->set(name, value);
    response_->keep_alive(keep_alive);
    response_->body() = std::move(answer.body);
    response_->prepare_payload();
    if (head_only) response_->body().clear();  // its length stays in the head
    last_answer_ = !keep_alive;
    stream_.expires_after(std::chrono::milliseconds(host_->limits().write_timeout_ms));
    beast::http::async_write(stream_, *response_, ours(&Session::answered));
  }

  void answered(error_code error, std::size_t) {
    if (error) {
      host_->count_refusal();
      return end();
    }
    if (!last_answer_) return read();
    // Whoever still sends would lose the answer to a reset; what it sends is read over, within bounds.
    error_code ignored;
    stream_.socket().shutdown(Protocol::socket::shutdown_send, ignored);
    stream_.expires_after(std::chrono::milliseconds(kLinger));
    drain();
  }

  void drain() { stream_.async_read_some(asio::buffer(scrap_), ours(&Session::drained)); }

  void drained(error_code error, std::size_t size) {
    drained_ += size;
    if (error || drained_ > kMostDrained) return end();
    drain();
  }

  // -- event streams
  /// A client of an event stream says nothing more; its end is all that can be read.
  void watch_client() { stream_.async_read_some(asio::buffer(scrap_), ours(&Session::client_spoke)); }

  void client_spoke(error_code error, std::size_t) { error ? end() : watch_client(); }

  // -- WebSockets
  void accepted(error_code error) {
    if (error) return end();
    open_ = true;
    read_message();
    flush();
  }

  void read_message() { socket_->async_read(message_, ours(&Session::have_message)); }

  void have_message(error_code error, std::size_t) {
    if (error) {
      if (error == websocket::error::message_too_big) host_->count_refusal();
      return end();
    }
    ServerEvent event;
    event.kind = ServerEvent::Kind::kMessage;
    event.id = id_;
    event.data = beast::buffers_to_string(message_.data());
    message_.clear();
    if (!socket_->got_text()) return close(1003);
    paused_ = true;
    host_->on_event(std::move(event));
  }

  // -- what goes out of a stream or a WebSocket, in order
  void queue(std::string text) {
    if (closing_) return;
    unsent_bytes_ += text.size();
    unsent_.push_back(std::move(text));
    if (unsent_bytes_ > host_->limits().unread_bytes) {
      host_->count_refusal();
      return end();
    }
    flush();
  }

  void flush() {
    if (writing_ || (state_ == State::kSocket && !open_)) return;
    if (unsent_.empty() && closing_) return say_goodbye();
    if (unsent_.empty()) return;
    writing_ = true;
    limit_write();
    if (state_ == State::kSocket) {
      socket_->text(true);
      socket_->async_write(asio::buffer(unsent_.front()), ours(&Session::written));
    } else {
      asio::async_write(stream_, asio::buffer(unsent_.front()), ours(&Session::written));
    }
  }

  void say_goodbye() {
    if (state_ != State::kSocket) return end();
    writing_ = true;
    limit_write();
    socket_->async_close(websocket::close_reason(static_cast<std::uint16_t>(end_code_)),
                         ours(&Session::closed));
  }

  void limit_write() {
    timer_.expires_after(std::chrono::milliseconds(host_->limits().write_timeout_ms));
    timer_.async_wait([self = shared_from_this()](error_code error) {
      if (error || !self->writing_ || self->timer_.expiry() > std::chrono::steady_clock::now()) return;
      self->host_->count_refusal();
      self->end();
    });
  }

  void written(error_code error, std::size_t) {
    writing_ = false;
    timer_.cancel();
    if (error) return end();
    unsent_bytes_ -= unsent_.front().size();
    unsent_.pop_front();
    flush();
  }

  void closed(error_code) { end(); }

  static constexpr int kLinger = 1000;
  static constexpr std::size_t kMostDrained = 1U << 20U;

  const ConnectionId id_;
  ServerPeer peer_;
  std::string origin_;  // of the request, when it was let in
  ServerHost* host_;
  State state_ = State::kReading;
  asio::steady_timer timer_;
  Stream stream_;  // moved into socket_ by an upgrade
  std::optional<websocket::stream<Stream>> socket_;
  beast::flat_buffer buffer_;   // of requests: bounded by two heads
  beast::flat_buffer message_;  // bounded by read_message_max
  std::optional<Parser> parser_;
  std::optional<Response> response_;
  std::deque<std::string> unsent_;
  std::size_t unsent_bytes_ = 0;
  std::size_t drained_ = 0;
  std::array<char, 4096> scrap_{};
  int end_code_ = 1000;
  bool last_answer_ = false;
  bool told_ = false;  // the owner knows of it beyond one request
  bool open_ = false;  // the upgrade is done
  bool writing_ = false;
  bool closing_ = false;
  bool paused_ = false;
};

}  // namespace

std::shared_ptr<ServerSession> make_server_session(Protocol::socket socket, ConnectionId id, std::string peer,
                                                   bool by_name, ServerHost& host) {
  return std::make_shared<Session>(std::move(socket), id, std::move(peer), by_name, host);
}

}  // namespace prot::http
