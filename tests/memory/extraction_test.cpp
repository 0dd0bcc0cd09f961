#include <doctest/doctest.h>

#include "base/error.hpp"
#include "json/json.hpp"
#include "memory/extraction/extraction.hpp"
#include "memory/knowledge/facts.hpp"
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

TEST_CASE("the original's JSON is understood, in a code fence or without") {
  const std::string original =
      R"({"entities":[{"name":"Anna","type":"person","description":"sister"}],"relationships":[{"source":"Anna",)"
      R"("target":"Toronto","type":"LIVES_IN","description":"Anna lives in Toronto."},{"source":"user","target":"Anna",)"
      R"("type":"has_sister","description":""}]})";
  const Job told = job("My sister Anna lives in Toronto.");
  for (const std::string& answer :
       {original, "```json\n" + original + "\n```", "```\n" + original + "```",
        "Here it is:\n```json\n" + original + "\n```\nAnything else?", "```json " + original + " ```",
        "Here it is: " + original + "\nAnything else?"}) {
    const Extraction found = parse_answer(answer, told);
    REQUIRE(found.facts.size() == 2);
    CHECK(found.facts[0].predicate == "lives_in");
    CHECK(found.facts[0].subject == "Anna");
    CHECK(found.facts[0].object == "Toronto");
    CHECK(found.facts[1].statement == "user has sister Anna");
    REQUIRE(found.entities.size() == 1);
    CHECK(found.entities[0].description == "sister");
  }
  CHECK_THROWS_AS((void)parse_answer("```json\n", told), Error);
  CHECK_THROWS_AS((void)parse_answer("```", told), Error);
  CHECK_THROWS_AS((void)parse_answer("} {", told), Error);
}

TEST_CASE("a code fence within a statement is no code fence around the answer") {
  const std::string fenced =
      "{\"facts\":[\n{\"subject\":\"user\",\"predicate\":\"likes\",\"object\":\"tea\",\"statement\":\"The "
      "user "
      "writes ```tea``` and likes tea.\"},\n{\"subject\":\"user\",\"predicate\":\"likes\",\"object\":\"rye\","
      "\"statement\":\"The user likes rye.\"}],\n\"entities\":[]}";
  CHECK(parse_answer(fenced, job("I like tea, I write it ```tea```, and I like rye.")).facts.size() == 2);
}

TEST_CASE("several exchanges are asked about at once, and each fact has the turn that says it") {
  Job batch = job("My sister Anna lives in Toronto.", "Far away.");
  batch.last_seq = 31;
  batch.exchanges = 3;
  Message second = message(1, 20, Role::kUser, "What is the capital of France?");
  Message third = message(1, 30, Role::kUser, "Teal.", kNoon + kSecond);
  batch.context.push_back(second);
  batch.context.push_back(message(1, 21, Role::kAssistant, "Paris. And your favourite colour?"));
  batch.context.push_back(third);
  CHECK(extraction_question(batch) ==
        "User: My sister Anna lives in Toronto.\nAssistant: Paris. And your favourite colour?\nUser: "
        "Teal.\nJSON:");
  json::Writer w;
  w.begin_object().key("entities").begin_array().end_array().key("facts").begin_array();
  for (const auto& [subject, predicate, object] : {std::tuple{"user", "favorite_color", "teal"},
                                                   {"Anna", "lives_in", "Toronto"},
                                                   {"user", "visited", "Paris"}})
    w.begin_object()
        .member("subject", subject)
        .member("predicate", predicate)
        .member("object", object)
        .member("statement", std::string(subject) + " " + object)
        .end_object();
  const Extraction found = parse_answer(w.end_array().end_object().str(), batch);
  REQUIRE(found.facts.size() == 2);
  CHECK(found.facts[0].source == key(1, 30));
  CHECK(found.facts[0].valid_from == kNoon + kSecond);
  CHECK(found.facts[1].source == key(1, 10));
}

TEST_CASE("known entities are offered by small numbers, and only those may be named") {
  Job asked = job("민수가 카카오로 옮겼어.");
  asked.offered = {{71, "김민수", "person", {}}, {72, "카카오", "organization", {}}};
  CHECK(extraction_question(asked) ==
        "Known: 1 김민수 (person), 2 카카오 (organization)\nUser: 민수가 카카오로 옮겼어.\nJSON:");
  const auto known = [&](const std::string& number) {
    return parse_answer(
               R"({"facts":[],"entities":[{"name":"민수","type":"person","description":"","known":)" +
                   number + "}]}",
               asked)
        .entities.at(0)
        .known;
  };
  CHECK(known("1") == 71);
  CHECK(known("2") == 72);
  for (const char* number : {"0", "3", "-1", "1.5", "\"1\"", "99999999999999999999", "null"})
    CHECK(known(number) == 0);
  const json::Document plain = json::parse(extraction_schema());
  const json::Document offered = json::parse(extraction_schema(true));
  const auto has_number = [](const json::Document& schema) {
    return schema.get("properties").get("entities").get("items").get("properties").get("known").is_object();
  };
  const auto most = [](int exchanges) {
    return json::parse(extraction_schema(false, exchanges))
        .get("properties")
        .get("facts")
        .get("maxItems")
        .as_int();
  };
  CHECK(most(1) == 4);
  CHECK(most(4) == 16);
  CHECK_FALSE(has_number(plain));
  CHECK(has_number(offered));
}

TEST_CASE("relative dates become dates of the day that it was said") {
  const Extraction found = parse_answer(answer("user", "has_exam", "exam", "The user has an exam tomorrow."),
                                        job("I have an exam tomorrow."));
  REQUIRE(found.facts.size() == 1);
  CHECK(found.facts[0].statement.starts_with("The user has an exam tomorrow (20"));
}

TEST_CASE("what a model writes by mistake or on purpose stays within bounds") {
  const Job told = job("I like tea.");
  const std::string megabyte(1'000'000, 'x');
  for (const std::string& statement : {"tea " + megabyte, megabyte, std::string("tea\0tea", 7)}) {
    const Extraction found = parse_answer(answer("user", "likes", "tea", statement), told);
    for (const Fact& fact : found.facts) {
      CHECK(fact.statement.size() <= 600);
      CHECK(fact.statement.find('\0') == std::string::npos);
    }
  }
  CHECK(parse_answer(answer("user", "likes", "tea " + megabyte, "x"), told).facts.size() <= 1);
  const std::string surrogates =
      R"({"facts":[{"subject":"user","predicate":"likes","object":"tea","statement":"tea \ud800"}],"entities":[]})";
  try {
    for (const Fact& fact : parse_answer(surrogates, told).facts)
      CHECK(fact.statement.find('\xED') == std::string::npos);
  } catch (const Error&) {
    // Refused as a whole: as good.
  }
  CHECK_THROWS_AS((void)storable_answer(megabyte), Error);
  CHECK(storable_answer(std::string("a\0b\xED\xA0\x80", 6)).find('\0') == std::string::npos);
}

TEST_CASE("at most twenty facts come of a turn") {
  std::string words;
  std::string facts;
  for (int i = 0; i < 60; ++i) {
    const std::string thing = "thing" + std::string(1, static_cast<char>('a' + i % 26)) +
                              std::string(1, static_cast<char>('a' + i / 26));
    words += " " + thing;
    facts += std::string(i > 0 ? "," : "") + R"({"subject":"user","predicate":"has","object":")" + thing +
             R"(","statement":"The user has )" + thing + "\"}";
  }
  CHECK(
      parse_answer(R"({"entities":[],"facts":[)" + facts + "]}", job("I have" + words + ".")).facts.size() ==
      kFactsOfTurn);
}
