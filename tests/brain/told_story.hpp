#pragma once

#include <string>
#include <vector>

#include "brain_bench.hpp"

/// A story is told and somebody speaks into it: what the tests of interruptions begin with.
namespace prot::test {

inline constexpr Nanos kMs = kMillisecond;

inline std::size_t count(const std::vector<Sent>& all, wire::Kind kind) { return of_kind(all, kind).size(); }

// A story of two sentences is being told; its first second was heard.
inline void tell(BrainBench& bench, const std::string& reply = "Once there was a king. He had three sons.") {
  bench.say(1, "Tell me a story");
  bench.model->reply(reply);
  bench.work();
  bench.play(wire::Played::kStarted, 1);
  bench.advance(kSecond);
  (void)bench.sent("turns");
  (void)bench.spoken();
}

// The person says something short; it is not yet known what.
inline Nanos interject(BrainBench& bench, std::uint32_t utterance, Nanos speech = 300 * kMs) {
  const Nanos began = bench.clock.now();
  bench.advance(100 * kMs);
  bench.hear(wire::Heard::kStarted, utterance, began);
  bench.advance(100 * kMs);
  bench.hear(wire::Heard::kConfirmed, utterance, began + 190 * kMs);
  bench.advance(speech);
  bench.hear(wire::Heard::kPaused, utterance, began + speech);
  return began;
}

inline bool held(BrainBench& bench) { return bench.page().hold_until_ns.load() > bench.clock.now(); }
inline std::uint64_t cancelled(BrainBench& bench) { return bench.page().cancelled_turn.load(); }

/// What brain told memory since the last look.
struct Seen {
  int users = 0;
  int ends = 0;
  std::string last_end;
  bool interrupted = false;
};

inline Seen look(BrainBench& bench) {
  Seen seen;
  for (const Sent& one : bench.sent("turns")) {
    seen.users += one.kind == wire::Kind::kUserMessage ? 1 : 0;
    if (one.kind != wire::Kind::kReplyEnd) continue;
    ++seen.ends;
    seen.last_end = one.text;
    seen.interrupted = one.interrupted;
  }
  return seen;
}

}  // namespace prot::test
