#include "ipc/turn_log.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <memory>
#include <thread>

using namespace prot;
using namespace prot::ipc;

namespace {

TurnTimes turn(std::uint32_t number) {
  TurnTimes made;
  made.turn = number;
  made.utterance = number + 1;
  made.prompt_tokens = made.cached_tokens = made.recall_tokens = made.wait_ms = made.end_probability = number;
  made.stamps.fill(static_cast<Nanos>(number));
  made.model = "model " + std::to_string(number);
  return made;
}

// Every field says the same number: a mixture of two turns does not.
bool whole(const TurnTimes& t) { return t == turn(t.turn); }

}  // namespace

TEST_CASE("the newest turn comes first, and the oldest make room") {
  const auto log = std::make_unique<TurnLog>();
  CHECK(read_turns(*log).empty());
  for (std::uint32_t i = 1; i <= 20; ++i) write_turn(*log, turn(i));
  const auto turns = read_turns(*log);
  REQUIRE(turns.size() == kTurnSlots);
  CHECK(turns.front() == turn(20));
  CHECK(turns.back() == turn(5));
  CHECK(read_turns(*log, 3).size() == 3);
  CHECK(read_turns(*log, 3).back() == turn(18));
}

TEST_CASE("a slot whose writer died in the middle is left out, and the next writer takes it") {
  const auto log = std::make_unique<TurnLog>();
  write_turn(*log, turn(1));
  write_turn(*log, turn(2));
  log->slots[1].sequence.store(log->slots[1].sequence.load() + 1);  // begun again, not ended
  auto turns = read_turns(*log);
  REQUIRE(turns.size() == 1);
  CHECK(turns[0] == turn(1));
  log->count.store(1);  // the count is the writer's last step
  write_turn(*log, turn(3));
  turns = read_turns(*log);
  REQUIRE(turns.size() == 2);
  CHECK(turns[0] == turn(3));
}

TEST_CASE("whatever stands in the bytes, a reader gets bounded text, known flags and no negative time") {
  const auto log = std::make_unique<TurnLog>();
  TurnTimes odd = turn(1);
  odd.model = std::string(100, 'm');
  odd.flags = 0xFFFF'FFFF;
  odd.stamps[0] = -5;
  write_turn(*log, odd);
  for (Word& word : log->slots[0].model) word.store(0x4141'4141'4141'4141);
  log->count.store(UINT64_MAX - 15);  // slot 0 is the newest
  const auto turns = read_turns(*log);
  REQUIRE(turns.size() == 1);
  CHECK(turns[0].model == std::string(32, 'A'));
  CHECK(turns[0].flags == (kTurnInterrupted | kTurnFailed | kTurnPreemptive));
  CHECK(turns[0].stamps[0] == 0);
}

TEST_CASE("a reader beside the writer never sees half a turn") {
  const auto log = std::make_unique<TurnLog>();
  std::atomic<bool> stop = false;
  std::atomic<std::uint64_t> seen = 0;
  std::thread reader([&] {
    while (!stop.load()) {
      for (const TurnTimes& t : read_turns(*log)) {
        if (!whole(t)) stop = true;
        ++seen;
      }
    }
  });
  std::uint32_t number = 0;
  while (!stop.load() && (number < 20'000 || seen.load() < 1'000)) write_turn(*log, turn(++number));
  const bool torn = stop.exchange(true);
  reader.join();
  CHECK_FALSE(torn);
}

TEST_CASE("the steps add up to the whole, whatever came early or is missing") {
  TurnTimes t;
  t.at(TurnStamp::kSpeechEnd) = kSecond;
  t.at(TurnStamp::kEndDecided) = kSecond + 600 * kMillisecond;
  t.at(TurnStamp::kFinalTranscript) = kSecond + 650 * kMillisecond;
  t.at(TurnStamp::kRequest) = kSecond + 400 * kMillisecond;  // asked before the turn was sure
  t.at(TurnStamp::kFirstSegment) = kSecond + 900 * kMillisecond;
  t.at(TurnStamp::kAudible) = kSecond + 1200 * kMillisecond;
  const auto since = since_speech_end(t);
  CHECK(since[2] == 400 * kMillisecond);
  CHECK_FALSE(since[3].has_value());
  const auto steps = step_times(t);
  CHECK(steps[0] == 600 * kMillisecond);
  CHECK(steps[1] == 50 * kMillisecond);
  CHECK(steps[2] == 0);
  CHECK_FALSE(steps[3].has_value());
  CHECK(steps[4] == 250 * kMillisecond);
  Nanos sum = 0;
  for (const auto& step : steps) sum += step.value_or(0);
  CHECK(sum == 1200 * kMillisecond);
  CHECK_FALSE(step_times(TurnTimes{})[0].has_value());
}
