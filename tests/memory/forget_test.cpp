// What a person sees of a real PostgreSQL, and what is left there of what they had forgotten: not a byte.
#include <doctest/doctest.h>

#include "json/json.hpp"
#include "memory/desk/commands.hpp"
#include "memory/knowledge/facts.hpp"
#include "memory/stores/postgres.hpp"
#include "tests/memory/memory_fixture.hpp"
#include "tests/memory/postgres_server.hpp"

using namespace prot;
using namespace prot::memory;
using namespace prot::memory::test;

namespace {

constexpr const char* kCanary = "Quetzalcoatl";

struct Fixture {
  Fixture() {
    (void)server().query(kEmpty);
    store = make_postgres_store(server().conninfo(), "test");
    store->connect();
  }
  /// An exchange of which the model learns one fact.
  void learn(std::uint64_t sequence, const std::string& said, const std::string& replied, Fact fact) {
    store->append(exchange(1, sequence, said, replied), kNoon);
    const std::optional<Job> job = store->claim(JobKind::kExtract, kNoon, kSecond, true);
    REQUIRE(job);
    REQUIRE(store->finish_extract(*job, R"({"facts":[{"object":")" + fact.object + "\"}]}", kNoon));
    const std::optional<Job> apply = store->claim(JobKind::kApply, kNoon, kSecond, true);
    REQUIRE(apply);
    fact.source = key(1, sequence);
    const Entity entity{fact.object, "thing", "It is called " + fact.object + "."};
    REQUIRE(store->apply(*apply, {{entity}, {fact}}, kNoon));
  }
  void learn_some() {
    learn(10, "My cat is called Quetzalcoatl.", "Quetzalcoatl is a fine name.",
          fact("cat_name", kCanary, {}, kNoon));
    learn(20, "I like tea.", "Tea is fine.", fact("likes", "tea", {}, kNoon));
    learn(30, "I live in Busan.", "By the sea.", fact("lives_in", "Busan", {}, kNoon));
    store->append(exchange(1, 40, "What is my cat called?", "It is Quetzalcoatl's turn."), kNoon);
  }
  json::Document ask(const std::string& request) {
    bool changed = false;
    Commands commands(
        *store, [this](const ForgetTarget& target, bool dry) { return store->forget(target, kNoon, dry); },
        [] { return kNoon; }, 0);
    return json::parse(commands.answer(request, changed));
  }
  static bool dumped(const std::string& word) { return server().dump().find(word) != std::string::npos; }
  [[nodiscard]] std::size_t facts() const { return store->active_facts(100).size(); }
  std::string number_of(const std::string& object) {
    return server().query("SELECT id FROM fact WHERE object = '" + object + "'");
  }
  std::unique_ptr<MemoryStore> store;
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "a forgotten fact leaves no byte, and the others stay") {
  learn_some();
  REQUIRE(dumped(kCanary));
  const json::Document done = ask(R"({"cmd":"forget","what":"fact","fact":)" + number_of(kCanary) + "}");
  REQUIRE(done.get("ok").as_bool());
  CHECK(done.get("facts").as_int() == 1);
  CHECK(done.get("messages").as_int() == 3);  // said so, and twice said back
  CHECK_FALSE(dumped(kCanary));
  CHECK_FALSE(dumped("quetzalcoatl"));
  CHECK(facts() == 2);
  // A replay of what was said, and a job that reads it again.
  store->append(exchange(1, 10, "My cat is called Quetzalcoatl.", "Quetzalcoatl is a fine name."), kNoon);
  CHECK_FALSE(dumped(kCanary));
  // Said anew it is a new statement.
  learn(kNoon / kSecond, "My cat is called Quetzalcoatl.", "Well.",
        fact("cat_name", kCanary, {}, kNoon + kDay));
  CHECK(facts() == 3);
}

TEST_CASE_FIXTURE(Fixture, "what a forgotten fact had ended holds again") {
  const auto lives_in = [&](std::uint64_t sequence, const std::string& place) {
    learn(sequence, "I live in " + place + ".", "Fine.",
          fact("lives_in", place, {}, kNoon + static_cast<Nanos>(sequence) * kSecond));
  };
  lives_in(10, "Oslo");
  lives_in(20, "Rome");
  lives_in(30, "Lima");
  const auto now = [&] {
    std::string out;
    for (const Fact& one : store->active_facts(10)) out += one.object + " ";
    return out;
  };
  REQUIRE(now() == "Lima ");
  REQUIRE(ask(R"({"cmd":"forget","what":"fact","fact":)" + number_of("Lima") + "}").get("ok").as_bool());
  CHECK(now() == "Rome ");
  ForgetTarget rome;
  rome.conversation = key(1, 0).conversation;
  rome.first = 20;
  rome.last = 21;
  (void)store->forget(rome, kNoon, false);
  CHECK(now() == "Oslo ");
}

TEST_CASE_FIXTURE(Fixture,
                  "a message with two facts keeps the one that was not forgotten, without its words") {
  store->append(exchange(1, 10, "My cat Quetzalcoatl likes tuna.", "Tuna it is."), kNoon);
  const std::optional<Job> job = store->claim(JobKind::kExtract, kNoon, kSecond, true);
  REQUIRE(job);
  REQUIRE(store->finish_extract(*job, "{}", kNoon));
  const std::optional<Job> apply = store->claim(JobKind::kApply, kNoon, kSecond, true);
  REQUIRE(apply);
  REQUIRE(store->apply(
      *apply,
      {{}, {fact("cat_name", kCanary, key(1, 10), kNoon), fact("cat_eats", "tuna", key(1, 10), kNoon)}},
      kNoon));
  REQUIRE(facts() == 2);
  REQUIRE(ask(R"({"cmd":"forget","what":"fact","fact":)" + number_of(kCanary) + "}").get("ok").as_bool());
  CHECK_FALSE(dumped(kCanary));
  REQUIRE(facts() == 1);
  CHECK(store->active_facts(10)[0].object == "tuna");
  store->append(exchange(1, 10, "My cat Quetzalcoatl likes tuna.", "Tuna it is."), kNoon);
  CHECK_FALSE(dumped(kCanary));
}

TEST_CASE_FIXTURE(Fixture, "a name, a message, a day and everything") {
  learn_some();
  SUBCASE("a name, with whatever particle") {
    store->append(exchange(2, 10, "Quetzalcoatl은 자고 있어.", "네."), kNoon);
    const json::Document done = ask(R"({"cmd":"forget","what":"entity","name":"QUETZALCOATL"})");
    CHECK(done.get("messages").as_int() == 4);
    CHECK(done.get("entities").as_int() == 1);
    CHECK(facts() == 2);
  }
  SUBCASE("a message, with its reply") {
    CHECK(ask(R"({"cmd":"forget","what":"message","id":10})").get("messages").as_int() == 2);
    CHECK(ask(R"({"cmd":"forget","what":"message","id":40})").get("messages").as_int() == 2);
    CHECK(facts() == 2);
  }
  SUBCASE("a time") {
    const auto us = [](std::uint64_t sequence) {
      return std::to_string((kNoon + static_cast<Nanos>(sequence) * kSecond) / kMicrosecond);
    };
    ask(R"({"cmd":"forget","what":"time","from_us":)" + us(10) + R"(,"until_us":)" + us(20) + "}");
    ask(R"({"cmd":"forget","what":"time","from_us":)" + us(40) + R"(,"until_us":)" + us(60) + "}");
    CHECK(facts() == 2);
  }
  SUBCASE("everything") {
    CHECK(ask(R"({"cmd":"forget","what":"everything","dry_run":true})").get("messages").as_int() == 8);
    CHECK(facts() == 3);
    CHECK(ask(R"({"cmd":"forget","what":"everything"})").get("messages").as_int() == 8);
    CHECK(facts() == 0);
    CHECK_FALSE(dumped("like tea"));
  }
  CHECK_FALSE(dumped(kCanary));
  CHECK_FALSE(dumped("quetzalcoatl"));
}

TEST_CASE_FIXTURE(Fixture, "messages and facts are found, shown and explained") {
  learn_some();
  const json::Document found = ask(R"({"cmd":"search","query":"tea, coffee or cake?"})");
  REQUIRE(found.get("messages").size() == 2);
  CHECK(found.get("messages").at(0).get("text").as_string().find("ea") != std::string::npos);
  REQUIRE(found.get("facts").size() == 1);
  const std::string number(found.get("facts").at(0).get("id").to_json());
  const json::Document why = ask(R"({"cmd":"why","fact":")" + number + "\"}");
  REQUIRE(why.get("messages").size() == 1);
  CHECK(why.get("messages").at(0).get("text").as_string() == "I like tea.");
  CHECK(why.get("facts").at(0).get("sources").at(0).get("id").as_int() == 20);
  const json::Document shown = ask(R"({"cmd":"show","id":20})");
  CHECK(shown.get("messages").size() == 2);
  CHECK(shown.get("facts").size() == 1);
  CHECK(ask(R"({"cmd":"facts"})").get("facts").size() == 3);
  CHECK(ask(R"({"cmd":"stats"})").get("stats").get("messages").as_int() == 8);
  const auto from = std::to_string(kNoon / kMicrosecond);
  CHECK(ask(R"({"cmd":"show","from_us":)" + from + R"(,"until_us":)" + from + "0}").get("messages").size() ==
        8);
}

TEST_CASE_FIXTURE(Fixture, "what makes no sense is refused with one line and a code") {
  struct Case {
    const char* request;
    int code;
  };
  for (const Case& one :
       std::initializer_list<Case>{{"{", 1},
                                   {R"({"cmd":"dance"})", 2},
                                   {R"({"cmd":"search","query":" .,! "})", 2},
                                   {R"({"cmd":"why","fact":"x"})", 2},
                                   {R"({"cmd":"why","fact":-1})", 2},
                                   {R"({"cmd":"why","fact":99})", 4},
                                   {R"({"cmd":"show","id":99})", 4},
                                   {R"({"cmd":"forget","what":"fact","fact":99})", 4},
                                   {R"({"cmd":"forget","what":"entity","name":"Nobody"})", 4},
                                   {R"({"cmd":"forget","what":"entity","name":" "})", 2},
                                   {R"({"cmd":"forget","what":"all"})", 2},
                                   {R"({"cmd":"dead","action":"retry"})", 2},
                                   {R"({"cmd":"dead","action":"retry","jobs":[7]})", 4},
                                   {R"({"cmd":"import","rows":[{"type":"x"}]})", 2},
                                   {R"({"cmd":"import","rows":[{"type":"message"}]})", 2},
                                   {R"({"cmd":"import","original":true})", 1}}) {
    CAPTURE(std::string(one.request));
    const json::Document refused = ask(one.request);
    CHECK_FALSE(refused.get("ok").as_bool());
    CHECK_FALSE(refused.get("error").as_string().empty());
    CHECK(refused.get("error").as_string().find('\n') == std::string::npos);
    CHECK(refused.get("code").as_int() == one.code);
  }
  CHECK(server().query("SELECT count(*) FROM message") == "0");
}

TEST_CASE_FIXTURE(Fixture, "dead jobs are listed, tried again and dropped") {
  store->append(exchange(1, 10, "I like tea.", "Fine."), kNoon);
  const std::optional<Job> job = store->claim(JobKind::kExtract, kNoon, kSecond, true);
  REQUIRE(job);
  REQUIRE(store->fail(*job, "no JSON", kNoon, true));
  const json::Document listed = ask(R"({"cmd":"dead"})");
  REQUIRE(listed.get("jobs").size() == 1);
  CHECK(listed.get("jobs").at(0).get("error").as_string() == "no JSON");
  CHECK(listed.get("jobs").at(0).get("message").as_int() == 10);
  SUBCASE("again") {
    CHECK(ask(R"({"cmd":"dead","action":"retry","all":true})").get("jobs").as_int() == 1);
    CHECK(store->claim(JobKind::kExtract, kNoon, kSecond, false)->attempts == 1);
  }
  SUBCASE("dropped, for good") {
    CHECK(ask(R"({"cmd":"dead","action":"drop","jobs":[)" + std::to_string(job->id) + "]}")
              .get("jobs")
              .as_int() == 1);
    store->append(exchange(1, 10, "I like tea.", "Fine."), kNoon);
    CHECK_FALSE(store->claim(JobKind::kExtract, kNoon, kSecond, true));
  }
  CHECK(ask(R"({"cmd":"dead"})").get("jobs").size() == 0);
}

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
