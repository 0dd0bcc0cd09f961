#include "stt/turn_ending.hpp"

#include <doctest/doctest.h>

namespace prot::stt {
namespace {

using wire::Ending;
using wire::PauseWords;

TEST_CASE("words that cannot be the last ones go on") {
  for (const char* text : {"What is the name of the.",
                           "Please add milk, butter and.",
                           "I would like to book a table for.",
                           "Can you tell me how far it is from?",
                           "Could you play the song that we.",
                           "Well, um.",
                           "So, ...",
                           "I was thinking,",
                           "If it rains tomorrow morning.",
                           "As soon as the washing is done.",
                           "When the train arrives in Berlin.",
                           "내일 비가 오면.",
                           "어제 도서관에 갔는데.",
                           "부엌 불을 끄고",
                           "회의가 목요일로 바뀌어서",
                           "밥을 다 먹었으니까.",
                           "국이 조금 짰지만",
                           "빨래가 끝나자마자",
                           "뉴스를 읽어 주기 전에",
                           "모퉁이에 있는 가게가",
                           "서울에서 부산까지는",
                           "어제 차에서 들은 그"}) {
    CAPTURE(text);
    CHECK(ending_of(text) == Ending::kGoesOn);
  }
}

TEST_CASE("questions, requests and final endings are complete") {
  for (const char* text :
       {"What is the name of the tallest mountain in Africa?", "How many people live here.",
        "When is the next train to Berlin.", "Could you turn it off.", "Is it raining?", "One more, please.",
        "Tea or coffee?", "집에서 영화를 보고 싶어요.", "거실 창문을 닫아 주세요", "산책을 나갈까요?",
        "지금 몇 시입니까", "오늘은 춥습니다.", "불 좀 꺼 줘.", "가자"}) {
    CAPTURE(text);
    CHECK(ending_of(text) == Ending::kComplete);
  }
}

TEST_CASE("the rest may be all, or may not") {
  for (const char* text :
       {"", " ", ".", "I was going to call my sister.", "Turn off the lights in the kitchen.",
        "What is it for.", "What city do you live in.", "Yes.", "and", "사과", "커피 한 잔",
        "If it rains tomorrow, I stay at home.", "\xff\xfe", "123"}) {
    CAPTURE(text);
    CHECK(ending_of(text) == Ending::kUnknown);
  }
}

TEST_CASE("a judgement survives its word on the board") {
  for (const Ending ending : {Ending::kUnknown, Ending::kGoesOn, Ending::kComplete}) {
    const PauseWords read = PauseWords::unpacked(PauseWords{0xFFFF'FFFF, 0x3FFF'FFFF, ending}.packed());
    CHECK(read.utterance == 0xFFFF'FFFF);
    CHECK(read.pause == 0x3FFF'FFFF);
    CHECK(read.ending == ending);
  }
  CHECK(PauseWords::unpacked(0).utterance == 0);
  CHECK(PauseWords::unpacked(3).ending == Ending::kUnknown);
}

}  // namespace
}  // namespace prot::stt
