// What comes from a file of an export, or from the tables of the Python original: all of it, and no more.
#include "tests/memory/keeper_fixture.hpp"

using namespace prot;
using namespace prot::memory;
using namespace prot::memory::test;

using Fixture = KeeperFixture;

TEST_CASE_FIXTURE(Fixture, "what was exported comes home elsewhere, but what was forgotten does not") {
  learn_some();
  std::string rows;
  for (const char* of : {"messages", "facts"}) {
    const json::Document page = ask(std::string(R"({"cmd":"export","of":")") + of + R"(","after":0})");
    REQUIRE(page.get("next").as_int() > 0);
    for (std::size_t i = 0; i < page.get("rows").size(); ++i)
      rows += (rows.empty() ? "" : ",") + page.get("rows").at(i).to_json();
    CHECK(ask(std::string(R"({"cmd":"export","of":")") + of + R"(","after":)" + page.get("next").to_json() +
              "}")
              .get("next")
              .as_int() == -1);
  }
  const std::string import = R"({"cmd":"import","rows":[)" + rows + "]}";
  SUBCASE("elsewhere, twice") {
    (void)server().query(kEmpty);
    store->connect();
    const json::Document done = ask(import);
    CHECK(done.get("messages").as_int() == 8);
    CHECK(done.get("facts").as_int() == 3);
    CHECK(ask(import).get("messages").as_int() == 0);
    CHECK(facts() == 3);
    CHECK(store->counts().jobs_ready == 0);
    CHECK(ask(R"({"cmd":"export","of":"messages","after":0})").get("rows").size() == 8);
  }
  SUBCASE("here, after a part of it was forgotten") {
    REQUIRE(ask(R"({"cmd":"forget","what":"entity","name":"Quetzalcoatl"})").get("ok").as_bool());
    const json::Document done = ask(import);
    CHECK(done.get("forgotten").as_int() == 3);
    CHECK_FALSE(dumped(kCanary));
    CHECK(facts() == 2);
  }
}

TEST_CASE_FIXTURE(Fixture, "the tables of the original are copied once and never touched") {
  (void)server().query(R"(
    CREATE TABLE entities (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), namespace text NOT NULL DEFAULT 'default',
      name text NOT NULL, entity_type text NOT NULL, description text NOT NULL DEFAULT '',
      created_at timestamptz NOT NULL DEFAULT now());
    CREATE TABLE relationships (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), source_id uuid NOT NULL, target_id uuid
      NOT NULL, relation_type text NOT NULL, description text NOT NULL DEFAULT '', weight float NOT NULL DEFAULT 1.0,
      created_at timestamptz NOT NULL DEFAULT now());
    CREATE TABLE conversation_messages (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), conversation_id uuid NOT NULL,
      role text NOT NULL, content text NOT NULL, created_at timestamptz NOT NULL DEFAULT now());
    INSERT INTO entities (name, entity_type, description) VALUES ('민수', 'person', '친구'), ('카카오', 'place', '');
    INSERT INTO relationships (source_id, target_id, relation_type, description) SELECT a.id, b.id, 'works at',
      '민수는 카카오에서 일한다.' FROM entities a, entities b WHERE a.name = '민수' AND b.name = '카카오';
    INSERT INTO conversation_messages (conversation_id, role, content) VALUES
      ('11111111-2222-3333-4444-555555555555', 'user', '민수는 카카오에서 일해.'),
      ('11111111-2222-3333-4444-555555555555', 'assistant', '그렇군요.'),
      ('11111111-2222-3333-4444-555555555555', 'system', 'not this');
  )");
  const auto original = [] {
    return server().query("SELECT md5(string_agg(e::text, '')) FROM entities e") +
           server().query("SELECT md5(string_agg(r::text, '')) FROM relationships r") +
           server().query("SELECT md5(string_agg(m::text, '')) FROM conversation_messages m");
  };
  const std::string before = original();
  const json::Document done = ask(R"({"cmd":"import","original":true})");
  CHECK(done.get("messages").as_int() == 3);  // and the statement, with which the fact is borne out
  CHECK(done.get("facts").as_int() == 1);
  CHECK(original() == before);
  REQUIRE(facts() == 1);
  CHECK(store->active_facts(1)[0].statement == "민수는 카카오에서 일한다.");
  const json::Document again = ask(R"({"cmd":"import","original":true})");
  CHECK(again.get("messages").as_int() == 0);
  CHECK(again.get("facts").as_int() == 0);
}
