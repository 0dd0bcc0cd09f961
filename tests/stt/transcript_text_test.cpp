#include "stt/transcript_text.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace prot::stt {
namespace {

TEST_CASE("what is no speech is not transcribed") {
  CHECK(clean_transcript(" [BLANK_AUDIO]").empty());
  CHECK(clean_transcript("(music)").empty());
  CHECK(clean_transcript("♪ la la ♪").empty());
  CHECK(clean_transcript("*sighs*").empty());
  CHECK(clean_transcript(" ... ").empty());
  CHECK(clean_transcript("").empty());
}

TEST_CASE("speech is kept as it is, with single spaces") {
  CHECK(clean_transcript("  Good  morning,\n what's up? ") == "Good morning, what's up?");
  CHECK(clean_transcript(" [door slams] Come in. (laughs)") == "Come in.");
  CHECK(clean_transcript(" 안녕하세요.") == "안녕하세요.");
  CHECK(clean_transcript("The list (one") == "The list one");
  CHECK(clean_transcript("7") == "7");
}

TEST_CASE("broken bytes become replacement characters") {
  CHECK(clean_transcript("a\xED\x95") == "a\xEF\xBF\xBD");
}

TEST_CASE("what a broken service sends beyond all speech is left out, in no time") {
  CHECK(clean_transcript(std::string(1U << 20U, 'x')).size() == kMostTranscript);
  CHECK(clean_transcript(std::string(1U << 24U, '[')).empty());
}

TEST_CASE("a phrase that repeats four times in a row is said once") {
  CHECK(without_loops("I see. I see. I see. I see. I see. I") == "I see.");
  CHECK(without_loops("so so so so so what") == "so what");
  CHECK(without_loops("no, no, no") == "no, no, no");
  const std::string sentence = "Turn off the light in the hall.";
  CHECK(without_loops(sentence + " " + sentence + " " + sentence + " Turn off") == sentence);
  CHECK(without_loops(sentence + " " + sentence) == sentence + " " + sentence);
  CHECK(without_loops("") == "");
}

TEST_CASE("a decoder's loop is seen in its tokens") {
  const auto looping = [](const std::vector<int>& tokens) {
    return is_looping(static_cast<int>(tokens.size()),
                      [&](int i) { return tokens[static_cast<std::size_t>(i)]; });
  };
  CHECK_FALSE(looping({}));
  CHECK_FALSE(looping({5, 5, 5}));
  CHECK(looping({5, 5, 5, 5, 5, 5, 5, 5}));
  CHECK(looping({9, 1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3}));
  CHECK_FALSE(looping({1, 2, 3, 1, 2, 3, 1, 2, 3, 4}));
  std::vector<int> sentences;
  for (int i = 0; i < 45; ++i) sentences.push_back(i % 15);
  CHECK(looping(sentences));
  sentences.pop_back();
  CHECK_FALSE(looping(sentences));
}

}  // namespace
}  // namespace prot::stt
