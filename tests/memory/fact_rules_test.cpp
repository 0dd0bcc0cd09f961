// Facts that a database has from older rules: their keys and predicates are those of today after a start.
#include "tests/memory/keeper_fixture.hpp"

using namespace prot;
using namespace prot::memory;
using namespace prot::memory::test;

namespace {

struct Fixture : KeeperFixture {
  /// As an older prot left it: another predicate, and keys of nothing that is known today.
  static void make_old(const std::string& object, const std::string& predicate) {
    (void)server().query("UPDATE fact SET predicate = '" + predicate +
                         "', spo_key = 'old ' || id, fact_key = 'old ' || "
                         "id WHERE object = '" +
                         object + "'");
    (void)server().query("UPDATE fact_rules SET version = 0");
  }
  static void allow_both() {
    (void)server().query("UPDATE fact SET status = 'active', valid_to = NULL, superseded_by = NULL");
  }
  [[nodiscard]] static std::string of(const std::string& object, const std::string& column) {
    return server().query("SELECT " + column + " FROM fact WHERE object = '" + object + "'");
  }
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "a fact of older rules is known as the same when it is said again") {
  learn(10, "I live in Busan.", "By the sea.", fact("lives_in", "Busan", {}, kNoon));
  const std::string spo = of("Busan", "spo_key");
  const std::string key_before = of("Busan", "fact_key");
  make_old("Busan", "residence");
  store->connect();
  CHECK(of("Busan", "predicate") == "lives_in");
  CHECK(of("Busan", "spo_key") == spo);
  CHECK(of("Busan", "fact_key") == key_before);
  CHECK(server().query("SELECT version FROM fact_rules") == std::to_string(kFactRules));
  learn(20, "As I said, I live in Busan.", "Yes.", fact("lives_in", "Busan", {}, kNoon + kDay));
  CHECK(facts() == 1);
  CHECK(server().query("SELECT count(*) FROM fact_source") == "2");
}

TEST_CASE_FIXTURE(
    Fixture,
    "two that say the same by today's rules are one, with all sources; the next start changes nothing") {
  learn(10, "I like tea.", "Tea is fine.", fact("likes", "tea", {}, kNoon));
  make_old("tea", "likes");
  learn(20, "I do like tea.", "Yes.", fact("likes", "tea", {}, kNoon + kDay));
  REQUIRE(facts() == 2);
  store->connect();
  CHECK(facts() == 1);
  CHECK(server().query("SELECT count(*) FROM fact_source") == "2");
  const std::string before = server().query("SELECT string_agg(f::text, '|' ORDER BY id) FROM fact f");
  store->connect();
  CHECK(server().query("SELECT string_agg(f::text, '|' ORDER BY id) FROM fact f") == before);
}

TEST_CASE_FIXTURE(Fixture, "of what cannot hold together the newest holds") {
  learn(10, "I live in Oslo.", "Cold.", fact("lives_in", "Oslo", {}, kNoon));
  learn(20, "I live in Rome.", "Warm.", fact("lives_in", "Rome", {}, kNoon + kDay));
  allow_both();
  make_old("Oslo", "residence");
  store->connect();
  CHECK(of("Oslo", "status") == "superseded");
  CHECK(of("Oslo", "superseded_by") == of("Rome", "id"));
  CHECK(of("Oslo", "valid_to = (SELECT valid_from FROM fact WHERE object = 'Rome')") == "t");
  CHECK(of("Rome", "status") == "active");
}

TEST_CASE("whoever changes the rules of facts counts kFactRules up") {
  std::string all;
  for (const char* predicate : {"live_in",
                                "lives at",
                                "Residence",
                                "moved to",
                                "거주지",
                                "work_for",
                                "employer",
                                "직장",
                                "occupation",
                                "job title",
                                "직업",
                                "date of birth",
                                "생일",
                                "이름",
                                "나이",
                                "국적",
                                "Has favourite colour",
                                "is a",
                                "is married to",
                                "likes"})
    for (const char* object : {"Kim  Minsu.", "ＣＡＦＥ", "straße", "김민수", "\u1100\u1161"})
      all += canonical_predicate(predicate) + spo_key(fact(predicate, object, key(1, 10), kNoon)) +
             fact_key(fact(predicate, object, key(1, 10), kNoon));
  CHECK(kFactRules == 1);
  CHECK(digest(all) == "79b070c31b4e9f8c99e8878375b229bf");  // of the rules with that number
}
