// prot-memory whole, on real rings, with its threads, and a store in this process that may go away.
#include <doctest/doctest.h>

#include "base/error.hpp"
#include "json/json.hpp"
#include "tests/memory/memory_bench.hpp"
#include "tests/memory/memory_fixture.hpp"
#include "tests/memory/shared_store.hpp"

using namespace prot;
using namespace prot::memory;
using namespace prot::memory::test;
using prot::test::MemoryBench;

namespace {

struct Fixture {
  explicit Fixture(double idle = 0.1)
      : bench([this] { return std::make_unique<SharedStore>(state); },
              {"memory.extraction_idle_s=" + std::to_string(idle), "memory.drain_model_s=2",
               "memory.index_mib=1"}) {}
  Counts counts() {
    const std::lock_guard lock(state->mutex);
    state->store.set_away(false);
    state->store.connect();
    return state->store.counts();
  }
  void set_away(bool away) {
    const std::lock_guard lock(state->mutex);
    state->away = away;
  }
  int asked() {
    const std::lock_guard lock(bench.script->mutex);
    return bench.script->asked;
  }
  void set_hang(bool hang) {
    const std::lock_guard lock(bench.script->mutex);
    bench.script->hang = hang;
    bench.script->changed.notify_all();
  }
  std::shared_ptr<SharedStore::State> state = std::make_shared<SharedStore::State>();
  MemoryBench bench;
};
struct Patient : Fixture {
  Patient() : Fixture(3600) {}
};

constexpr const char* kTeal = R"({"facts":[{"subject":"user","predicate":"favorite_color","object":"teal",)"
                              R"("statement":"The user's favorite color is teal."}],"entities":[]})";

}  // namespace

TEST_CASE_FIXTURE(Patient, "a message is recalled in a new conversation, and after a restart") {
  bench.start();
  bench.send(exchange(1, 10, "My favourite colour is teal.", "A fine colour."));
  CHECK(bench.all_released());
  bench.ask(1, "What is my favourite colour?", key(2, 0).conversation);
  const prot::test::Recalled first = bench.answer(1);
  CHECK(first.text.find("My favourite colour is teal.") != std::string::npos);
  CHECK(first.tokens > 0);
  CHECK(first.tokens <= 120);

  bench.start();
  const prot::test::Recalled profile = bench.answer(0);  // prepared at the start, unasked
  CHECK(profile.text.find("teal") != std::string::npos);
  bench.ask(2, "Which colour do I like best, my favourite one?", key(3, 0).conversation);
  CHECK(bench.answer(2).text.find("teal") != std::string::npos);
  bench.ask(3, "What is my favourite colour?", key(1, 0).conversation);
  CHECK(bench.answer(3).text.empty());  // its own history says so already
}

TEST_CASE_FIXTURE(Fixture, "what was told to the model counts as read, off the turn's path") {
  bench.start();
  {
    const std::lock_guard lock(bench.script->mutex);
    bench.script->answer = kTeal;
  }
  bench.send(
      exchange(1, 10, "Of all colours I like teal most, it reminds me of the sea at home.", "A fine one."));
  REQUIRE(bench.all_released());
  REQUIRE(bench.until([&] { return bench.gauge("facts") == 1; }));
  bench.ask(1, "What is my favourite colour?", key(2, 0).conversation);
  REQUIRE(bench.answer(1).text.find("The user's favorite color is teal.") != std::string::npos);
  bench.ask(2, "What is my favourite colour?", key(2, 0).conversation);
  REQUIRE(bench.answer(2).request == 2);
  bench.end_of_stream();
  REQUIRE(bench.until([&] { return bench.stage->finished(); }));
  const std::lock_guard lock(state->mutex);
  const std::vector<Fact> facts = state->store.active_facts(10);
  REQUIRE(facts.size() == 1);
  CHECK(facts[0].reads == 1);  // both at once
  CHECK(facts[0].read_at > 0);
}

TEST_CASE_FIXTURE(Patient, "it is ready and answers before anything is known or any database is there") {
  set_away(true);
  bench.start();
  bench.ask(1, "What is my favourite colour?", key(1, 0).conversation);
  const prot::test::Recalled nothing = bench.answer(1);
  CHECK(nothing.request == 1);
  CHECK(nothing.text.empty());
  bench.send(exchange(1, 10, "My favourite colour is teal.", "A fine colour."));
  CHECK(bench.all_released());  // in the spool
  CHECK_FALSE(spool_files(bench.spool("memory"), ".spool").empty());
  bench.ask(2, "What is my favourite colour?", key(2, 0).conversation);
  CHECK(bench.answer(2).text.find("teal") != std::string::npos);  // known all the same
  bench.ask_history(3, key(1, 0).conversation);
  CHECK(json::parse(bench.answer(3).text).root().size() == 2);
  set_away(false);
  CHECK(bench.until([&] { return bench.gauge("db_up") == 1 && bench.gauge("messages") == 2; }));
  CHECK(spool_files(bench.spool("memory"), ".spool").empty());
  CHECK(counts().jobs_ready == 1);
}

TEST_CASE_FIXTURE(Patient, "what the full index gave up is recalled from the database") {
  {
    const std::lock_guard lock(state->mutex);
    state->store.connect();
    TurnRecord teal = user(key(1, 0), "My favourite colour is teal.");
    state->store.append({&teal, 1}, kNoon);
    for (std::uint64_t i = 1; i < 12; ++i) {
      const TurnRecord much = user(key(1, i), "My diary: " + std::string(100'000, 'y') + std::to_string(i));
      state->store.append({&much, 1}, kNoon);
    }
  }
  bench.start();
  REQUIRE(bench.until([&] { return bench.gauge("evicted") > 0; }));
  bench.ask(1, "What is my favourite colour?", key(2, 0).conversation);
  CHECK(bench.until([&] { return bench.answer(1, kMillisecond).text.find("teal") != std::string::npos; }));
  CHECK(bench.gauge("index_kib") <= 1024);
  set_away(true);
  bench.ask(2, "What is my favourite colour?", key(2, 0).conversation);
  CHECK(bench.answer(2).text.find("teal") == std::string::npos);  // the index alone, at once
}

TEST_CASE_FIXTURE(Patient, "a question that came before memory was read is answered again") {
  bench.start();
  bench.send(exchange(1, 10, "My favourite colour is teal.", "A fine colour."));
  REQUIRE(bench.all_released());
  bench.kill();
  bench.ask(5, "What is my favourite colour?", key(2, 0).conversation);
  bench.start();
  CHECK(bench.until([&] { return bench.answer(5, kMillisecond).text.find("teal") != std::string::npos; }));
}

TEST_CASE_FIXTURE(Patient, "frames that were not released come again and change nothing") {
  bench.start();
  REQUIRE(bench.until([&] { return bench.gauge("db_up") == 1; }));
  for (std::uint64_t i = 0; i < 20; ++i) {
    bench.send(exchange(1, 10 * i, "I told you number " + std::to_string(i) + ".", "Ah."));
    // Killed at any moment between taking and releasing.
    (void)bench.until([] { return false; }, static_cast<Nanos>(i % 5) * 300 * kMicrosecond);
    bench.start();
  }
  CHECK(bench.all_released());
  CHECK(bench.until([&] { return bench.gauge("messages") == 40; }));
  CHECK(counts().messages == 40);
  CHECK(counts().jobs_ready == 20);
}

TEST_CASE_FIXTURE(Patient, "a restarted brain gets its conversation back, the open reply too") {
  bench.start();
  bench.send(exchange(1, 10, "I live in Busan.", "By the sea."));
  bench.send(user(key(1, 20), "Tell me a story."));
  bench.send(segment(key(1, 21), 0, "Once upon a time"));
  bench.ask_history(9, key(1, 0).conversation);
  const prot::test::Recalled history = bench.answer(9);
  REQUIRE(history.history);
  const json::Document document = json::parse(history.text);
  REQUIRE(document.root().size() == 4);
  CHECK(document.root().at(0).get("text").as_string() == "I live in Busan.");
  CHECK(document.root().at(0).get("role").as_string() == "user");
  CHECK(document.root().at(3).get("open").as_bool());
  CHECK(document.root().at(3).get("sequence").as_int() == 21);
}

TEST_CASE_FIXTURE(Fixture, "facts are extracted in quiet, and never while somebody talks") {
  {
    const std::lock_guard lock(bench.script->mutex);
    bench.script->answer = kTeal;
  }
  set_hang(true);
  bench.set_conversation(ipc::ConversationState::kSpeaking);
  bench.start();
  bench.send(exchange(1, 10, "My favourite colour is teal.", "A fine colour."));
  REQUIRE(bench.all_released());
  bench.work_for(600 * kMillisecond);
  CHECK(asked() == 0);
  bench.set_conversation(ipc::ConversationState::kActive);
  REQUIRE(bench.until([&] { return asked() == 1; }));
  bench.set_conversation(ipc::ConversationState::kListening);
  REQUIRE(bench.until([&] {
    const std::lock_guard lock(bench.script->mutex);
    return bench.script->cancelled == 1;
  }));
  CHECK(bench.until([&] { return counts().jobs_leased == 0 && counts().jobs_ready == 1; }));
  set_hang(false);
  bench.set_conversation(ipc::ConversationState::kIdle);
  REQUIRE(bench.until([&] { return bench.gauge("facts") == 1; }));
  CHECK(bench.gauge("jobs_ready") == 0);
  bench.ask(1, "What is my favourite colour?", key(2, 0).conversation);
  CHECK(bench.answer(1).text.find("teal") != std::string::npos);
}

TEST_CASE_FIXTURE(Fixture, "the model is left to a text turn from its question to the end of its reply") {
  bench.start();
  bench.send(exchange(1, 10, "I like tea.", "Ah."));
  bench.send(user(key(1, 20), "I like cake."));
  bench.send(segment(key(1, 21), 0, "Cake"));
  REQUIRE(bench.all_released());
  bench.work_for(kSecond);
  CHECK(asked() == 0);
  bench.send(end(key(1, 21), "Cake is fine."));
  CHECK(bench.until([&] { return asked() == 2 && counts().jobs_ready == 0; }));
}

TEST_CASE_FIXTURE(Patient, "a drain finishes what fits and forwards the end only then") {
  bench.start();
  for (std::uint64_t i = 0; i < 3; ++i)
    bench.send(exchange(1, 10 * i, "I like number " + std::to_string(i) + ".", "Ah."));
  SUBCASE("all of it") {
    bench.end_of_stream();
    CHECK(bench.until([&] { return bench.stage->finished(); }));
    CHECK(counts().jobs_ready == 0);
    CHECK(counts().messages == 6);
    CHECK(asked() == 3);
  }
  SUBCASE("the model hangs: the lease goes back when the time is over") {
    set_hang(true);
    bench.end_of_stream();
    const Nanos begin = bench.clock.now();
    CHECK(bench.until([&] { return bench.stage->finished(); }));
    CHECK(bench.clock.now() - begin >= 2 * kSecond);
    CHECK(counts().jobs_ready == 3);
    CHECK(counts().jobs_leased == 0);
  }
  SUBCASE("now: no model calls at all") {
    set_hang(true);
    bench.run.set_drain(ipc::Drain::kNow);
    bench.end_of_stream();
    CHECK(bench.until([&] { return bench.stage->finished(); }, 2 * kSecond));
    CHECK(counts().jobs_ready == 3);
    CHECK(counts().jobs_leased == 0);
  }
  SUBCASE("no database: everything is in the spool") {
    set_away(true);
    bench.end_of_stream();
    CHECK(bench.until([&] { return bench.stage->finished(); }));
  }
  SUBCASE("killed in the drain, it is repeated") {
    set_hang(true);
    bench.end_of_stream();
    REQUIRE(bench.until([&] { return asked() == 1; }));
    CHECK(bench.run.into("turns").used() > 0);  // the end is still there
    set_hang(false);
    bench.start();
    CHECK(bench.until([&] { return bench.stage->finished(); }));
    CHECK(counts().jobs_ready == 0);
  }
  SUBCASE("brain is gone for good") {
    bench.run.close_producer("turns");
    CHECK(bench.until([&] { return bench.stage->finished(); }));
    CHECK(counts().jobs_ready == 0);
  }
  if (bench.stage->finished()) CHECK(bench.run.into("turns").used() == 0);
}

TEST_CASE_FIXTURE(Patient, "an end by request gives the lease back") {
  set_hang(true);
  bench.start();
  bench.send(exchange(1, 10, "I like tea.", "Ah."));
  bench.end_of_stream();  // a drain asks the model at once
  REQUIRE(bench.until([&] { return asked() == 1; }));
  bench.kill();
  CHECK(counts().jobs_leased == 0);
  CHECK(counts().jobs_ready == 1);
}

TEST_CASE_FIXTURE(Patient, "a frame that is not understood is counted and does not stop the others") {
  bench.start();
  ipc::FrameInfo info;
  info.kind = static_cast<std::uint8_t>(wire::Kind::kUserMessage);
  info.version = 9;
  CHECK(bench.run.into("turns").publish(info, {}) == ipc::PublishResult::kOk);
  bench.send(user(key(1, 10), "I like tea."));
  CHECK(bench.all_released());
  CHECK(bench.gauge("bad_frames") == 1);
}
