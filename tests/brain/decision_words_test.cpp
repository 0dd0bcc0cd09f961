// What a person says to what memory asks: the whole utterance must say it.
#include <doctest/doctest.h>

#include "brain/decision_words.hpp"

using namespace prot::brain;

namespace {

/// "first | second", with " !" for two that are not one; "-": no such words.
std::string names_in(const char* said) {
  const std::optional<TwoNames> two = two_names(said);
  return two ? two->first + " | " + two->second + (two->same ? "" : " !") : "-";
}

}  // namespace

TEST_CASE("what waits is asked for in so many words") {
  for (const char* said :
       {"Anything to confirm?", "Is there anything to confirm?", "Prot, what should I confirm?",
        "뭐 확인할 거 있어?", "확인할 거 있어?", "혹시 내가 확인할 게 있나요?", "확인할 것 있어"})
    CHECK_MESSAGE(asks_what_waits(said), said);
  for (const char* said :
       {"Can you confirm my appointment?", "Anything to eat?", "메일 확인할 거 있어?",
        "확인할 거 있어서 왔어", "확인해", "", "Is there anything to confirm about the trip?"})
    CHECK_FALSE_MESSAGE(asks_what_waits(said), said);
}

TEST_CASE("it is to be remembered: a yes, and that") {
  for (const char* said : {"Yes, remember that.", "That's right, remember that.", "Yes, please remember it",
                           "그건 맞아, 기억해", "응, 기억해 줘", "네 맞아요, 기억해 주세요", "맞아 기억해"})
    CHECK_MESSAGE(says_remember(said), said);
  for (const char* said :
       {"Remember that.", "Remember that I like tea.", "Yes", "Yes, I remember that.", "기억해",
        "그건 맞아, 기억해?", "기억해 줘", "그 사람 기억해", "네", "Yes, remember that day?"})
    CHECK_FALSE_MESSAGE(says_remember(said), said);
}

TEST_CASE("to a question a clear yes, a clear no, or neither") {
  for (const char* said :
       {"Yes.", "Yes, that's right.", "That's true", "Correct.", "yeah, remember that", "Right.", "응",
        "네, 맞아요", "맞아", "그래 맞아", "그건 사실이야", "네 기억해 주세요"}) {
    CHECK_MESSAGE(says_true(said), said);
    CHECK_FALSE_MESSAGE(says_untrue(said), said);
  }
  for (const char* said :
       {"No.", "No, that's wrong.", "That's not true", "Nope", "Don't remember that.", "아니",
        "아니야, 틀렸어", "아니요", "그건 아니야", "그건 틀려", "사실이 아니야", "기억하지 마"}) {
    CHECK_MESSAGE(says_untrue(said), said);
    CHECK_FALSE_MESSAGE(says_true(said), said);
  }
  for (const char* said :
       {"Yes?", "No?", "아니?", "맞아?", "Maybe.", "I don't know", "Nothing", "Not now", "나중에", "No idea",
        "아니 그게 아니라 내일 얘기야", "Yes, but only on Mondays", "맞아 죽을 뻔했어", "", "Wrong number",
        "글쎄", "No, remember that", "Yes and no"}) {
    CHECK_FALSE_MESSAGE(says_true(said), said);
    CHECK_FALSE_MESSAGE(says_untrue(said), said);
  }
}

TEST_CASE("two names that mean one, or two") {
  CHECK(names_in("Minsu and Kim Minsu are the same person.") == "Minsu | Kim Minsu");
  CHECK(names_in("ACME and Acme Corp are the same company") == "ACME | Acme Corp");
  CHECK(names_in("Bob is the same person as Robert Miller.") == "Bob | Robert Miller");
  CHECK(names_in("Bob and Robert aren't the same person.") == "Bob | Robert !");
  CHECK(names_in("Ann and Anna are different people.") == "Ann | Anna !");
  CHECK(names_in("민수랑 김민수는 같은 사람이야") == "민수랑 | 김민수는");
  CHECK(names_in("지민이랑 박지민은 같은사람이에요.") == "지민이랑 | 박지민은");
  CHECK(names_in("김 과장하고 김민수 씨는 동일 인물이야") == "김 과장하고 | 김민수 씨는");
  CHECK(names_in("민수 그리고 김민수는 같은 사람이야") == "민수 | 김민수는");
  CHECK(names_in("민수와 김민수는 서로 다른 사람이야") == "민수와 | 김민수는 !");
  CHECK(names_in("민수랑 김민수는 같은 사람이 아니야") == "민수랑 | 김민수는 !");
  for (const char* said :
       {"He and I are the same person.", "You and me are the same person",
        "Are Ann and Anna the same person?", "Ann and Anna are the same.",
        "Ann, Bob and Carol and Dan are the same person", "I think Ann and Anna are the same person",
        "Ann and Anna are the same person, I think", "Ann and Anna went to the same place",
        "민수랑 김민수는 같은 사람이야?", "민수랑 김민수는 같은 사람인 것 같아", "나랑 민수는 같은 사람이야",
        "민수랑 영희랑 철수는 같은 사람이야", "민수랑 김민수는 같은 학교에 다녀", "같은 사람이야",
        "김민수는 같은 사람이야", "그건 다른 사람이야", ""})
    CHECK_MESSAGE(names_in(said) == "-", said);
}
