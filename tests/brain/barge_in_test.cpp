#include "brain/barge_in.hpp"

#include <doctest/doctest.h>

using namespace prot;
using namespace prot::brain;
using wire::Heard;

namespace {

constexpr Nanos kMs = kMillisecond;
const ReplyView kSilent{true, 0};
const ReplyView kAudible{true, 1000 * kMs};
const ReplyView kNoReply{};

/// A barge-in with headphones on, driven in milliseconds.
struct Bench {
  explicit Bench(bool separable = true, bool enabled = true)
      : barge({.enabled = enabled,
               .separable = separable,
               .grace = 300 * kMs,
               .sustained = 700 * kMs,
               .notice = 300 * kMs,
               .hold = 2000 * kMs}) {}
  BargeAction heard(Heard what, int at, int now, std::uint32_t utterance = 1) {
    return barge.on_hearing(utterance, {what, -20.0F, at * kMs, now * kMs}, reply, now * kMs);
  }
  BargeAction words(Words words, int now, bool final = false, std::uint32_t utterance = 1, int began = 0) {
    return barge.on_words(utterance, words, final, began * kMs, reply, now * kMs);
  }
  BargeAction tick(int now) { return barge.tick(reply, now * kMs); }
  [[nodiscard]] long hold() const { return barge.hold_until() / kMs; }
  [[nodiscard]] long deadline() const {
    const Nanos at = barge.deadline(reply);
    return at == kNever ? -1 : at / kMs;
  }

  BargeIn barge;
  ReplyView reply = kAudible;
};

}  // namespace

TEST_CASE("speech holds at once, and cancels when as much of it is sure as a hold lasts") {
  Bench bench;
  CHECK(bench.heard(Heard::kStarted, 2000, 2110) == BargeAction::kHold);
  CHECK(bench.hold() == 4110);
  CHECK(bench.heard(Heard::kStarted, 2000, 2120) == BargeAction::kNone);
  CHECK(bench.heard(Heard::kConfirmed, 2190, 2210) == BargeAction::kHold);
  CHECK(bench.hold() == 5300);  // it lasts longer than the proof can take
  CHECK(bench.deadline() == 4300);
  CHECK(bench.tick(4299) == BargeAction::kNone);
  CHECK(bench.tick(4300) == BargeAction::kCancel);
  CHECK_FALSE(bench.barge.suspected());
  bench.reply = kNoReply;
  CHECK(bench.tick(9000) == BargeAction::kNone);
  CHECK(bench.deadline() == -1);
}

TEST_CASE(
    "what lasted long enough cancels before its hold ends when no words come; what was shorter does not") {
  Bench bench;
  bench.heard(Heard::kStarted, 2000, 2110);
  bench.heard(Heard::kConfirmed, 2190, 2210);
  CHECK(bench.heard(Heard::kPaused, 2699, 2890) == BargeAction::kHold);
  CHECK(bench.hold() == 4699);
  CHECK(bench.tick(4698) == BargeAction::kNone);
  CHECK(bench.tick(4699) == BargeAction::kRelease);
  Bench longer;
  longer.heard(Heard::kStarted, 2000, 2110);
  longer.heard(Heard::kConfirmed, 2190, 2210);
  CHECK(longer.heard(Heard::kPaused, 2700, 2890) == BargeAction::kHold);
  CHECK(longer.hold() == 4700);
  CHECK(longer.deadline() == 4600);
  CHECK(longer.tick(4599) == BargeAction::kNone);
  CHECK(longer.tick(4600) == BargeAction::kCancel);  // the player would go on by itself at 4700
}

TEST_CASE("a long backchannel, and a long noise, let the reply go on when their words are known") {
  for (const Words what : {Words::kBackchannel, Words::kNone}) {
    for (const bool final : {false, true}) {
      Bench bench;
      bench.heard(Heard::kStarted, 2000, 2110);
      bench.heard(Heard::kConfirmed, 2190, 2210);
      CHECK(bench.heard(Heard::kPaused, 3700, 3900) == BargeAction::kHold);
      CHECK(bench.words(what, 4200, final, 1, 2000) == BargeAction::kRelease);
      CHECK(bench.tick(9000) == BargeAction::kNone);
      CHECK(bench.deadline() == -1);
    }
  }
}

TEST_CASE("speech is added up over its pauses") {
  Bench bench;
  bench.heard(Heard::kStarted, 2000, 2110);
  bench.heard(Heard::kConfirmed, 2190, 2210);
  bench.heard(Heard::kPaused, 2400, 2600);
  CHECK(bench.deadline() == 4400);
  CHECK(bench.heard(Heard::kConfirmed, 3000, 3010) == BargeAction::kHold);  // it goes on
  CHECK(bench.deadline() == 4900);
  CHECK(bench.tick(4899) == BargeAction::kNone);
  CHECK(bench.tick(4900) == BargeAction::kCancel);
}

TEST_CASE("speech that capture never confirms does not cancel by its length") {
  Bench bench;
  CHECK(bench.heard(Heard::kStarted, 2000, 2110) == BargeAction::kHold);
  CHECK(bench.tick(3500) == BargeAction::kNone);
  CHECK(bench.deadline() == 4110);
  CHECK(bench.tick(4109) == BargeAction::kNone);
  CHECK(bench.tick(4110) == BargeAction::kRelease);  // and capture may be dead
  CHECK(bench.tick(4111) == BargeAction::kNone);
  CHECK(bench.deadline() == -1);
  // It turns out to be speech after all.
  CHECK(bench.heard(Heard::kConfirmed, 2190, 4200) == BargeAction::kHold);
  CHECK(bench.tick(4300) == BargeAction::kCancel);
}

TEST_CASE("a cough lets the reply go on at once; silence, two seconds after the person fell silent") {
  Bench bench;
  CHECK(bench.heard(Heard::kStarted, 2000, 2110) == BargeAction::kHold);
  CHECK(bench.heard(Heard::kDiscarded, 2100, 2300) == BargeAction::kRelease);
  CHECK(bench.heard(Heard::kStarted, 3000, 3110, 2) == BargeAction::kHold);
  CHECK(bench.heard(Heard::kConfirmed, 3190, 3210, 2) == BargeAction::kHold);
  CHECK(bench.heard(Heard::kPaused, 3300, 3500, 2) == BargeAction::kHold);
  CHECK(bench.hold() == 5300);
  CHECK(bench.heard(Heard::kEnded, 3300, 3850, 2) == BargeAction::kNone);
  CHECK(bench.tick(5299) == BargeAction::kNone);
  CHECK(bench.tick(5300) == BargeAction::kRelease);
}

TEST_CASE("a word cancels in any state; a backchannel, or nothing, lets the reply go on") {
  for (const Words what : {Words::kContent, Words::kStop}) {
    for (const bool final : {false, true}) {
      Bench bench;
      bench.heard(Heard::kStarted, 2000, 2110);
      bench.heard(Heard::kPaused, 2300, 2500);
      CHECK(bench.words(what, 2700, final, 1, 2000) == BargeAction::kCancel);
      CHECK_FALSE(bench.barge.suspected());
    }
  }
  for (const Words what : {Words::kNone, Words::kBackchannel}) {
    for (const bool final : {false, true}) {
      Bench bench;
      bench.heard(Heard::kStarted, 2000, 2110);
      bench.heard(Heard::kPaused, 2300, 2500);
      CHECK(bench.words(what, 2700, final, 1, 2000) == BargeAction::kRelease);
      CHECK(bench.heard(Heard::kEnded, 2300, 2900) == BargeAction::kNone);
      CHECK(bench.tick(9000) == BargeAction::kNone);
    }
  }
}

TEST_CASE("a backchannel that goes on is judged anew") {
  Bench bench;
  bench.heard(Heard::kStarted, 2000, 2110);
  bench.heard(Heard::kConfirmed, 2190, 2210);
  CHECK(bench.words(Words::kBackchannel, 2300) ==
        BargeAction::kNone);  // of what was said before: still speaking
  bench.heard(Heard::kPaused, 2500, 2700);
  CHECK(bench.words(Words::kBackchannel, 2900) == BargeAction::kRelease);
  CHECK(bench.heard(Heard::kConfirmed, 3000, 3010) == BargeAction::kHold);
  CHECK(bench.tick(5299) == BargeAction::kNone);  // the half second of "yeah" does not count
  CHECK(bench.tick(5300) == BargeAction::kCancel);
}

TEST_CASE("late words cancel although the hold is over") {
  Bench bench;
  bench.heard(Heard::kStarted, 2000, 2110);
  bench.heard(Heard::kPaused, 2300, 2500);
  CHECK(bench.tick(4300) == BargeAction::kRelease);
  CHECK(bench.words(Words::kContent, 6000, true, 1, 2000) == BargeAction::kCancel);
}

TEST_CASE("a second interruption inside the hold has a hold of its own") {
  Bench bench;
  bench.heard(Heard::kStarted, 2000, 2110, 1);
  bench.heard(Heard::kConfirmed, 2190, 2210, 1);
  bench.heard(Heard::kEnded, 2300, 2850, 1);
  CHECK(bench.hold() == 4300);
  CHECK(bench.heard(Heard::kStarted, 3000, 3110, 2) == BargeAction::kHold);
  CHECK(bench.hold() == 5110);
  // The first was a backchannel: the second still holds.
  CHECK(bench.words(Words::kBackchannel, 3200, true, 1, 2000) == BargeAction::kNone);
  CHECK(bench.hold() == 5110);
  CHECK(bench.heard(Heard::kDiscarded, 3100, 3400, 2) == BargeAction::kRelease);
}

TEST_CASE("a cough behind an utterance whose words are not known yet does not end its hold") {
  Bench bench;
  bench.heard(Heard::kStarted, 2000, 2110, 1);
  bench.heard(Heard::kEnded, 2300, 2850, 1);
  bench.heard(Heard::kStarted, 3000, 3110, 2);
  CHECK(bench.heard(Heard::kDiscarded, 3100, 3400, 2) == BargeAction::kHold);
  CHECK(bench.hold() == 4300);
  CHECK(bench.tick(4300) == BargeAction::kRelease);
}

TEST_CASE("a hold that expires just when speech is proven is an interruption") {
  Bench bench;
  bench.heard(Heard::kStarted, 2000, 2110);
  // A proof by time at the very end of the hold of silence, and words at the end of another.
  bench.heard(Heard::kConfirmed, 2190, 2210);
  bench.heard(Heard::kPaused, 2400, 2600);
  CHECK(bench.hold() == 4400);
  CHECK(bench.words(Words::kContent, 4400) == BargeAction::kCancel);
  CHECK(bench.tick(4400) == BargeAction::kNone);
  Bench length;
  length.heard(Heard::kStarted, 2000, 2110);
  length.heard(Heard::kConfirmed, 2190, 2210);
  length.heard(Heard::kPaused, 2400, 2600);
  CHECK(length.heard(Heard::kPaused, 2400, 4399) == BargeAction::kNone);
  length.heard(Heard::kConfirmed, 4100, 4399);
  CHECK(length.tick(5999) == BargeAction::kNone);  // not released at 4400: speech went on
  CHECK(length.tick(6000) == BargeAction::kCancel);
}

TEST_CASE("a predecessor's hold lasts as it says, until words or noise are told") {
  for (const bool told : {false, true}) {
    Bench bench;
    bench.barge.adopt(4000 * kMs, 3000 * kMs);
    CHECK(bench.tick(3000) == BargeAction::kNone);
    CHECK(bench.deadline() == 4000);
    if (told) {
      CHECK(bench.words(Words::kBackchannel, 3500, true, 5, 2000) == BargeAction::kRelease);
    } else {
      CHECK(bench.tick(3999) == BargeAction::kNone);
      CHECK(bench.tick(4000) == BargeAction::kRelease);
    }
    CHECK(bench.deadline() == -1);
  }
  Bench speaking;
  speaking.barge.adopt(4000 * kMs, 3000 * kMs);
  CHECK(speaking.heard(Heard::kConfirmed, 3100, 3110, 5) == BargeAction::kHold);
  CHECK(speaking.tick(5399) == BargeAction::kNone);
  CHECK(speaking.tick(5400) == BargeAction::kCancel);
}

TEST_CASE("in the first moment of a reply only speech from before it counts; then what goes on does") {
  Bench bench;
  CHECK(bench.heard(Heard::kStarted, 1050, 1160) == BargeAction::kNone);
  CHECK(bench.heard(Heard::kConfirmed, 1240, 1260) == BargeAction::kNone);
  CHECK(bench.deadline() == 1300);
  CHECK(bench.tick(1300) == BargeAction::kHold);
  CHECK(bench.deadline() == 3350);
  CHECK(bench.tick(3350) == BargeAction::kCancel);
  Bench click;
  CHECK(click.heard(Heard::kStarted, 1050, 1160) == BargeAction::kNone);
  CHECK(click.heard(Heard::kDiscarded, 1060, 1250) == BargeAction::kNone);
  CHECK(click.deadline() == -1);
  CHECK(click.heard(Heard::kStarted, 990, 1100, 2) == BargeAction::kHold);
}

TEST_CASE("where prot hears itself only speech from before the first sound interrupts") {
  Bench bench(false);
  CHECK(bench.heard(Heard::kStarted, 5000, 5110) == BargeAction::kNone);
  CHECK(bench.heard(Heard::kConfirmed, 5190, 5210) == BargeAction::kNone);
  CHECK(bench.words(Words::kStop, 5500, true, 1, 5000) == BargeAction::kNone);
  CHECK(bench.deadline() == -1);
  bench.reply = kSilent;
  CHECK(bench.heard(Heard::kStarted, 6000, 6110, 2) == BargeAction::kHold);
  CHECK(bench.heard(Heard::kConfirmed, 6190, 6210, 2) == BargeAction::kHold);
  CHECK(bench.tick(8300) == BargeAction::kCancel);
}

TEST_CASE("a reply that begins while the person speaks begins held, and is cancelled when that lasts") {
  Bench bench;
  bench.reply = kNoReply;
  CHECK(bench.heard(Heard::kStarted, 2000, 2110) == BargeAction::kNone);
  CHECK(bench.deadline() == -1);
  bench.reply = kSilent;
  CHECK(bench.tick(2150) == BargeAction::kHold);
  bench.reply = kNoReply;
  CHECK(bench.tick(2160) == BargeAction::kRelease);
  CHECK(bench.heard(Heard::kConfirmed, 2190, 2210) == BargeAction::kNone);
  bench.reply = kSilent;
  CHECK(bench.tick(12000) == BargeAction::kCancel);  // a long speech
}

TEST_CASE("an utterance whose words are known does not hold the answer to it") {
  Bench bench;
  bench.reply = kNoReply;
  bench.heard(Heard::kStarted, 2000, 2110);
  bench.heard(Heard::kConfirmed, 2190, 2210);
  bench.heard(Heard::kEnded, 3500, 4050);
  CHECK(bench.words(Words::kContent, 4300, true, 1, 2000) == BargeAction::kNone);
  bench.reply = kSilent;
  CHECK(bench.tick(4300) == BargeAction::kNone);
  CHECK(bench.deadline() == -1);
}

TEST_CASE("marks that are lost leave no hold without an end") {
  Bench bench;
  bench.heard(Heard::kStarted, 2000, 2110);
  bench.heard(Heard::kConfirmed, 2190, 2210);
  CHECK(bench.barge.on_gap(bench.reply, 2300 * kMs) == BargeAction::kHold);
  CHECK_FALSE(bench.barge.speaking());
  CHECK(bench.tick(4210) == BargeAction::kRelease);
  // Its end never came: a minute later it is nobody's speech.
  Bench stuck;
  stuck.reply = kNoReply;
  stuck.heard(Heard::kStarted, 2000, 2110);
  stuck.heard(Heard::kConfirmed, 2190, 2210);
  CHECK(stuck.tick(62000) == BargeAction::kNone);
  stuck.reply = kSilent;
  CHECK(stuck.tick(62001) == BargeAction::kNone);
}

TEST_CASE("switched off, or with nothing to interrupt, nothing happens") {
  Bench off(true, false);
  CHECK(off.heard(Heard::kStarted, 2000, 2110) == BargeAction::kNone);
  CHECK(off.heard(Heard::kConfirmed, 2190, 2210) == BargeAction::kNone);
  CHECK(off.words(Words::kStop, 2500, true, 1, 2000) == BargeAction::kNone);
  Bench nobody;
  nobody.reply = kNoReply;
  CHECK(nobody.heard(Heard::kStarted, 2000, 2110) == BargeAction::kNone);
  CHECK(nobody.words(Words::kContent, 2500, true, 1, 2000) == BargeAction::kNone);
  CHECK(nobody.deadline() == -1);
}
