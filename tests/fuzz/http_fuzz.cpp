// Bytes of a browser, or of whoever takes the port for one: requests, event streams and WebSockets. A session
// ends, tells its owner so once, and answers in HTTP; nobody gets in under a foreign name. It runs without
// its thread.
#include <sys/socket.h>

#include <boost/asio/io_context.hpp>
#include <vector>

#include "base/host_name.hpp"
#include "http/server_session.hpp"
#include "tests/fuzz/fuzz_support.hpp"

using namespace prot;
using namespace prot::fuzz;
using namespace prot::http;

namespace {

namespace asio = boost::asio;
using Protocol = asio::generic::stream_protocol;

class HandClock final : public Clock {
 public:
  [[nodiscard]] Nanos now() const noexcept override { return kSecond; }
};

AccessRules rules(std::vector<std::string> origins, std::string token) {
  AccessRules rules;
  rules.hosts = {"prot.local"};
  rules.origins = std::move(origins);
  rules.token = std::move(token);
  rules.requests_per_s = rules.burst = 1000;
  return rules;
}

/// What prot-web does, in a few lines.
class Owner final : public ServerHost {
 public:
  Owner() {
    limits_.header_bytes = 1024;  // within reach of an input
    limits_.body_bytes = 256;
    limits_.message_bytes = 128;
    limits_.unread_bytes = 4096;
  }
  void on_event(ServerEvent event) override {
    require(!ended && !gone_, "nothing is told behind the end");
    events_.push_back(std::move(event));
    gone_ = events_.back().kind == ServerEvent::Kind::kGone;
  }
  void on_end(ConnectionId) override {
    require(!ended, "a session ends once");
    ended = true;
  }
  void count_refusal() noexcept override {}
  [[nodiscard]] Admission& admission() noexcept override { return admission_; }
  [[nodiscard]] const ServerLimits& limits() const noexcept override { return limits_; }

  /// False: there was nothing to do.
  bool answer(ServerSession& session) {
    std::vector<ServerEvent> events;
    events.swap(events_);
    for (const ServerEvent& event : events) answer(session, event);
    return !events.empty();
  }
  [[nodiscard]] bool told() const noexcept { return told_; }
  [[nodiscard]] bool gone() const noexcept { return gone_; }
  bool ended = false;

 private:
  void answer(ServerSession& session, const ServerEvent& event) {
    switch (event.kind) {
      case ServerEvent::Kind::kRequest:
        require(event.path.starts_with('/') && event.path.find('?') == std::string::npos, "a path is one");
        require(event.data.size() <= limits_.body_bytes, "a body is bounded");
        if (event.upgrade && event.path == "/chat") {
          told_ = session.accept_socket();
          require(told_, "who was asked in time may begin");
        } else if (event.path == "/events") {
          told_ = session.start_events("data: 1\n\n");
          require(told_, "who was asked in time may begin");
          session.send("data: 2\n\n");
        } else {
          session.respond({200, "text/plain", event.path, {}});
        }
        return;
      case ServerEvent::Kind::kMessage:
        require(event.data.size() <= limits_.message_bytes, "a message is bounded");
        session.send(event.data);
        if (event.data == "close") session.close(1000);
        session.resume();
        return;
      case ServerEvent::Kind::kGone:
        return;
    }
  }

  ServerLimits limits_;
  HandClock clock_;
  Admission admission_{rules({"http://lamp.local"}, ""), clock_};
  std::vector<ServerEvent> events_;
  bool told_ = false;
  bool gone_ = false;
};

void turn(asio::io_context& io, Owner& owner, ServerSession& session) {
  do {
    io.restart();
    io.poll();
  } while (owner.answer(session));
}

std::string received(int fd) {
  std::string all;
  char buffer[8192];
  for (ssize_t n = 0; (n = ::recv(fd, buffer, sizeof buffer, MSG_DONTWAIT)) > 0;)
    all.append(buffer, static_cast<std::size_t>(n));
  return all;
}

void check_session(std::string_view bytes) {
  static asio::io_context io(1);
  int ends[2] = {};
  require(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0, "there are sockets");
  UniqueFd client(ends[0]);
  Owner owner;
  std::string answers;
  {
    const auto session =
        make_server_session(Protocol::socket(io, Protocol(AF_UNIX, 0), ends[1]), 1, "127.0.0.1", true, owner);
    session->start();
    in_pieces(bytes, Split::kAny, [&](std::string_view piece) {
      (void)::send(client.get(), piece.data(), piece.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      turn(io, owner, *session);
      answers += received(client.get());
    });
    ::shutdown(client.get(), SHUT_WR);
    for (int i = 0; i < 4; ++i) {
      turn(io, owner, *session);
      answers += received(client.get());
    }
    client.reset();
    for (int i = 0; i < 4 && !owner.ended; ++i) turn(io, owner, *session);
    require(owner.ended, "a session whose client has gone ends");
  }
  io.restart();
  io.poll();  // what it had still begun
  require(owner.told() == owner.gone(), "who was told of it is told of its end");
  require(answers.empty() || answers.starts_with("HTTP/1.1 "), "the answer is HTTP");
}

void check_admission(std::string_view bytes) {
  HandClock clock;
  Admission admission(rules({}, "secret-token-16b"), clock);
  const Halves halves = halves_of(bytes);
  RequestHead head;
  head.method = "GET";
  head.hosts = {halves.first};
  head.target = halves.second;
  const bool in = !admission.check(head).has_value();
  const std::string name = host_name(halves.first);
  require(!in || name == "localhost" || name == "127.0.0.1" || name == "::1" || name == "prot.local",
          "nobody gets in under a foreign name");
  require(!in || query_value(halves.second, "token") == "secret-token-16b",
          "nobody gets in without the token");
  require(host_name(name).empty() || name.find(':') != std::string::npos || host_name(name) == name ||
              name.ends_with('.'),
          "a name stays one");
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  be_silent();
  check_session(text_of(data, size));
  check_admission(text_of(data, size));
  return 0;
}
