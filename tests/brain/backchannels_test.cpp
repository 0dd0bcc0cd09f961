#include "brain/backchannels.hpp"

#include <doctest/doctest.h>

using prot::brain::Backchannels;
using prot::brain::Words;

TEST_CASE("what means \"I am listening\" is told from what wants an answer, in both languages") {
  const Backchannels lists({}, {});
  for (const char* text : {"네",
                           "네.",
                           "네네",
                           "네, 네.",
                           "네네네네",
                           "응",
                           "응응응",
                           "음...",
                           "으음",
                           "어",
                           "아",
                           "아아",
                           "그래",
                           "그래 그래",
                           "맞아!",
                           "네 맞아요",
                           "응, 그래.",
                           "그렇구나",
                           "Uh-huh.",
                           "uh huh",
                           "UH HUH",
                           "mm",
                           "Mmm.",
                           "Mm-hmm",
                           "hmmmm",
                           "Yeah",
                           "yeah, yeah.",
                           "Okay.",
                           "OK",
                           "Right.",
                           "ok right yeah",
                           "네 okay",
                           "\uFF4F\uFF4B"}) {
    CAPTURE(text);
    CHECK(lists.judge(text) == Words::kBackchannel);
  }
  for (const char* text : {"네?",
                           "응?",
                           "okay?",
                           "네 그런데요",
                           "네이버",
                           "어제",
                           "아니",
                           "아니요",
                           "아버지",
                           "그래서",
                           "음악",
                           "맞아 죽겠네",
                           "no",
                           "right now",
                           "yeah but why",
                           "okay tell me more",
                           "what",
                           "yesterday",
                           "um, the other one",
                           "그만큼 중요해",
                           "잠깐, 그게 뭐야?",
                           "Stop? Why?",
                           "stop telling me about dogs and cats",
                           "don't stop",
                           "7"}) {
    CAPTURE(text);
    CHECK(lists.judge(text) == Words::kContent);
  }
  for (const char* text : {"", " ", "...", "?!", "♪"}) {
    CAPTURE(text);
    CHECK(lists.judge(text) == Words::kNone);
  }
}

TEST_CASE("a stop word acts alone or at the beginning of something short") {
  const Backchannels lists({}, {});
  for (const char* text : {"그만", "그만!", "그만해", "그만 그만", "그만 좀 해", "멈춰", "잠깐", "잠깐만요.",
                           "아 잠깐만", "stop", "Stop!", "STOP.", "stop it, please", "okay stop",
                           "Stop. Stop. Stop!", "hold on", "네 그만", "그만?"}) {
    CAPTURE(text);
    CHECK(lists.judge(text) == Words::kStop);
  }
}

TEST_CASE("the lists can be one's own") {
  const Backchannels lists({"Roger that", "좋아"}, {"Halt", "됐어"});
  CHECK(lists.judge("roger THAT") == Words::kBackchannel);
  CHECK(lists.judge("좋아좋아") == Words::kBackchannel);
  CHECK(lists.judge("roger") == Words::kContent);
  CHECK(lists.judge("네") == Words::kContent);
  CHECK(lists.judge("halt!") == Words::kStop);
  CHECK(lists.judge("됐어 이제") == Words::kStop);
  CHECK(lists.judge("stop") == Words::kContent);
}

TEST_CASE("bytes that are no text, and very long texts, are judged all the same") {
  const Backchannels lists({}, {});
  CHECK(lists.judge("\xff\xfe") == Words::kNone);
  CHECK(lists.judge("\xeb\x84") == Words::kNone);  // half a syllable
  std::string many;
  for (int i = 0; i < 10000; ++i) many += "네";
  CHECK(lists.judge(many) == Words::kBackchannel);
  CHECK(lists.judge(many + "요리") == Words::kContent);
}
