// Which names a recogniser is told.
#include <doctest/doctest.h>

#include "memory/knowledge/facts.hpp"
#include "memory/knowledge/names.hpp"
#include "wire/names.hpp"

using namespace prot;
using namespace prot::memory;

namespace {

Fact fact(std::string subject, std::string object, Nanos from = 1) {
  Fact made;
  made.subject = std::move(subject);
  made.predicate = "knows";
  made.object = std::move(object);
  made.valid_from = from;
  return made;
}

KnownEntity entity(const std::string& name, std::string type, std::vector<std::string> others = {}) {
  KnownEntity made{1, name, std::move(type), {normalized_name(name)}};
  for (const std::string& other : others) made.aliases.push_back(normalized_name(other));
  return made;
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("names: those that most is known of, then the newest, each once, as their entity is spelled") {
  const std::vector<KnownEntity> known = {entity("Mungo", "thing", {"mungo the dog"}),
                                          entity("지수", "person"), entity("user", "")};
  const std::vector<Fact> facts = {fact("user", "Oslo", 1), fact("mungo", "Green Street", 2),
                                   fact("mungo", "fish", 3), fact("user", "Mungo the dog", 4),
                                   fact("지수", "Rome", 5)};
  CHECK(names_of(facts, known) == Names{"Mungo", "Rome", "지수", "Green Street", "Oslo"});
  CHECK(names_of({}, known).empty());
}

TEST_CASE("letters without a capital are a name only of a person, place or group") {
  const std::vector<KnownEntity> known = {entity("녹차", "thing"), entity("부산", "place"),
                                          entity("brother", "person"), entity("Øystein", "person")};
  const std::vector<Fact> facts = {fact("user", "녹차"), fact("user", "부산"), fact("user", "brother"),
                                   fact("user", "매운 음식"), fact("user", "Øystein")};
  CHECK(names_of(facts, known) == Names{"Øystein", "부산"});
}

TEST_CASE(
    "what waits for a person, is forgotten or no longer holds is not told, and no entity without a fact") {
  const std::vector<KnownEntity> known = {entity("Mungo", "thing"), entity("Oslo", "place"),
                                          entity("Rome", "place"), entity("Lima", "place")};
  std::vector<Fact> facts = {fact("user", "Mungo"), fact("user", "Oslo"), fact("user", "Rome")};
  facts[0].status = FactStatus::kQuarantined;
  facts[1].status = FactStatus::kForgotten;
  facts[2].status = FactStatus::kSuperseded;
  CHECK(names_of(facts, known).empty());
}

TEST_CASE("what is no name, or more than a service takes, is left out") {
  const std::vector<Fact> facts = {fact("user", "green tea"),
                                   fact("user", "3 pm"),
                                   fact("user", ""),
                                   fact("user", "J"),
                                   fact("user", "A Name Of Too Many"),
                                   fact("user", "Two\nLines"),
                                   fact("user", "Wolfeschlegelstein-Ham"),
                                   fact("user", "<Tag>"),
                                   fact("user", "Salt, Pepper")};
  CHECK(names_of(facts, {}).empty());
  const std::string twenty = "하나둘셋넷다섯여섯일곱여덟아홉열열하나둘";
  const std::vector<KnownEntity> known = {entity(twenty, "place"), entity(twenty + "둘", "place")};
  CHECK(names_of(std::vector{fact("user", twenty), fact("user", twenty + "둘")}, known) == Names{twenty});
  std::vector<Fact> many;
  for (int i = 0; i < 200; ++i)
    many.push_back(fact("user", "Name " + std::string(1 + i / 26, 'x') + char('a' + i % 26), i));
  const Names names = names_of(many, {});
  CHECK(names.size() == wire::kMostNames);
  CHECK(names.front() == many.back().object);
}
