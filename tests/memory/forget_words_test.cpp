// Words of what is forgotten that stand elsewhere: in other facts, under other names, in summaries.
#include <algorithm>

#include "tests/memory/keeper_fixture.hpp"

using namespace prot;
using namespace prot::memory;
using namespace prot::memory::test;

using Fixture = KeeperFixture;

namespace {

Fact worded(std::string predicate, std::string object, std::string statement) {
  Fact out = fact(std::move(predicate), std::move(object), {}, kNoon);
  out.statement = std::move(statement);
  return out;
}

std::string forget(const KeeperFixture& fixture, const std::string& target) {
  return fixture.ask(R"({"cmd":"forget",)" + target + "}").root().to_json();
}

std::string statement_of(const KeeperFixture& fixture, const std::string& object) {
  for (const Fact& fact : fixture.store->active_facts(100))
    if (fact.object == object) return fact.statement;
  return "";
}

}  // namespace

TEST_CASE("a statement gives up words that only what is forgotten has") {
  Fact tuna = worded("cat_eats", "tuna", "The user's cat Quetzalcoatl eats tuna.");
  tuna.subject = "user";
  CHECK(statement_without(tuna, "my cat quetzalcoatl eats tuna", "") == "user cat eats tuna");
  CHECK(statement_without(tuna, "my cat quetzalcoatl", "and Quetzalcoatl ate") == tuna.statement);
  CHECK(statement_without(tuna, "I like tea", "") == tuna.statement);
  Fact busan = worded("lives_in", "부산", quoting_statement("고양이 케찰코아틀이랑 부산에 살아"));
  CHECK(is_quoting(busan.statement));
  CHECK(statement_without(busan, "케찰코아틀", "") == "user lives in 부산");
}

TEST_CASE_FIXTURE(Fixture, "another fact that quotes the same message stays, in other words") {
  const std::string said = "고양이 Quetzalcoatl이랑 부산에 살고 참치를 사.";
  learn(10, said, "네.",
        Extraction{{},
                   {worded("cat_name", kCanary, quoting_statement(said)),
                    worded("lives_in", "부산", quoting_statement(said)),
                    worded("buys", "참치", "The user buys 참치 for Quetzalcoatl.")}});
  REQUIRE(facts() == 3);
  std::size_t left = 2;
  SUBCASE("a fact") { (void)forget(*this, R"("what":"fact","fact":)" + number_of(kCanary)); }
  SUBCASE("a name") {
    (void)forget(*this, R"("what":"entity","name":"quetzalcoatl")");
    left = 1;  // of a name everything goes that a model put into words about it
  }
  CHECK_FALSE(dumped(kCanary));
  CHECK_FALSE(dumped("quetzalcoatl"));
  CHECK(statement_of(*this, "부산") == "user lives in 부산");
  CHECK(facts() == left);
}

TEST_CASE_FIXTURE(Fixture, "a name that only a message mentions costs no fact that it bears out") {
  learn(10, "With Quetzalcoatl I went to Paris.", "Nice.",
        worded("visited", "Paris", "The user visited Paris."));
  (void)forget(*this, R"("what":"entity","name":"Quetzalcoatl")");
  CHECK_FALSE(dumped(kCanary));
  CHECK(statement_of(*this, "Paris") == "The user visited Paris.");
}

TEST_CASE_FIXTURE(Fixture, "of two messages that say so one is forgotten, with its words") {
  learn(10, "Quetzalcoatl and I live in Busan.", "Ah.",
        worded("lives_in", "Busan", "The user lives in Busan with Quetzalcoatl."));
  learn(20, "I live in Busan.", "I know.", worded("lives_in", "Busan", "The user lives in Busan."));
  REQUIRE(facts() == 1);
  (void)forget(*this, R"("what":"message","id":10)");
  CHECK_FALSE(dumped(kCanary));
  CHECK(statement_of(*this, "Busan") == "user lives in Busan");
}

TEST_CASE_FIXTURE(Fixture, "an alias from what is forgotten goes, the entity and its name stay") {
  learn(10, "My cat is Misty Quetzalcoatl.", "Ah.",
        Extraction{{{"Misty", "thing", "the cat Quetzalcoatl"}},
                   {worded("cat", "Misty", "The cat is Misty.")}});
  learn(20, "Misty eats tuna.", "Ah.", Extraction{{}, {worded("cat_of_misty", "Misty", "Misty eats tuna.")}});
  (void)server().query(
      "INSERT INTO entity_alias (alias_norm, entity_id, kind) SELECT unnest(ARRAY['misty quetzalcoatl', "
      "'misty "
      "cat']), id, 'variant' FROM entity WHERE name = 'Misty'");
  (void)forget(*this, R"("what":"message","id":10)");
  CHECK_FALSE(dumped(kCanary));
  CHECK_FALSE(dumped("quetzalcoatl"));
  CHECK(dumped("misty cat"));
  CHECK(statement_of(*this, "Misty") == "Misty eats tuna.");
}

TEST_CASE_FIXTURE(Fixture, "a summary that was made of a statement goes with its words") {
  const std::string said = "My sister Anna lives in Toronto with her cat Misty, called Quetzalcoatl.";
  Fact anna = worded("lives_in", "Toronto", quoting_statement(said));
  anna.subject = "Anna";
  Fact misty = worded("cat", "Misty", "Anna has the cat Misty.");
  misty.subject = "Anna";
  learn(10, said, "Ah.",
        Extraction{{{"Anna", "person", ""}, {"Toronto", "place", ""}, {"Misty", "thing", ""}},
                   {worded("sister", "Anna", "The sister is Anna."), anna, misty}});
  learn(20, "Its other name is Quetzalcoatl.", "Ah.",
        worded("cat_name", kCanary, "The name is Quetzalcoatl."));
  REQUIRE(store->plan_generation(plan_communities(store->graph())));
  const std::optional<CommunityTask> task = store->next_community();
  REQUIRE(task);
  REQUIRE(store->finish_community(task->id, "Anna lives in Toronto with Quetzalcoatl."));
  REQUIRE(store->communities(10).size() == 1);
  const std::size_t before = facts();
  (void)forget(*this, R"("what":"entity","name":"Quetzalcoatl")");
  CHECK_FALSE(dumped(kCanary));
  CHECK_FALSE(dumped("quetzalcoatl"));
  CHECK(facts() == before - 1);
  CHECK(store->communities(10).empty());
  CHECK(store->plan_generation(plan_communities(store->graph())));  // and is made anew
}

TEST_CASE_FIXTURE(Fixture,
                  "what waits, what ended, what failed for good and what was answered leave no word") {
  learn(10, "I live in Quetzalcoatl.", "Ah.", worded("lives_in", kCanary, "The user lives in Quetzalcoatl."));
  learn(20, "I live in Busan.", "Ah.", worded("lives_in", "Busan", "The user lives in Busan."));
  Fact held = worded("password", kCanary, "The password is Quetzalcoatl.");
  held.status = FactStatus::kQuarantined;
  held.suspicion = "a credential";
  learn(30, "My password is Quetzalcoatl.", "Hm.", held);
  store->append(exchange(1, 40, "Quetzalcoatl!", "Quetzalcoatl?"), kNoon);
  const std::optional<Job> job = store->claim(JobKind::kExtract, kNoon, kSecond, true);
  REQUIRE(job);
  REQUIRE(store->fail(*job, "the answer was 'Quetzalcoatl'", kNoon, true));
  (void)forget(*this, R"("what":"entity","name":"Quetzalcoatl")");
  CHECK_FALSE(dumped(kCanary));
  CHECK_FALSE(dumped("quetzalcoatl"));
  CHECK(facts() == 1);
}
