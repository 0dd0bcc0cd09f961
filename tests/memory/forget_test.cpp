// What a person sees of a real PostgreSQL, and what is left there of what they had forgotten: not a byte.
#include <fstream>

#include "tests/memory/keeper_fixture.hpp"
#include "tests/support/temp_folder.hpp"

using namespace prot;
using namespace prot::memory;
using namespace prot::memory::test;

using Fixture = KeeperFixture;

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

TEST_CASE_FIXTURE(Fixture, "years are forgotten, however long that takes, and by the indexes") {
  learn_some();
  (void)server().query(
      "INSERT INTO conversation SELECT gen_random_uuid(), 'voice', now() FROM generate_series(1, 3000); "
      "INSERT "
      "INTO message (conversation_id, seq, role, channel, text, at) SELECT id, 1, 'user', 'voice', 'So.', "
      "now() FROM conversation; INSERT INTO memory_job (kind, dedupe_key, conversation_id, first_seq, "
      "last_seq, "
      "state, run_after) SELECT 'extract', 'x' || id, id, 1, 1, 'done', now() FROM conversation; ANALYZE; "
      "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.5); RETURN "
      "NULL; "
      "END $$; CREATE TRIGGER slow AFTER DELETE ON message EXECUTE FUNCTION slow()");
  store =
      make_postgres_store(make_connection_pool(server().conninfo() + " options='-c statement_timeout=400'", 1,
                                               1, 400 * kMillisecond),
                          "test");
  store->connect();
  SUBCASE("a fact") {
    CHECK(ask(R"({"cmd":"forget","what":"fact","fact":)" + number_of(kCanary) + "}").get("ok").as_bool());
    CHECK(server().query("SELECT count(*) FROM message") > "3000");
  }
  SUBCASE("all of it") {
    CHECK(ask(R"({"cmd":"forget","what":"everything"})").get("ok").as_bool());
    CHECK(server().query("SELECT count(*) FROM message") == "0");
    store.reset();  // a session tells what it did at its end
    CHECK(server().query("SELECT idx_scan > 0 FROM pg_stat_user_indexes WHERE indexrelname = "
                         "'memory_job_conversation'") == "t");
  }
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

TEST_CASE_FIXTURE(Fixture, "of what is said every day the newest sources are shown, all of them exported") {
  for (std::uint64_t day = 1; day <= 12; ++day)
    learn(10 * day, "I like tea.", "Tea is fine.", fact("likes", "tea", {}, kNoon));
  const json::Document found = ask(R"({"cmd":"search","query":"tea"})");
  const json::View sources = found.get("facts").at(0).get("sources");
  REQUIRE(sources.size() == 8);
  CHECK(sources.at(0).get("id").as_int() == 50);
  CHECK(sources.at(7).get("id").as_int() == 120);
  const json::Document whole =
      json::parse(store->keeper()->look(Keeper::Look::kAllFacts, {{"0", "10"}}).at(0).json);
  CHECK(whole.get("sources").size() == 12);
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

TEST_CASE_FIXTURE(Fixture, "what the database refused is listed, offered again and dropped") {
  const prot::test::TempFolder folder;
  Refused refused(folder.path());
  refused.add(user(key(1, 10), "I like tea."));
  refused.add(user(key(1, 20), std::string(5000, 'x')));
  TurnRecord wish = record(TurnRecord::Kind::kForget, key(1, 30), "");
  wish.last_sequence = 31;
  refused.add(wish);
  CHECK(ask(R"({"cmd":"stats"})", &refused).get("refused").as_int() == 3);
  const json::Document listed = ask(R"({"cmd":"dead"})", &refused);
  REQUIRE(listed.get("refused").size() == 3);
  CHECK(listed.get("refused").at(0).get("kind").as_string() == "forget");
  CHECK(listed.get("refused").at(1).get("text").as_string().size() <= 200);
  CHECK(listed.get("refused").at(2).get("message").as_int() == 10);
  const std::string tea = std::to_string(listed.get("refused").at(2).get("id").as_int());
  const auto waiting = [&] { return waiting_records(folder.path(), SpoolForm::kSpool); };
  SUBCASE("one again") {
    CHECK(ask(R"({"cmd":"dead","action":"retry","jobs":[)" + tea + "]}", &refused).get("refused").as_int() ==
          1);
    CHECK(refused.count() == 2);
    CHECK(waiting() == 1);
  }
  SUBCASE("all again") {
    CHECK(ask(R"({"cmd":"dead","action":"retry","all":true})", &refused).get("refused").as_int() == 3);
    CHECK(refused.count() == 0);
    CHECK(waiting() == 3);
    refused.add(user(key(1, 10), "I like tea."));  // it is refused again
    CHECK(refused.count() == 1);
  }
  SUBCASE("dropped") {
    CHECK(ask(R"({"cmd":"dead","action":"drop","jobs":[)" + tea + "]}", &refused).get("refused").as_int() ==
          1);
    CHECK(refused.count() == 2);
    CHECK(waiting() == 0);
  }
  SUBCASE("no such number") {
    CHECK(ask(R"({"cmd":"dead","action":"drop","jobs":[7]})", &refused).get("code").as_int() ==
          kCommandNothing);
  }
  SUBCASE("what stands in the spool by that name is not replaced") {
    const auto files = spool_files(folder.path() / "rejected", ".spool");
    std::ofstream(folder.path() / files[0].filename()) << "another one";
    CHECK_FALSE(ask(R"({"cmd":"dead","action":"retry","all":true})", &refused).get("ok").as_bool());
    CHECK(refused.count() == 3);
  }
}

TEST_CASE_FIXTURE(Fixture, "names as they are said are found before they are merged, and nobody is guessed") {
  const auto person = [](const std::string& name) { return Entity{name, "person", ""}; };
  learn(10, "민수는 부산에 살고 김민수는 서울에 살고 이민수는 대구에 살아.", "네.",
        Extraction{{person("민수"), person("김민수"), person("박지민"), person("지민")}, {}});
  const auto plan = [&](const std::string& command, const std::string& name, const std::string& into) {
    return ask(R"({"cmd":")" + command + R"(","name":")" + name + R"(","into":")" + into +
               R"(","dry_run":true})");
  };
  const json::Document two = plan("merge", "민수랑", "김민수는");
  REQUIRE(two.get("ok").as_bool());
  CHECK(two.get("name").as_string() == "민수");
  CHECK(two.get("into").as_string() == "김민수");
  CHECK_FALSE(two.get("one").as_bool(true));
  CHECK(plan("merge", "지민이랑", "박지민은").get("name").as_string() == "지민");
  CHECK(plan("merge", "철수랑", "김민수는").get("code").as_int() == 4);
  CHECK(plan("unmerge", "민수랑", "김민수는").get("one").as_bool(true) == false);
  CHECK(store->entities(10).size() == 4);  // nothing was done
  REQUIRE(ask(R"({"cmd":"merge","name":"민수","into":"김민수"})").get("ok").as_bool());
  CHECK(plan("merge", "김민수하고", "민수는").get("one").as_bool());
  const json::Document apart = plan("unmerge", "김민수랑", "민수는");
  CHECK(apart.get("name").as_string() == "민수");  // that one was merged into the other
  CHECK(apart.get("into").as_string() == "김민수");
  REQUIRE(ask(R"({"cmd":"unmerge","name":"민수","into":"김민수"})").get("ok").as_bool());
  CHECK(store->entities(10).size() == 4);
}
