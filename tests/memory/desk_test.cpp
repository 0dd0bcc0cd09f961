// memory.sock, and what is forgotten by a frame on `turns`: the stage whole, with a store that may go away.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "json/json.hpp"
#include "stage/control.hpp"
#include "tests/memory/memory_bench.hpp"
#include "tests/memory/memory_fixture.hpp"
#include "tests/memory/shared_store.hpp"

using namespace prot;
using namespace prot::memory;
using namespace prot::memory::test;
using prot::test::MemoryBench;

namespace {

struct Fixture {
  Fixture()
      : bench([this] { return std::make_unique<SharedStore>(state); },
              {"memory.extraction_idle_s=3600", "memory.drain_model_s=0", "memory.conversation_log=true"}) {}
  void set_away(bool away) {
    const std::lock_guard lock(state->mutex);
    state->away = away;
  }
  json::Document ask(int socket, const std::string& line) {
    const std::string bytes = line + "\n";
    REQUIRE(::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size()));
    ::fcntl(socket, F_SETFL, O_NONBLOCK);
    std::string answer;
    REQUIRE(bench.until([&] {
      char buffer[4096];
      const ssize_t got = ::recv(socket, buffer, sizeof buffer, 0);
      if (got > 0) answer.append(buffer, static_cast<std::size_t>(got));
      return answer.ends_with('\n');
    }));
    return json::parse(answer);
  }
  UniqueFd connect() { return stage::connect_unix(bench.runtime_file("memory.sock").string()); }
  std::filesystem::path state_folder() const { return bench.spool("memory").parent_path().parent_path(); }
  void forget(std::uint64_t conversation, std::uint64_t first, std::uint64_t last) {
    TurnRecord wish = record(TurnRecord::Kind::kForget, key(conversation, first), "");
    wish.last_sequence = last;
    bench.send(wish);
  }
  /// In the shared memory of a ring that memory reads or writes, from the next turn of both loops on.
  bool shared(std::string_view word) {
    bench.run.into("turns").disarm();
    bench.work_for(kMillisecond);
    for (const char* ring : {"turns", "recall", "names"}) {
      const ipc::RingMemory& memory = bench.run.ring(ring);
      const std::string_view data(reinterpret_cast<const char*>(memory.data), memory.header->capacity);
      if (data.find(word) != std::string_view::npos) return true;
    }
    return false;
  }
  std::shared_ptr<SharedStore::State> state = std::make_shared<SharedStore::State>();
  MemoryBench bench;
};

std::string read(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

}  // namespace

TEST_CASE_FIXTURE(Fixture, "what a person wants forgotten is in no answer, no file and no history any more") {
  bench.start();
  bench.send(exchange(1, 10, "My favourite colour is teal.", "A fine colour."));
  bench.send(exchange(1, 20, "I like strong tea.", "Fine."));
  REQUIRE(bench.all_released());
  std::ofstream(state_folder() / "said/turns.jsonl") << R"({"heard":"My favourite colour is teal."})";
  bench.ask(1, "What is my favourite colour?", key(2, 0).conversation);
  REQUIRE(bench.answer(1).text.find("teal") != std::string::npos);
  CHECK_FALSE(shared("teal"));  // whoever took it has released it

  forget(1, 10, 15);
  REQUIRE(bench.all_released());
  REQUIRE(bench.until([&] { return bench.forgotten().size() == 3; }));  // two, and the first as it was named
  bench.ask(2, "What is my favourite colour?", key(2, 0).conversation);
  CHECK(bench.answer(2).text.find("teal") == std::string::npos);
  bench.ask(3, "Do I like strong tea?", key(2, 0).conversation);
  CHECK(bench.until(
      [&] { return bench.answer(3, kMillisecond).text.find("strong tea") != std::string::npos; }));
  bench.ask_history(4, key(1, 0).conversation);
  CHECK(bench.answer(4).text.find("teal") == std::string::npos);
  CHECK(read(state_folder() / "said/turns.jsonl").find("teal") == std::string::npos);
  CHECK_FALSE(shared("teal"));
  CHECK_FALSE(shared("strong tea"));
  bench.start();  // a restart reads everything anew
  bench.ask(5, "What is my favourite colour?", key(2, 0).conversation);
  CHECK(bench.answer(5).text.find("teal") == std::string::npos);
}

TEST_CASE_FIXTURE(Fixture, "said and forgotten in one breath") {
  bench.start();
  bench.send(exchange(1, 10, "My favourite colour is teal.", "A fine colour."));
  forget(1, 10, 15);
  bench.send(exchange(1, 20, "I like strong tea.", "Fine."));
  REQUIRE(bench.all_released());
  bench.ask(1, "What is my favourite colour?", key(2, 0).conversation);
  CHECK(bench.answer(1).text.find("teal") == std::string::npos);
}

TEST_CASE_FIXTURE(Fixture, "forgotten while the database is away: at once here, and there when it is back") {
  bench.start();
  bench.send(exchange(1, 10, "I play the cello.", "Nice."));
  REQUIRE(bench.all_released());
  REQUIRE(bench.until([&] { return bench.gauge("messages") == 2; }));
  set_away(true);
  bench.send(exchange(1, 20, "My favourite colour is teal.", "A fine colour."));
  REQUIRE(bench.all_released());
  forget(1, 20, 25);
  forget(1, 10, 15);
  REQUIRE(bench.all_released());
  bench.ask(1, "What is my favourite colour?", key(2, 0).conversation);
  CHECK(bench.answer(1).text.find("teal") == std::string::npos);
  for (const auto& file : spool_files(bench.spool("memory"), ".spool")) {
    CHECK(read(file).find("teal") == std::string::npos);
    CHECK(read(file).find("cello") == std::string::npos);
  }
  SUBCASE("it comes back") {}
  SUBCASE("memory dies first") { bench.start(); }
  set_away(false);
  CHECK(bench.until([&] { return bench.gauge("db_up") == 1 && bench.gauge("messages") == 0; }));
  bench.ask(2, "Do I play the cello?", key(2, 0).conversation);
  CHECK(bench.answer(2).text.find("cello") == std::string::npos);
}

TEST_CASE_FIXTURE(Fixture, "off the record: the frame passes, and nothing is stored") {
  bench.start();
  REQUIRE(wire::send(bench.run.into("turns"), wire::Unrecorded{}, {}, {}) == ipc::PublishResult::kOk);
  bench.send(user(key(1, 10), "I like tea."));
  REQUIRE(bench.all_released());
  CHECK(bench.gauge("bad_frames") == 0);
  CHECK(bench.until([&] { return bench.gauge("messages") == 1; }));
  std::string logged;
  for (const auto& file : std::filesystem::directory_iterator(state_folder() / "conversations"))
    logged += read(file.path());
  CHECK(logged.find("I like tea.") != std::string::npos);
  CHECK(std::count(logged.begin(), logged.end(), '\n') == 1);
}

TEST_CASE_FIXTURE(Fixture, "memory.sock answers what it cannot do in one line, and goes on") {
  bench.start();
  REQUIRE(bench.until([&] { return bench.gauge("db_up") == 1; }));
  const UniqueFd socket = connect();
  CHECK(ask(socket.get(), "no JSON").get("code").as_int() == 2);
  CHECK(ask(socket.get(), "[1]").get("code").as_int() == 2);
  CHECK(ask(socket.get(), R"({"cmd":"facts"})").get("error").as_string().find("ram") != std::string::npos);
  CHECK(ask(socket.get(), R"({"cmd":"dance"})").get("code").as_int() == 2);
}

TEST_CASE_FIXTURE(Fixture, "with the database away memory.sock searches what is in memory, and says so") {
  set_away(true);
  bench.start();
  bench.send(exchange(1, 10, "My favourite colour is teal.", "A fine colour."));
  REQUIRE(bench.all_released());
  const UniqueFd socket = connect();
  const json::Document found = ask(socket.get(), R"({"cmd":"search","query":"my favourite colour"})");
  CHECK(found.get("database").as_string() == "away");
  CHECK(found.get("block").as_string().find("teal") != std::string::npos);
  CHECK(ask(socket.get(), R"({"cmd":"facts"})").get("code").as_int() == 1);
  const json::Document stats = ask(socket.get(), R"({"cmd":"stats"})");
  CHECK(stats.get("database").as_string() == "away");
  CHECK(stats.get("spooled").as_int() == 4);
}

TEST_CASE_FIXTURE(Fixture, "what brain heard a person say: only what is asked back, and always an answer") {
  bench.start();
  const auto spoken = [&](std::uint64_t number, const std::string& command) {
    bench.ask_desk(number, command);
    return json::parse(bench.answer(number).text);
  };
  REQUIRE(bench.until([&] { return bench.gauge("db_up") == 1; }));
  CHECK(spoken(1, R"({"cmd":"facts","waiting":true})").get("error").as_string().find("ram") !=
        std::string::npos);
  CHECK(spoken(2, R"({"cmd":"forget","what":"everything"})").get("code").as_int() == 2);
  CHECK(spoken(3, R"({"cmd":"export"})").get("code").as_int() == 2);
  CHECK(spoken(4, "no JSON").get("code").as_int() == 2);
  set_away(true);
  CHECK(spoken(5, R"({"cmd":"confirm","fact":1})").get("code").as_int() == 1);
  REQUIRE(bench.all_released());
  CHECK(bench.gauge("bad_frames") == 0);
}
