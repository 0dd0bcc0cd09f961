#include "wyoming/link.hpp"

#include <pthread.h>

#include <array>
#include <boost/asio/connect.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

#include "base/error.hpp"
#include "base/log.hpp"
#include "http/url.hpp"

namespace prot::wyoming {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

constexpr std::size_t kReadAtMost = 65'536;
constexpr std::size_t kMostQueued = 8U << 20U;
constexpr auto kEndWithin = std::chrono::seconds(2);

}  // namespace

Address parse_address(std::string_view text, std::string_view usual_port) {
  constexpr std::string_view kScheme = "tcp://";
  if (text.starts_with(kScheme)) text.remove_prefix(kScheme.size());
  if (text.find("://") != std::string_view::npos)
    throw UsageError("not the address of a Wyoming server: it is tcp://HOST:PORT");
  const http::Url url = http::parse_url("ws://" + std::string(text));
  // A port that is the scheme's own, whatever the scheme, is none that was written.
  const bool written = url.port == http::parse_url("wss://" + std::string(text)).port;
  Address address{url.host, written ? url.port : std::string(usual_port), {}, !url.is_loopback()};
  const bool brackets = url.host.find(':') != std::string::npos;
  address.shown = std::string(kScheme) + (brackets ? "[" + url.host + "]" : url.host) + ":" + address.port;
  return address;
}

/// What the owner and the worker share. The thread owns it jointly: one that hangs is left behind with it.
class Link::Core final : public std::enable_shared_from_this<Core> {
 public:
  explicit Core(std::function<void()> wake) : wake_(std::move(wake)) {}

  void run();
  void stop();
  void open(const Address& address, std::int64_t connect_timeout_ms);
  void send(std::string bytes);
  [[nodiscard]] std::vector<LinkEvent> poll();
  void close();

  // -- on the worker's thread
  void tell(std::uint64_t number, LinkEvent event);
  /// False: no room for more now. The session pauses until it is resumed.
  [[nodiscard]] bool has_room();
  [[nodiscard]] asio::io_context& io() noexcept { return io_; }

 private:
  void end_session();

  asio::io_context io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> guard_{io_.get_executor()};
  // The worker thread's.
  std::shared_ptr<Session> session_;
  // Held while it is called, so that it is not called when stop() has returned.
  std::mutex wake_mutex_;
  std::function<void()> wake_;
  // Protected by mutex_.
  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t number_ = 0;  // of the newest connection; what others tell is dropped
  std::vector<LinkEvent> events_;
  std::size_t queued_ = 0;
  bool waits_ = false;
  bool has_ended_ = false;
};

/// One connection. The worker's thread. Invariant: says exactly one kClosed or kError, then nothing more;
/// after close() nothing at all. Lifetime: holds itself while operations are under way.
class Link::Session final : public std::enable_shared_from_this<Session> {
 public:
  Session(std::uint64_t number, Address address, Core& core)
      : number_(number),
        address_(std::move(address)),
        core_(core),
        resolver_(core.io()),
        timer_(core.io()),
        socket_(core.io()) {}

  void start(std::int64_t connect_timeout_ms) {
    timer_.expires_after(std::chrono::milliseconds(connect_timeout_ms));
    timer_.async_wait([self = shared_from_this(), connect_timeout_ms](error_code error) {
      if (!error && !self->open_)
        self->fail("no connection for " + std::to_string(connect_timeout_ms) + " ms");
    });
    resolver_.async_resolve(
        address_.host, address_.port, [self = shared_from_this()](error_code error, const auto& places) {
          if (self->ended_) return;
          if (error) return self->fail("no address: " + error.message());
          asio::async_connect(self->socket_, places,
                              [self](error_code failure, const tcp::endpoint&) { self->connected(failure); });
        });
  }

  void send(std::string bytes) {
    if (ended_) return;
    unsent_.push_back(std::move(bytes));
    write();
  }

  void resume() {
    if (std::exchange(paused_, false) && take_events()) read();
  }

  void close() noexcept {
    if (std::exchange(ended_, true)) return;
    error_code ignored;
    resolver_.cancel();
    timer_.cancel(ignored);
    socket_.close(ignored);
  }

 private:
  void connected(error_code error) {
    if (ended_) return;
    if (error) return fail(error.message());
    open_ = true;
    error_code ignored;
    timer_.cancel(ignored);
    socket_.set_option(tcp::no_delay(true), ignored);  // one without it is only slower
    tell(LinkEvent::Kind::kOpen, {});
    read();
    write();
  }

  void read() {
    socket_.async_read_some(asio::buffer(block_),
                            [self = shared_from_this()](error_code error, std::size_t size) {
                              if (!self->ended_) self->have_read(error, size);
                            });
  }

  void have_read(error_code error, std::size_t size) {
    if (error == asio::error::eof && reader_.at_boundary())
      return end(LinkEvent::Kind::kClosed, "closed by the server");
    if (error == asio::error::eof) return fail("closed in the middle of an event");
    if (error) return fail(error.message());
    reader_.push({block_.data(), size});
    if (take_events()) read();
  }

  /// False: it has ended, or pauses.
  bool take_events() {
    try {
      while (std::optional<Event> event = reader_.next()) {
        tell(LinkEvent::Kind::kEvent, {}, std::move(*event));
        if (!core_.has_room()) {
          paused_ = true;
          return false;
        }
      }
    } catch (const Error& error) {
      fail(error.what());
      return false;
    }
    return true;
  }

  void write() {
    if (!open_ || writing_ || unsent_.empty() || ended_) return;
    writing_ = true;
    asio::async_write(socket_, asio::buffer(unsent_.front()),
                      [self = shared_from_this()](error_code error, std::size_t) {
                        self->writing_ = false;
                        if (self->ended_ || error) return;  // the reader tells it
                        self->unsent_.pop_front();
                        self->write();
                      });
  }

  void fail(const std::string& why) { end(LinkEvent::Kind::kError, why); }

  void end(LinkEvent::Kind kind, const std::string& why) {
    if (ended_) return;
    close();
    tell(kind, address_.shown + ": " + why);
  }

  void tell(LinkEvent::Kind kind, std::string message, Event event = {}) {
    LinkEvent told;
    told.kind = kind;
    told.event = std::move(event);
    told.message = std::move(message);
    core_.tell(number_, std::move(told));
  }

  const std::uint64_t number_;
  const Address address_;
  Core& core_;
  tcp::resolver resolver_;
  asio::steady_timer timer_;
  tcp::socket socket_;
  std::array<char, kReadAtMost> block_{};
  Reader reader_;
  std::deque<std::string> unsent_;
  bool open_ = false;
  bool writing_ = false;
  bool paused_ = false;
  bool ended_ = false;
};

// Signals are the main thread's.
void Link::Core::run() {
  sigset_t all;
  sigset_t old;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &old);
  std::thread([core = shared_from_this()] {
    core->io_.run();
    const std::lock_guard lock(core->mutex_);
    core->has_ended_ = true;
    core->changed_.notify_all();
  }).detach();
  pthread_sigmask(SIG_SETMASK, &old, nullptr);
}

void Link::Core::stop() {
  {
    const std::lock_guard lock(wake_mutex_);
    wake_ = nullptr;
  }
  asio::post(io_, [this] {
    end_session();
    guard_.reset();
  });
  std::unique_lock lock(mutex_);
  if (!changed_.wait_for(lock, kEndWithin, [this] { return has_ended_; }))
    log_warn("a Wyoming connection's worker does not end; leaving it behind");
}

void Link::Core::end_session() {
  if (session_) session_->close();
  session_.reset();
}

void Link::Core::open(const Address& address, std::int64_t connect_timeout_ms) {
  close();
  std::uint64_t number = 0;
  {
    const std::lock_guard lock(mutex_);
    number = number_;
  }
  asio::post(io_, [this, number, address, connect_timeout_ms] {
    session_ = std::make_shared<Session>(number, address, *this);
    session_->start(connect_timeout_ms);
  });
}

void Link::Core::send(std::string bytes) {
  asio::post(io_, [this, sent = std::move(bytes)]() mutable {
    if (session_) session_->send(std::move(sent));
  });
}

std::vector<LinkEvent> Link::Core::poll() {
  std::vector<LinkEvent> events;
  bool resume = false;
  {
    const std::lock_guard lock(mutex_);
    events.swap(events_);
    queued_ = 0;
    resume = std::exchange(waits_, false);
  }
  if (resume)
    asio::post(io_, [this] {
      if (session_) session_->resume();
    });
  return events;
}

void Link::Core::close() {
  {
    const std::lock_guard lock(mutex_);
    ++number_;
    events_.clear();
    queued_ = 0;
    waits_ = false;
  }
  asio::post(io_, [this] { end_session(); });
}

void Link::Core::tell(std::uint64_t number, LinkEvent event) {
  event.at = monotonic_now();
  {
    const std::lock_guard lock(mutex_);
    if (number != number_) return;
    queued_ += event.event.size + sizeof(LinkEvent);
    events_.push_back(std::move(event));
  }
  const std::lock_guard lock(wake_mutex_);
  if (wake_) wake_();
}

bool Link::Core::has_room() {
  const std::lock_guard lock(mutex_);
  waits_ = queued_ >= kMostQueued;
  return !waits_;
}

Link::Link(std::function<void()> wake) : core_(std::make_shared<Core>(std::move(wake))) { core_->run(); }
Link::~Link() { core_->stop(); }
void Link::open(const Address& address, std::int64_t connect_timeout_ms) {
  core_->open(address, connect_timeout_ms);
}
void Link::send(std::string bytes) { core_->send(std::move(bytes)); }
std::vector<LinkEvent> Link::poll() { return core_->poll(); }
void Link::close() noexcept { core_->close(); }

}  // namespace prot::wyoming
