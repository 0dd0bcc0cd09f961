#include "ipc/channel.hpp"

#include <doctest/doctest.h>
#include <poll.h>

#include "ring_fixture.hpp"
#include "segment_fixture.hpp"

using namespace prot;
using namespace prot::ipc;
using namespace prot::ipc::test;

namespace {

bool rung(const Doorbell& bell) {
  pollfd p{bell.fd(), POLLIN, 0};
  const bool ready = ::poll(&p, 1, 0) == 1;
  bell.clear();
  return ready;
}

/// Both ends of one ring with a clock turned by hand.
struct Pair {
  explicit Pair(Policy policy = Policy::kBlock) : segment(policy) {
    attach_output();
    attach_input();
    (void)rung(producer_bell);
    (void)rung(consumer_bell);
  }
  void attach_output() { output.emplace(segment.open(Role::kProducer), &consumer_bell, clock); }
  void attach_input() { input.emplace(segment.open(Role::kConsumer), &producer_bell, clock); }
  PublishResult send(std::string_view payload, const Sources& sources = {}) {
    FrameInfo info;
    info.kind = 1;
    return output->publish(info, bytes(payload), sources);
  }
  int fill() {
    int frames = 0;
    while (send(std::string(4000, 'x')) == PublishResult::kOk) ++frames;
    return frames;
  }
  std::optional<std::string> peek(FrameInfo* info = nullptr) {
    FrameInfo ignored;
    std::span<const std::byte> payload;
    if (input->peek(info != nullptr ? *info : ignored, payload) != TakeResult::kFrame) return std::nullopt;
    return text(payload);
  }
  std::optional<std::string> take(FrameInfo* info = nullptr) {
    auto payload = peek(info);
    input->release();
    return payload;
  }

  TestSegment segment;
  Doorbell producer_bell = Doorbell::create();
  Doorbell consumer_bell = Doorbell::create();
  FakeClock clock;
  std::optional<Output> output;
  std::optional<Input> input;
};

}  // namespace

TEST_CASE("a payload in two parts arrives as one") {
  Pair pair;
  FrameInfo info;
  info.kind = 1;
  REQUIRE(pair.output->publish(info, bytes("head "), bytes("tail")) == PublishResult::kOk);
  CHECK(pair.take() == "head tail");
  CHECK(pair.output->name() == "mic");
  CHECK(pair.input->name() == "mic");
}

TEST_CASE("block: the producer keeps the frame, wants space, and the time is counted") {
  Pair pair;
  const int frames = pair.fill();
  CHECK(pair.output->space_wanted());
  CHECK(pair.segment.producer_page().full_events == 1);
  CHECK(pair.send(std::string(4000, 'x')) == PublishResult::kFull);
  CHECK(pair.segment.producer_page().full_events == 1);  // the same episode
  CHECK(pair.segment.producer_page().drops == 0);
  pair.clock.advance(5 * kMillisecond);
  REQUIRE(pair.take());
  REQUIRE(pair.take());
  CHECK(pair.send(std::string(4000, 'x')) == PublishResult::kOk);
  CHECK_FALSE(pair.output->space_wanted());
  CHECK(pair.segment.producer_page().blocked_ns == 5 * kMillisecond);
  FrameInfo info;
  int rest = 0;
  while (pair.take(&info)) ++rest;
  CHECK(rest == frames - 1);
  CHECK((info.flags & kFlagGap) == 0);
}

TEST_CASE("drop newest: what does not fit is counted and the next frame says so") {
  Pair pair(Policy::kDropNewest);
  const int frames = pair.fill();
  CHECK(pair.send(std::string(4000, 'x')) == PublishResult::kFull);
  CHECK_FALSE(pair.output->space_wanted());
  CHECK(pair.segment.producer_page().drops == 2);
  CHECK(pair.segment.producer_page().full_events == 1);
  for (int i = 0; i < frames; ++i) REQUIRE(pair.take());
  REQUIRE(pair.send("after") == PublishResult::kOk);
  REQUIRE(pair.send("later") == PublishResult::kOk);
  FrameInfo info;
  CHECK(pair.take(&info) == "after");
  CHECK((info.flags & kFlagGap) != 0);
  CHECK(info.sequence == static_cast<std::uint64_t>(frames));  // a dropped frame has no number
  CHECK(pair.take(&info) == "later");
  CHECK((info.flags & kFlagGap) == 0);
}

TEST_CASE("keep latest: the consumer looks at all and releases them with the last") {
  Pair pair(Policy::kKeepLatest);
  for (const char* payload : {"old", "older", "newest"}) REQUIRE(pair.send(payload) == PublishResult::kOk);
  std::string latest;
  while (const auto payload = pair.peek()) latest = *payload;
  pair.input->release();
  CHECK(latest == "newest");
  CHECK(pair.input->used() == 0);
}

TEST_CASE("a frame that is too large is refused and wants no space") {
  Pair pair;
  CHECK(pair.send(std::string(4097, 'x')) == PublishResult::kTooLarge);
  CHECK_FALSE(pair.output->space_wanted());
}

TEST_CASE("the first frame of a restarted producer says so, the first of all does not") {
  Pair pair;
  FrameInfo info;
  REQUIRE(pair.send("a") == PublishResult::kOk);
  REQUIRE(pair.take(&info));
  CHECK(info.flags == 0);
  pair.attach_output();
  REQUIRE(pair.send("b") == PublishResult::kOk);
  REQUIRE(pair.send("c") == PublishResult::kOk);
  REQUIRE(pair.take(&info));
  CHECK(info.flags == kFlagRestarted);
  CHECK(info.sequence == 1);
  REQUIRE(pair.take(&info));
  CHECK(info.flags == 0);
}

TEST_CASE("a restarted stage resumes behind what its output covers") {
  Pair pair;
  for (const char* payload : {"a", "b", "c"}) REQUIRE(pair.send(payload) == PublishResult::kOk);
  pair.input->resume(0);  // nothing covered
  CHECK(pair.peek() == "a");
  pair.attach_input();
  pair.input->resume(2);  // sequences 0 and 1
  CHECK(pair.take() == "c");
  CHECK(pair.segment.consumer_page().skipped_frames == 2);
}

TEST_CASE("a poison frame is stepped over and counted") {
  Pair pair;
  for (const char* payload : {"good", "poison", "fine"}) REQUIRE(pair.send(payload) == PublishResult::kOk);
  RingSupervisorPage& page = *pair.segment.supervisor->supervisor_page();
  page.set_aside_seq[0] = 2;  // 1 + sequence 1
  page.poison_frames = 1;
  SUBCASE("at the front") {
    CHECK(pair.take() == "good");
    CHECK(pair.take() == "fine");
    CHECK(pair.segment.consumer_page().skipped_frames == 1);
  }
  SUBCASE("behind a frame in hand") {
    CHECK(pair.peek() == "good");
    CHECK(pair.peek() == "fine");
    pair.input->release();
  }
  CHECK(pair.input->used() == 0);
  CHECK_FALSE(pair.peek());
}

TEST_CASE("several poison frames behind one that stays in hand are all stepped over") {
  Pair pair;
  for (const char* payload : {"good", "bad", "worse", "fine"})
    REQUIRE(pair.send(payload) == PublishResult::kOk);
  RingSupervisorPage& page = *pair.segment.supervisor->supervisor_page();
  page.set_aside_seq[0] = 2;
  page.set_aside_seq[1] = 3;
  page.poison_frames = 2;
  CHECK(pair.peek() == "good");
  CHECK(pair.peek() == "fine");
  pair.attach_input();  // it died with all of them in hand
  CHECK(pair.peek() == "good");
  CHECK(pair.peek() == "fine");
  pair.input->release();
  CHECK(pair.input->used() == 0);
}

TEST_CASE("a cancel releases a producer that is blocked on a full ring: one release, one bell") {
  Pair pair;
  FrameInfo info;
  info.kind = 1;
  info.turn = 7;
  std::uint64_t frames = 0;
  const std::string payload(1000, 'x');
  while (pair.output->publish(info, bytes(payload)) == PublishResult::kOk) ++frames;
  pair.output->arm();
  REQUIRE_FALSE(pair.output->changed());  // it sleeps, with a frame of turn 7 on offer
  REQUIRE(pair.peek(&info));
  REQUIRE(info.turn == 7);
  const std::uint64_t wakes = pair.segment.consumer_page().wakes;
  CHECK(pair.input->drop_stale(7) == frames);
  CHECK(pair.segment.consumer_page().stale_frames == frames);
  CHECK(pair.segment.consumer_page().wakes == wakes + 1);
  CHECK(rung(pair.producer_bell));
  CHECK(pair.output->changed());
  CHECK(pair.output->used() == 0);
  pair.output->disarm();
  info.turn = 8;
  REQUIRE(pair.output->publish(info, bytes("the next turn")) == PublishResult::kOk);
  CHECK(pair.take(&info) == "the next turn");
  CHECK(info.sequence == frames);
}

TEST_CASE("the newest lag and the times of taking are on the page") {
  Pair pair;
  REQUIRE(pair.send("a") == PublishResult::kOk);
  pair.clock.advance(7 * kMillisecond);
  REQUIRE(pair.peek());
  CHECK(pair.segment.consumer_page().max_lag_ns == 7 * kMillisecond);
  CHECK(pair.segment.consumer_page().last_take_ns == static_cast<std::uint64_t>(pair.clock.now()));
  CHECK(pair.segment.consumer_page().processing_seq == 1);
}

TEST_CASE("a peer that is gone for good is seen on the supervisor's page") {
  Pair pair;
  CHECK_FALSE(pair.output->consumer_closed());
  CHECK_FALSE(pair.input->producer_closed());
  pair.segment.supervisor->supervisor_page()->consumer_closed = 1;
  pair.segment.supervisor->supervisor_page()->producer_closed = 1;
  CHECK(pair.output->consumer_closed());
  CHECK(pair.input->producer_closed());
}

TEST_CASE("nobody rings a consumer that is awake") {
  Pair pair;
  REQUIRE(pair.send("a") == PublishResult::kOk);
  CHECK_FALSE(rung(pair.consumer_bell));
}

TEST_CASE("one sleep costs one ring, however many frames come") {
  Pair pair;
  pair.input->disarm();
  pair.input->arm();
  REQUIRE_FALSE(pair.input->changed());
  REQUIRE(pair.send("a") == PublishResult::kOk);
  CHECK(rung(pair.consumer_bell));
  REQUIRE(pair.send("b") == PublishResult::kOk);
  CHECK_FALSE(rung(pair.consumer_bell));
  pair.input->disarm();
  pair.input->arm();  // seen a and b, whether or not it wanted them
  CHECK_FALSE(pair.input->changed());
  REQUIRE(pair.send("c") == PublishResult::kOk);
  CHECK(rung(pair.consumer_bell));
  CHECK(pair.segment.producer_page().wakes == 2);
}

TEST_CASE("a frame that comes between the last look and the sleep keeps the consumer awake") {
  Pair pair;
  pair.input->disarm();
  CHECK_FALSE(pair.peek());
  REQUIRE(pair.send("a") == PublishResult::kOk);
  pair.input->arm();
  CHECK(pair.input->changed());
}

TEST_CASE("a producer sleeps for space only with a frame on offer") {
  Pair pair;
  pair.output->disarm();
  pair.output->arm();
  CHECK((pair.segment.producer_page().space_ticket & 1U) == 0);
  (void)pair.fill();
  pair.output->arm();
  CHECK((pair.segment.producer_page().space_ticket & 1U) == 1);
  CHECK_FALSE(pair.output->changed());
  REQUIRE(pair.take());
  CHECK(rung(pair.producer_bell));
  CHECK(pair.output->changed());
  REQUIRE(pair.take());
  CHECK_FALSE(rung(pair.producer_bell));
  pair.output->disarm();
  CHECK(pair.send("now") == PublishResult::kOk);
  CHECK_FALSE(pair.output->changed());
}

TEST_CASE("attaching rings the peer, which may sleep on a wake that died with the predecessor") {
  Pair pair;
  pair.attach_output();
  CHECK(rung(pair.consumer_bell));
  pair.attach_input();
  CHECK(rung(pair.producer_bell));
}

TEST_CASE("a restarted sleeper's numbers go on, so a waker that served the old ones still rings") {
  Pair pair;
  pair.input->disarm();
  pair.input->arm();
  const std::uint64_t before = pair.segment.consumer_page().data_ticket & 0xFFFFFFFFU;
  REQUIRE(pair.send("a") == PublishResult::kOk);
  CHECK(rung(pair.consumer_bell));  // this number is served now
  pair.attach_input();              // dies asleep
  CHECK((pair.segment.consumer_page().data_ticket & 1U) == 0);
  REQUIRE(pair.take());
  pair.input->disarm();
  pair.input->arm();
  CHECK((pair.segment.consumer_page().data_ticket & 0xFFFFFFFFU) > before);
  REQUIRE(pair.send("b") == PublishResult::kOk);
  CHECK(rung(pair.consumer_bell));
}

TEST_CASE("a belt that ran out is late only if data had been there for a while") {
  Pair pair;
  pair.input->disarm();
  pair.input->arm();
  pair.input->count_wake(true);
  CHECK(pair.segment.consumer_page().waits == 1);
  CHECK(pair.segment.consumer_page().late_wakes == 0);
  REQUIRE(pair.send("a") == PublishResult::kOk);
  pair.input->count_wake(true);  // just now: a race, not a loss
  CHECK(pair.segment.consumer_page().late_wakes == 0);
  pair.clock.advance(kSecond);
  pair.input->count_wake(false);
  CHECK(pair.segment.consumer_page().late_wakes == 0);
  pair.input->count_wake(true);
  CHECK(pair.segment.consumer_page().late_wakes == 1);
}

TEST_CASE("a doorbell without a descriptor is silent, and a full one does not block") {
  const Doorbell none;
  none.ring();
  none.clear();
  CHECK_FALSE(none);
  const Doorbell bell = Doorbell::create();
  const std::uint64_t almost = UINT64_MAX - 1;
  REQUIRE(::write(bell.fd(), &almost, sizeof almost) == sizeof almost);
  bell.ring();
  CHECK(rung(bell));
  CHECK_FALSE(rung(bell));
}
