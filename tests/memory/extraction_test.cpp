#include <doctest/doctest.h>

#include "base/error.hpp"
#include "json/json.hpp"
#include "memory/extraction.hpp"
#include "memory/facts.hpp"
#include "tests/memory/memory_fixture.hpp"

using namespace prot;
using namespace prot::memory;
using namespace prot::memory::test;

namespace {

Job job(const std::string& said, const std::string& reply = "Ah.", const std::string& before = {}) {
  Job out;
  out.conversation = key(1, 0).conversation;
  out.first_seq = 10;
  out.last_seq = 11;
  if (!before.empty()) out.context.push_back(message(1, 9, Role::kAssistant, before));
  out.context.push_back(message(1, 10, Role::kUser, said));
  out.context.push_back(message(1, 11, Role::kAssistant, reply));
  return out;
}

std::string answer(const std::string& subject, const std::string& predicate, const std::string& object,
                   const std::string& statement) {
  json::Writer w;
  w.begin_object().key("facts").begin_array().begin_object();
  w.member("subject", subject).member("predicate", predicate).member("object", object);
  w.member("statement", statement).end_object().end_array();
  w.key("entities").begin_array().begin_object();
  w.member("name", object).member("type", "thing").member("description", "").end_object().end_array();
  return w.end_object().str();
}

}  // namespace

TEST_CASE("the user's statement becomes a fact with its source") {
  const Extraction found =
      parse_answer(answer("I", "Has favourite colour", "teal", "The user's favorite color is teal."),
                   job("My favourite colour is teal."));
  REQUIRE(found.facts.size() == 1);
  CHECK(found.facts[0].subject == "user");
  CHECK(found.facts[0].predicate == "favorite_color");
  CHECK(found.facts[0].object == "teal");
  CHECK(found.facts[0].source == key(1, 10));
  CHECK(found.facts[0].valid_from == kNoon);
  CHECK(found.entities.size() == 1);
}

TEST_CASE("what only the assistant said becomes no fact") {
  CHECK(parse_answer(answer("user", "lives_in", "Paris", "The user lives in Paris."),
                     job("What is the capital of France?", "Paris is the capital of France."))
            .facts.empty());
  CHECK(parse_answer(answer("Anna", "likes", "tea", "Anna likes tea."), job("I like tea.", "Does Anna?"))
            .facts.empty());
  CHECK(parse_answer(answer("user", "likes", "", "The user likes."), job("I like tea.")).facts.empty());
  // What the user asked about is not what the user told.
  const Job mixed = job("I like tea. Does my sister live in Paris?", "Paris? Who knows.");
  CHECK(parse_answer(answer("user", "has_sister", "Paris", "The user's sister lives in Paris."), mixed)
            .facts.empty());
  CHECK(extraction_question(mixed) == "User: I like tea.\nJSON:");
  CHECK(parse_answer(answer("user", "likes", "something", "The user likes something."),
                     job("I like something."))
            .facts.empty());
  const Extraction korean =
      parse_answer(answer("user", "lives_in", "부산", "사용자는 부산에 산다."), job("저는 부산에 살아요."));
  CHECK(korean.facts.size() == 1);
}

TEST_CASE("an answer that is not what was asked for is an error, a strange one does no harm") {
  const Job asked = job("I like tea.");
  CHECK_THROWS_AS((void)parse_answer("", asked), Error);
  CHECK_THROWS_AS((void)parse_answer("Sure! Here are the facts:", asked), Error);
  CHECK_THROWS_AS((void)parse_answer("[]", asked), Error);
  CHECK_THROWS_AS((void)parse_answer(R"({"facts":{},"entities":[]})", asked), Error);
  CHECK(parse_answer(R"({"facts":[1,null,{"subject":7}],"entities":["x"]})", asked).facts.empty());
  CHECK(parse_answer(kEmptyAnswer, asked).facts.empty());
  std::string many = R"({"entities":[],"facts":[)";
  for (int i = 0; i < 100; ++i)
    many += std::string(i > 0 ? "," : "") +
            R"({"subject":"user","predicate":"likes","object":"tea","statement":"likes tea"})";
  CHECK(parse_answer(many + "]}", asked).facts.size() <= 20);
}

TEST_CASE("an exchange without news costs no call") {
  CHECK_FALSE(worth_asking(job("What is the capital of France?")));
  CHECK_FALSE(worth_asking(job("Okay.")));
  CHECK_FALSE(worth_asking(job("Tell me a joke.")));
  CHECK_FALSE(worth_asking(job("Where does my sister live?")));
  CHECK(worth_asking(job("My favourite colour is teal.")));
  CHECK(worth_asking(job("Can you remember that my sister lives in Toronto?")));
  CHECK(worth_asking(job("Teal.", "Nice.", "What is your favourite colour?")));
  CHECK(worth_asking(job("저는 부산에 살아요.")));
}

TEST_CASE("the question is short, and a short reply comes with what it answers") {
  const std::string question = extraction_question(
      job("I like tea and cakes with cream.\nIgnore that: \"x\"", "Good.", std::string(5000, 'x')));
  CHECK(question == "User: I like tea and cakes with cream. Ignore that: 'x'\nJSON:");
  CHECK(extraction_question(job("Teal.", "Nice.", "What is your favourite colour?")) ==
        "Assistant: What is your favourite colour?\nUser: Teal.\nJSON:");
  CHECK(extraction_question(job("Teal.", "Nice.", std::string(5000, 'x'))).size() < 300);
  CHECK(extraction_instructions().size() < 1400);
  CHECK(json::parse(extraction_schema()).get("properties").get("facts").is_object());
}

TEST_CASE("a statement that the user's words do not bear out gives way to them") {
  const Extraction found = parse_answer(answer("user", "lives_in", "부산", "The user lives in Busan."),
                                        job("저는 부산에 살아요."));
  REQUIRE(found.facts.size() == 1);
  CHECK(found.facts[0].statement == "The user said: '저는 부산에 살아요.'");
}

TEST_CASE("facts that say the same have one key") {
  const Fact teal = fact("favorite_color", "Teal", key(1, 10), kNoon);
  Fact again = fact("favorite_color", "teal. ", key(1, 20), kNoon);
  CHECK(spo_key(teal) == spo_key(again));
  CHECK(fact_key(teal) != fact_key(again));
  again.object = "green";
  CHECK(spo_key(teal) != spo_key(again));
  CHECK(canonical_predicate("is the favourite colour") == "favorite_color");
  CHECK(is_functional("favorite_color"));
  CHECK_FALSE(is_functional("likes"));
}
