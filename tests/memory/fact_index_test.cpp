#include "memory/recall/fact_index.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>

#include "memory/recall/question.hpp"
#include "tests/memory/memory_fixture.hpp"

using namespace prot;
using namespace prot::memory;
using namespace prot::memory::test;

namespace {

Fact told(std::string statement, Nanos from, std::int64_t id, std::string predicate = "likes") {
  Fact fact = test::fact(std::move(predicate), "it", key(1, static_cast<std::uint64_t>(id)), from);
  fact.statement = std::move(statement);
  fact.id = id;
  return fact;
}

std::vector<std::string> found(const FactIndex& index, const std::string& question) {
  std::vector<std::string> statements;
  for (const FactIndex::Hit& hit : index.search(query_of(question, {}), 0.3))
    statements.push_back(hit.fact->statement);
  return statements;
}
using Statements = std::vector<std::string>;

}  // namespace

TEST_CASE("facts are found by what they say, the newest first, and those that are gone are not") {
  FactIndex index;
  const Fact tea = told("The user likes green tea.", kNoon, 1);
  const Fact cake = told("The user likes cake with tea.", kNoon + kDay, 2);
  index.set({tea, cake});
  CHECK(index.size() == 2);
  CHECK(found(index, "tea") == Statements{cake.statement, tea.statement});
  index.set({tea});
  CHECK(found(index, "tea") == Statements{tea.statement});
  CHECK(index.newest().size() == 1);
  index.set({cake, tea, tea});
  CHECK(index.size() == 2);
  CHECK(found(index, "cake") == Statements{cake.statement});
  Fact ended = tea;
  ended.valid_to = kNoon + 2 * kDay;
  index.set({cake, ended});
  REQUIRE(found(index, "green tea").size() == 2);
  CHECK(found(index, "green tea")[1].starts_with("The user likes green tea. (until "));
  index.set({});
  CHECK(found(index, "tea").empty());
}

TEST_CASE("a list that changes finds what a new index of it finds") {
  std::mt19937 random(7);
  const std::vector<std::string> words{"tea", "cake", "Busan", "violin", "goat", "부산", "녹차", "rain"};
  std::vector<Fact> list;
  FactIndex index;
  std::int64_t id = 0;
  for (int round = 0; round < 120; ++round) {
    for (int i = 0; i < 20; ++i)
      list.push_back(told("The user told of " + words[random() % words.size()] + " and " +
                              words[random() % words.size()] + ".",
                          kNoon + static_cast<Nanos>(random() % 50) * kDay, ++id));
    for (int i = 0; i < 18; ++i)
      list.erase(list.begin() + static_cast<std::ptrdiff_t>(random() % list.size()));
    index.set(list);
    FactIndex fresh;
    fresh.set(list);
    REQUIRE(index.size() == list.size());
    for (const std::string& word : words) CHECK(found(index, word) == found(fresh, word));
  }
}

TEST_CASE("facts fade by their kind; those that are of use fade later") {
  FactIndex index;
  Fact read = told("The user plans a trip to Jeju.", kNoon, 4, "plans");
  read.reads = 3;
  index.set({told("The user is called Mina.", kNoon, 1, "name"), told("The user likes tea.", kNoon, 2),
             told("The user plans a trip to Rome.", kNoon, 3, "plans"), read});
  const auto after = [&](const std::string& question, Nanos time) {
    return index.search(query_of(question, {}), 0.2).at(0).fact->strength(kNoon + time);
  };
  for (const char* question : {"Mina", "tea", "Rome", "Jeju"}) {
    CAPTURE(question);
    CHECK(after(question, -kDay) == doctest::Approx(1.0));
    CHECK(after(question, 0) == doctest::Approx(1.0));
    CHECK(after(question, 40'000 * kDay) >= FactIndex::kLeastStrength);
  }
  const Nanos season = 90 * kDay;
  CHECK(after("Mina", season) > after("tea", season));
  CHECK(after("tea", season) > after("Rome", season));
  CHECK(after("Jeju", season) > after("Rome", season));
  CHECK(after("Rome", 60 * kDay) == doctest::Approx((1.0 + FactIndex::kLeastStrength) / 2));

  read.read_at = kNoon + season;
  index.set({read});
  CHECK(after("Jeju", season) == doctest::Approx(1.0));
}
