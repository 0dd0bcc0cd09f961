#include "brain/confirmation.hpp"

#include <doctest/doctest.h>

using namespace prot;
using namespace prot::brain;

namespace {

struct Bench {
  std::vector<std::string> steps;
  Confirmation open{[this](std::string_view step, std::string_view) { steps.emplace_back(step); }};
  void ask(Nanos now = 0) {
    open.ask({{"call_abcdefgh", "home", "{}"},
              {"Unlock Front Door.", "현관문 잠금 해제.", {"unlock", "현관문", "열어줘"}}},
             now);
  }
};

}  // namespace

TEST_CASE("a yes is a yes and nothing else, in both languages") {
  for (const char* yes :
       {"Yes.", "yes please", "Yeah, do it!", "OK, go ahead.", "Sure, thank you", "Please do.", "네.",
        "네, 그렇게 해 주세요.", "네네", "응", "예, 해주세요", "그래 그렇게해줘", "네 yes", "물론이지"})
    CHECK_MESSAGE(says_yes(yes), yes);
  for (const char* no : {"No.",
                         "No, yes.",
                         "yes but only the window",
                         "not yet",
                         "don't do it",
                         "stop",
                         "wait",
                         "maybe",
                         "Yes?",
                         "you",
                         "the door",
                         "do",
                         "아니.",
                         "아니요",
                         "네?",
                         "네 아니요",
                         "안 해",
                         "하지 마",
                         "됐어",
                         "네, 창문 열어줘",
                         "잠깐만",
                         "어",
                         "취소해",
                         "",
                         "네 그런데 몇 시야",
                         "Thank you."})
    CHECK_MESSAGE(!says_yes(no), no);
}

TEST_CASE("a yes may repeat the matter, and only the matter") {
  const std::vector<std::string> about = {"unlock", "Front Door", "현관문", "열어줘"};
  CHECK(says_yes("Yes, unlock the front door.", about));
  CHECK(says_yes("네, 현관문을 열어 줘.", about));
  CHECK_FALSE(says_yes("Unlock the front door.", about));  // that was said before prot asked
  CHECK_FALSE(says_yes("Yes, unlock the back door.", about));
  CHECK_FALSE(says_yes("네, 창문을 열어 줘.", about));
}

TEST_CASE("a yes to what was heard counts once") {
  Bench bench;
  CHECK(bench.open.judge("yes", 1) == Confirmation::Answer::kNone);
  bench.ask();
  bench.open.heard(kSecond);
  CHECK(bench.open.next_deadline() == kSecond + Confirmation::kTime);
  CHECK(bench.open.judge("Yes, please.", 2 * kSecond) == Confirmation::Answer::kYes);
  CHECK(bench.open.take().call.name == "home");
  CHECK(bench.open.judge("yes", 3 * kSecond) == Confirmation::Answer::kNone);
  CHECK(bench.open.next_deadline() == kNever);
  CHECK(bench.steps == std::vector<std::string>{"asked", "heard", "yes"});
}

TEST_CASE("anything that is no yes drops it, and so do time and another question") {
  for (const char* words : {"no", "아니", "what time is it", "yes but later"}) {
    Bench bench;
    bench.ask();
    bench.open.heard(0);
    CHECK(bench.open.judge(words, 1) == Confirmation::Answer::kDropped);
    CHECK(bench.open.judge("yes", 2) == Confirmation::Answer::kNone);
  }
  Bench bench;
  bench.ask();
  bench.open.heard(0);
  bench.open.tick(Confirmation::kTime - 1);
  CHECK(bench.open.state() == Confirmation::State::kHeard);
  CHECK(bench.open.judge("yes", Confirmation::kTime) == Confirmation::Answer::kNone);
  CHECK(bench.steps.back() == "dropped");
  bench.ask();
  bench.ask();
  CHECK(bench.steps == std::vector<std::string>{"asked", "heard", "dropped", "asked", "dropped", "asked"});
  bench.open.drop();
  CHECK(bench.open.state() == Confirmation::State::kNone);
}

TEST_CASE("a yes to what was not heard is asked once more, and never taken") {
  Bench bench;
  bench.ask();
  CHECK(bench.open.judge("yes", 1) == Confirmation::Answer::kAgain);
  CHECK(bench.open.state() == Confirmation::State::kAsked);
  CHECK(bench.open.judge("yes", 2) == Confirmation::Answer::kDropped);
  bench.ask();
  CHECK(bench.open.judge("yes", 3) == Confirmation::Answer::kAgain);
  bench.open.heard(4);
  CHECK(bench.open.judge("yes", 5) == Confirmation::Answer::kYes);
}
