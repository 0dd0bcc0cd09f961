// One connection to a Wyoming server: events, every way to fail, and what the server sees of a close.
#include "wyoming/link.hpp"

#include <doctest/doctest.h>

#include <condition_variable>
#include <deque>
#include <filesystem>
#include <iterator>

#include "base/error.hpp"
#include "support/wyoming_server.hpp"
#include "wyoming/describe.hpp"

namespace prot::wyoming {
namespace {

using Kind = LinkEvent::Kind;
using test::WyomingPeer;
using test::WyomingServer;

/// An owner's loop: waits for the wake-up, then polls.
class Owner {
 public:
  Owner()
      : link([this] {
          const std::lock_guard lock(mutex_);
          woken_ = true;
          changed_.notify_all();
        }) {}

  LinkEvent next(int milliseconds = 10'000) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(milliseconds);
    while (events_.empty()) {
      for (LinkEvent& event : link.poll()) events_.push_back(std::move(event));
      if (!events_.empty()) break;
      std::unique_lock lock(mutex_);
      REQUIRE(changed_.wait_until(lock, until, [this] { return woken_; }));
      woken_ = false;
    }
    LinkEvent event = std::move(events_.front());
    events_.pop_front();
    return event;
  }
  /// What was polled is the owner's own.
  void forget() { events_.clear(); }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool woken_ = false;
  std::deque<LinkEvent> events_;

 public:
  Link link;  // last: its worker wakes
};

Address at(const WyomingServer& server) { return parse_address(server.url(), "1"); }

std::size_t descriptors() {
  const std::filesystem::directory_iterator all("/proc/self/fd");
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

}  // namespace

TEST_CASE("what is sent before the connection stands goes out behind it; events come back in order") {
  WyomingServer server([](WyomingPeer& peer) {
    peer.split = true;
    while (const std::optional<Event> event = peer.receive()) {
      peer.send("echo", "{}", event->payload);
      if (event->type == "end") return;
    }
  });
  Owner owner;
  owner.link.open(at(server), 2'000);
  for (int i = 0; i < 50; ++i) owner.link.send(encoded("part", {}, std::to_string(i)));
  owner.link.send(encoded("end", {}, std::string(200'000, '\n')));
  CHECK(owner.next().kind == Kind::kOpen);
  for (int i = 0; i < 50; ++i) {
    const LinkEvent event = owner.next();
    REQUIRE(event.kind == Kind::kEvent);
    CHECK(event.event.type == "echo");
    CHECK(event.event.payload == std::to_string(i));
    CHECK(event.at > 0);
  }
  CHECK(owner.next().event.payload.size() == 200'000);
  const LinkEvent last = owner.next();
  CHECK(last.kind == Kind::kClosed);
  CHECK(last.message.find(server.url()) == 0);
}

TEST_CASE("each way to fail is one error with a reason, and nothing behind it") {
  enum class Way { kReset, kTruncated, kTruncatedLine, kNoJson, kHugeLine, kWrongLength, kHttp };
  for (const Way way : {Way::kReset, Way::kTruncated, Way::kTruncatedLine, Way::kNoJson, Way::kHugeLine,
                        Way::kWrongLength, Way::kHttp}) {
    CAPTURE(static_cast<int>(way));
    WyomingServer server([&](WyomingPeer& peer) {
      if (!peer.receive()) return;
      switch (way) {
        case Way::kReset:
          return peer.reset();
        case Way::kTruncated:
          return peer.send_raw("{\"type\":\"transcript\",\"data_length\":40}\n{\"text\":");
        case Way::kTruncatedLine:
          return peer.send_raw("{\"type\":\"transc");
        case Way::kNoJson:
          return peer.send_raw("transcript\n");
        case Way::kHugeLine:
          return peer.send_raw(std::string(1U << 20U, 'x'));
        case Way::kWrongLength:
          return peer.send_raw("{\"type\":\"transcript\",\"data_length\":4}\n{\"text\":\"a\"}\n");
        case Way::kHttp:
          return peer.send_raw("HTTP/1.1 400 Bad Request\r\n\r\n");
      }
    });
    Owner owner;
    owner.link.open(at(server), 2'000);
    owner.link.send(encoded("describe"));
    CHECK(owner.next().kind == Kind::kOpen);
    const LinkEvent error = owner.next();
    CHECK(error.kind == Kind::kError);
    CHECK(error.message.find(server.url() + ": ") == 0);
    CHECK(owner.link.poll().empty());
  }
}

TEST_CASE("where nobody listens, or nobody answers, an error says so in time") {
  std::string url;
  {
    const WyomingServer gone([](WyomingPeer&) {});
    url = gone.url();
  }
  Owner owner;
  owner.link.open(parse_address(url, "1"), 2'000);
  CHECK(owner.next().kind == Kind::kError);
  owner.link.open(parse_address("tcp://no-such-host.invalid:1", "1"), 5'000);
  CHECK(owner.next().kind == Kind::kError);
}

TEST_CASE("who closes, or opens another one, hears nothing more of the connection before") {
  std::atomic<int> closed = 0;
  WyomingServer server([&](WyomingPeer& peer) {
    const std::optional<Event> event = peer.receive();
    if (!event) return;
    for (int i = 0; i < 100; ++i) peer.send(event->type, {}, std::string(10'000, 'x'));
    closed += peer.closed_within(10'000) ? 1 : 0;
  });
  Owner owner;
  for (int round = 0; round < 20; ++round) {
    const std::string name = "round" + std::to_string(round);
    owner.link.open(at(server), 2'000);
    owner.link.send(encoded(name));
    CHECK(owner.next().kind == Kind::kOpen);
    CHECK(owner.next().event.type == name);
    owner.link.close();
    CHECK(owner.link.poll().empty());
    owner.forget();
    Owner other;
    other.link.open(at(server), 2'000);
    other.link.send(encoded("first"));
    CHECK(other.next().kind == Kind::kOpen);
    other.link.open(at(server), 2'000);
    other.forget();
    other.link.send(encoded("second"));
    CHECK(other.next().kind == Kind::kOpen);
    CHECK(other.next().event.type == "second");
  }
  const Nanos until = monotonic_now() + 10 * kSecond;
  while (closed < 60 && monotonic_now() < until) std::this_thread::yield();
  CHECK(closed == 60);
}

void flood(bool by_payload) {
  std::atomic<std::size_t> sent = 0;
  WyomingServer server([&](WyomingPeer& peer) {
    const std::string much(1U << 20U, 'x');
    const std::string data = by_payload ? std::string() : R"({"text":")" + much + R"("})";
    for (int i = 0; i < 64; ++i) {
      peer.send("audio-chunk", data, by_payload ? much : std::string());
      sent += much.size();
    }
    peer.send("audio-stop");
    (void)peer.closed_within(10'000);
  });
  Owner owner;
  owner.link.open(at(server), 2'000);
  CHECK(owner.next().kind == Kind::kOpen);
  // It comes to rest while nobody polls.
  std::size_t before = 0;
  int quiet = 0;
  const Nanos until = monotonic_now() + 10 * kSecond;
  while (quiet < 100 && monotonic_now() < until) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    quiet = sent == before ? quiet + 1 : 0;
    before = sent;
  }
  CHECK(sent < (32U << 20U));
  std::size_t got = 0;
  LinkEvent event = owner.next();
  while (event.event.type == "audio-chunk") {
    got += by_payload ? event.event.payload.size() : event.event.get("text").as_string().size();
    event = owner.next();
  }
  CHECK(event.event.type == "audio-stop");
  CHECK(got == (64U << 20U));
}

TEST_CASE("a server that sends more than is taken waits, with sound as with words") {
  flood(true);
  flood(false);
}

TEST_CASE("500 connections that end in any way leave no descriptor") {
  WyomingServer server([](WyomingPeer& peer) {
    static std::atomic<unsigned> number = 0;
    const unsigned way = number++ % 4;
    if (way == 0) return peer.reset();
    if (!peer.receive()) return;
    if (way == 1) peer.send_raw("{\"type\":");
    if (way == 2) peer.send("pong");
  });
  Owner owner;
  owner.link.open(at(server), 2'000);
  (void)owner.next();
  owner.link.close();
  const std::size_t before = descriptors();
  for (int i = 0; i < 500; ++i) {
    owner.link.open(at(server), 2'000);
    owner.link.send(encoded("ping"));
    if (i % 3 == 0) continue;
    Kind kind = owner.next().kind;
    while (kind != Kind::kClosed && kind != Kind::kError) kind = owner.next().kind;
  }
  owner.link.close();
  const Nanos until = monotonic_now() + 10 * kSecond;
  while (descriptors() > before && monotonic_now() < until) std::this_thread::yield();
  CHECK(descriptors() <= before);
}

TEST_CASE("addresses") {
  const Address local = parse_address("tcp://127.0.0.1:10301", "10300");
  CHECK(local.host == "127.0.0.1");
  CHECK(local.port == "10301");
  CHECK_FALSE(local.exposed);
  CHECK(local.shown == "tcp://127.0.0.1:10301");
  CHECK(parse_address("localhost", "10300").port == "10300");
  CHECK(parse_address("tcp://homeassistant.local:80", "10300").port == "80");
  CHECK(parse_address("homeassistant.local:443", "10300").port == "443");
  CHECK(parse_address("tcp://homeassistant.local", "10300").exposed);
  CHECK(parse_address("tcp://[::1]:7", "10300").shown == "tcp://[::1]:7");
  CHECK_FALSE(parse_address("[::1]", "10300").exposed);
  for (const char* wrong : {"", "tcp://", "http://127.0.0.1:1", "tcp://h:port", "tcp://h:1:2", "udp://h"}) {
    CAPTURE(std::string(wrong));
    CHECK_THROWS_AS((void)parse_address(wrong, "1"), UsageError);
  }
}

TEST_CASE("a server is asked what it is") {
  WyomingServer server([](WyomingPeer& peer) {
    if (!peer.receive("describe")) return;
    peer.send("mood");
    peer.send("info", R"({"asr":[{"name":"whisper"}]})");
    (void)peer.closed_within(10'000);
  });
  CHECK(describe(at(server), 5'000).get("asr").at(0).get("name").as_string() == "whisper");
  WyomingServer silent([](WyomingPeer& peer) { (void)peer.closed_within(10'000); });
  CHECK_THROWS_AS((void)describe(at(silent), 100), Error);
  WyomingServer rude([](WyomingPeer&) {});
  CHECK_THROWS_AS((void)describe(at(rude), 5'000), Error);
}

}  // namespace prot::wyoming
