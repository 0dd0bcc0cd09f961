#include "brain/engines/hidden_thoughts.hpp"

#include <doctest/doctest.h>

#include <random>
#include <regex>

#include "fake_model.hpp"

using namespace prot;
using namespace prot::brain;

namespace {

std::string whole(std::string_view text) {
  HiddenThoughts thoughts;
  std::string out = thoughts.push(text);
  return out + thoughts.finish();
}

struct Case {
  const char* text;
  const char* heard;
};

constexpr Case kCases[] = {
    {"Paris.", "Paris."},
    {"<think>It is in France.</think>Paris.", "Paris."},
    {"<think>\nHmm, <b>France</b> [1] < 3 > 2.\n</think>\n\nParis.", "\n\nParis."},
    {"<thinking>a</thinking>b<reasoning>c</reasoning>d", "bd"},
    {"<THINK>a</Think>b", "b"},
    {"<think effort=\"high\">a</think >b", "b"},
    {"[THINK]a[/THINK]b", "b"},
    {"<thought>a</thought><reflection>b</reflection><thoughts>c</thoughts>d", "d"},
    {"Well. <think>never closed", "Well. "},
    {"<think>one name does not end another's</reasoning> still</think>x", "x"},
    {"a</think>b", "ab"},
    {"<think></think>", ""},
    {"2 < 3 and [1] and <b>bold</b>, <thinker> and [reflection].",
     "2 < 3 and [1] and <b>bold</b>, <thinker> and [reflection]."},
    {"x <think", "x "},
    {"x </thi", "x "},
    {"x <", "x <"},
    {"1 <", "1 <"},
    {"<<think>a</think>>", "<>"},
    {"<think>a<think>b</think>c", "c"},
    {"생각 중<think>프랑스…</think> 파리예요.", "생각 중 파리예요."},
    {"", ""},
};

}  // namespace

TEST_CASE("what a model only thinks is taken out of its text") {
  for (const Case& one : kCases) {
    CAPTURE(one.text);
    CHECK(whole(one.text) == one.heard);
  }
}

TEST_CASE("however the text is divided, at any two places and byte by byte, the same words are heard") {
  for (const Case& one : kCases) {
    const std::string_view text = one.text;
    CAPTURE(one.text);
    for (std::size_t first = 0; first <= text.size(); ++first) {
      for (std::size_t second = first; second <= text.size(); ++second) {
        HiddenThoughts thoughts;
        std::string out = thoughts.push(text.substr(0, first));
        out += thoughts.push(text.substr(first, second - first));
        out += thoughts.push(text.substr(second));
        out += thoughts.finish();
        REQUIRE(out == one.heard);
      }
    }
    HiddenThoughts thoughts;
    std::string out;
    for (const char c : text) out += thoughts.push({&c, 1});
    out += thoughts.finish();
    CHECK(out == one.heard);
  }
}

TEST_CASE("texts of such pieces in any order, in random deltas: as whole, and never a thought") {
  constexpr const char* kPieces[] = {
      "<think>", "</think>", "<reasoning>", "</reasoning>", "[THINK]",  "[/THINK]", "<",   ">",
      "[",       "a word ",  "</",          "<thi",         "thinking", "파리 ",    "<b>", "]"};
  std::mt19937 random(7);
  const auto pick = [&random](std::size_t below) {
    return std::uniform_int_distribution<std::size_t>(0, below - 1)(random);
  };
  for (int round = 0; round < 3000; ++round) {
    std::string text;
    for (std::size_t i = 0; i < 12; ++i) text += kPieces[pick(std::size(kPieces))];
    HiddenThoughts thoughts;
    std::string out;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t length = 1 + pick(6);
      out += thoughts.push(std::string_view(text).substr(at, length));
      at += length;
    }
    out += thoughts.finish();
    CAPTURE(text);
    REQUIRE(out == whole(text));
    REQUIRE(out.size() <= text.size());
  }
  const std::regex thought("<(think|reasoning)>[^<]*</\\1>");
  for (int round = 0; round < 500; ++round) {  // well-formed ones: against a plain expression
    std::string text;
    for (std::size_t i = 0; i < 6; ++i) {
      const std::string name = pick(2) == 0 ? "think" : "reasoning";
      text += pick(2) == 0 ? "said " : "<" + name + ">thought</" + name + ">";
    }
    CAPTURE(text);
    REQUIRE(whole(text) == std::regex_replace(text, thought, ""));
  }
}

TEST_CASE("a model's events: thoughts are left out, of each request by itself") {
  auto made = std::make_unique<test::FakeModel>();
  test::FakeModel& fake = *made;
  ThoughtlessModel model(std::move(made));
  CHECK(model.name() == "fake");
  CHECK(model.can_prefill());
  const RequestId one = model.start({}, kSecond);
  const RequestId two = model.start({}, kSecond);
  const RequestId gone = model.start({}, kSecond);
  std::string heard_one;
  std::string heard_two;
  const auto poll = [&] {
    for (const ModelEvent& event : model.poll(2 * kSecond)) {
      CHECK(event.id != gone);
      std::string& heard = event.id == one ? heard_one : heard_two;
      if (event.kind == ModelEvent::Kind::kText) {
        CHECK_FALSE(event.text.empty());
        heard += event.text;
      }
      if (event.kind == ModelEvent::Kind::kDone) heard += "|";
      if (event.kind == ModelEvent::Kind::kError) heard += "!";
    }
  };
  fake.say(gone, "<think>x");
  fake.say(one, "<thi");
  fake.say(two, "It is <");
  poll();
  model.cancel(gone);
  CHECK(heard_one.empty());
  CHECK(heard_two == "It is ");
  fake.say(one, "nk>France</th");
  poll();
  fake.say(one, "ink>Paris.");
  fake.done(one);
  fake.fail(two, http::ErrorClass::kRetry);
  poll();
  CHECK(heard_one == "Paris.|");
  CHECK(heard_two == "It is <!");
}
