// prot-memory with a real PostgreSQL that dies under it.
#include <doctest/doctest.h>

#include <fstream>

#include "memory/stores/postgres.hpp"
#include "tests/memory/memory_bench.hpp"
#include "tests/memory/memory_fixture.hpp"
#include "tests/support/postgres.hpp"

using namespace prot;
using namespace prot::memory;
using namespace prot::memory::test;
using prot::test::MemoryBench;

namespace {

struct Fixture {
  Fixture()
      : bench([this] { return make_postgres_store(postgres.conninfo(), "test"); },
              {"memory.extraction_idle_s=3600", "memory.drain_model_s=5"}) {}

  void tell(int count) {
    for (int i = 0; i < count; ++i) {
      sequence += 10;
      bench.send(exchange(1 + sequence % 3, sequence, "I told you " + std::to_string(sequence) + ".", "Ah."));
      ++told;
    }
  }
  /// Every message once, whole, with one job; nothing left half-done.
  void check_everything_once() {
    const std::string wanted = std::to_string(told);
    CHECK(postgres.query("SELECT count(*) FROM message WHERE role = 'user'") == wanted);
    CHECK(postgres.query("SELECT count(*) FROM message WHERE role = 'assistant' AND text = 'Ah.' AND NOT "
                         "open") == wanted);
    CHECK(
        postgres.query("SELECT count(*) FROM message m JOIN memory_job j ON j.conversation_id = "
                       "m.conversation_id AND j.first_seq = m.seq AND j.last_seq = m.seq + 1 WHERE m.role = "
                       "'user' AND j.kind = 'extract'") == wanted);
    CHECK(postgres.query("SELECT count(*) FROM memory_job") == wanted);
    CHECK(postgres.query("SELECT count(*) FROM message_segment") == "0");
  }

  prot::test::PrivatePostgres postgres;
  MemoryBench bench;
  std::uint64_t sequence = 0;
  int told = 0;
};

}  // namespace

TEST_CASE_FIXTURE(Fixture,
                  "PostgreSQL killed in the middle of it, again and again: everything is there once") {
  postgres.start();
  bench.start();
  REQUIRE(bench.until([&] { return bench.gauge("db_up") == 1; }));
  for (int round = 0; round < 4; ++round) {
    tell(30);
    // Some are committed, some in a commit, some not even taken.
    (void)bench.until([] { return false; }, (5 + 17 * round) * kMillisecond);
    postgres.kill_hard();
    tell(10);
    CHECK(bench.all_released());
    if (round % 2 == 1) bench.start();  // memory dies as well
    postgres.start();
    tell(5);
    CHECK(bench.until([&] { return bench.gauge("db_up") == 1 && bench.run.into("turns").used() == 0; }));
  }
  CHECK(bench.until([&] { return bench.gauge("messages") == static_cast<std::uint64_t>(2 * told); }));
  check_everything_once();
  CHECK(spool_files(bench.spool("memory"), ".spool").empty());
  CHECK(bench.gauge("spooled") == 0);
}

TEST_CASE_FIXTURE(Fixture, "no database in a whole session: the next one brings the spool home") {
  bench.start();
  tell(50);
  REQUIRE(bench.all_released());
  bench.end_of_stream();
  REQUIRE(bench.until([&] { return bench.stage->finished(); }));
  const auto spool = bench.spool("memory");
  bench.kill();
  REQUIRE_FALSE(spool_files(spool, ".spool").empty());

  postgres.start();
  bench.start();
  CHECK(bench.until([&] { return bench.gauge("messages") == 100; }));
  check_everything_once();
  bench.ask(1, "What did I tell you 250?", key(9, 0).conversation);
  CHECK(bench.answer(1).text.find("I told you 250.") != std::string::npos);
}

TEST_CASE_FIXTURE(Fixture, "the database's disk is full, or it is read-only: told, and nothing lost") {
  postgres.start();
  bench.start();
  REQUIRE(bench.until([&] { return bench.gauge("db_up") == 1; }));
  tell(2);
  REQUIRE(bench.all_released());
  std::string mended;
  SUBCASE("full") {
    (void)postgres.query(
        "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'could not "
        "extend file' USING ERRCODE = 'disk_full'; END $$; CREATE TRIGGER full_disk BEFORE INSERT ON message "
        "FOR EACH ROW EXECUTE FUNCTION full_disk()");
    mended = "DROP TRIGGER full_disk ON message";
  }
  SUBCASE("read-only") {
    (void)postgres.query("ALTER DATABASE prot SET default_transaction_read_only = on");
    (void)postgres.query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> "
        "pg_backend_pid() AND backend_type = 'client backend'");
    mended =
        "BEGIN; SET TRANSACTION READ WRITE; ALTER DATABASE prot RESET default_transaction_read_only; COMMIT";
  }
  tell(3);
  CHECK(bench.all_released());
  CHECK(bench.until([&] { return bench.gauge("db_up") == 0 && bench.gauge("spooled") == 12; }));
  (void)postgres.query(mended);
  CHECK(bench.until([&] { return bench.gauge("messages") == 10; }));
  check_everything_once();
  CHECK(bench.gauge("spooled") == 0);
}

TEST_CASE_FIXTURE(Fixture, "a dead run's turns are replayed, a file only once") {
  postgres.start();
  bench.start();
  const std::filesystem::path folder = bench.spool("brain");
  std::filesystem::create_directories(folder);
  wire::UserMessage head{};
  head.conversation = key(1, 0).conversation;
  head.sequence = 10;
  head.channel = wire::Channel::kVoice;
  const std::string text = "I live in Busan.";
  ipc::RecordHeader header{};
  header.length = static_cast<std::uint32_t>(sizeof(head) + text.size());
  header.kind = static_cast<std::uint8_t>(wire::Kind::kUserMessage);
  header.version = wire::UserMessage::kVersion;
  std::string body(reinterpret_cast<const char*>(&header), sizeof(header));
  body.append(reinterpret_cast<const char*>(&head), sizeof(head)).append(text);
  std::string frame;
  ipc::append_record(frame, wire::as_bytes(body));
  // Twice, as two replays would, and one whose writer died.
  std::ofstream(folder / "run0-000.part") << frame << frame << frame.substr(0, 12);
  std::filesystem::rename(folder / "run0-000.part", folder / "run0-000.frames");
  bench.start();
  CHECK(bench.until([&] { return bench.gauge("messages") == 1; }));
  CHECK_FALSE(std::filesystem::exists(folder / "run0-000.frames"));
  CHECK(postgres.query("SELECT count(*) FROM memory_job") == "1");
}

TEST_CASE_FIXTURE(Fixture, "a drain under extraction hands back what it cannot finish, and says how much") {
  postgres.start();
  {
    const std::lock_guard lock(bench.script->mutex);
    bench.script->hang = true;
  }
  bench.start();
  tell(3);
  REQUIRE(bench.all_released());
  bench.end_of_stream();
  REQUIRE(bench.until([&] {
    const std::lock_guard lock(bench.script->mutex);
    return bench.script->asked == 1;
  }));
  CHECK(bench.until(
      [&] { return postgres.query("SELECT count(*) FROM memory_job WHERE state = 'leased'") == "1"; }));
  CHECK(bench.until([&] { return bench.stage->finished(); }));
  CHECK(postgres.query("SELECT count(*), sum(attempts) FROM memory_job WHERE state = 'ready'") == "3|0");
  bench.kill();
  CHECK(postgres.query("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'") == "1");
}

TEST_CASE_FIXTURE(Fixture, "a commit costs the loop nothing and the database milliseconds") {
  postgres.start();
  bench.start();
  REQUIRE(bench.until([&] { return bench.gauge("db_up") == 1; }));
  tell(100);
  const Nanos begin = bench.clock.now();
  CHECK(bench.all_released());
  MESSAGE("us for each of 400 frames: " << (bench.clock.now() - begin) / kMicrosecond / 400);
}
