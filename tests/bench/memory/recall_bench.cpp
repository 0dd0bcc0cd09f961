// recall_bench: how long memory takes. One JSON object a line: {"what","value","unit","bar"}.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <span>

#include "base/error.hpp"
#include "base/log.hpp"
#include "memory/queue/database_task.hpp"
#include "memory/recall/recall.hpp"
#include "memory/stores/postgres.hpp"
#include "tests/bench/memory/talk.hpp"
#include "tests/memory/memory_bench.hpp"
#include "tests/memory/memory_fixture.hpp"
#include "tests/support/postgres.hpp"

namespace {

using namespace prot;
using namespace prot::memory;
using namespace prot::memory::test;
using namespace prot::bench;

/// Of this thread on its processor: what others do on the machine is not in it.
Nanos processor_now() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return now.tv_sec * kSecond + now.tv_nsec;
}

/// A block among so many messages and a quarter as many facts.
void measure_time(std::size_t messages, std::size_t questions) {
  Recall recall(1U << 30U);
  Talk talk;
  std::vector<Fact> facts;
  for (std::size_t i = 0; i < messages; ++i) {
    const Message said = talk.next();
    recall.put(said);
    if (i % 4 == 0 && facts.size() < 5000) {
      Fact known = fact("likes", "it", said.key, said.at_ns);
      known.statement = talk.text(6);
      facts.push_back(std::move(known));
    }
  }
  recall.set_facts(facts);
  const std::string of = "block of ";
  for (const std::size_t tokens : {std::size_t{120}, std::size_t{3000}}) {
    std::vector<double> took;
    for (std::size_t i = 0; i < questions; ++i) {
      const std::string question = "What about" + talk.text(4 + i % 5).substr(1) + "?";
      const Nanos begin = processor_now();
      (void)recall.answer(question, key(999'999, 0).conversation, tokens);
      took.push_back(static_cast<double>(processor_now() - begin) / static_cast<double>(kMillisecond));
    }
    const std::string what =
        of + std::to_string(tokens) + " tokens among " + std::to_string(messages) + " messages, ";
    print(what + "p50", percentile(took, 0.5), "ms");
    print(what + "p95", percentile(took, 0.95), "ms", messages <= 20'000 ? 15.0 : 0.0);
  }
}

/// What a turn pays: its message, and the block.
void measure_turns(prot::test::MemoryBench& bench, const std::string& state, int turns, bool up) {
  std::vector<double> accepted;
  std::vector<double> kept;
  std::vector<double> answered;
  Talk talk;
  static std::uint64_t sequence = 1000;
  for (int i = 0; i < turns; ++i) {
    sequence += 10;
    const TurnRecord said = user(key(1, sequence), talk.text(12));
    const Nanos begin = monotonic_now();
    bench.send(said);
    accepted.push_back(ms_since(begin));
    if (!bench.all_released()) throw Error("a message was not kept");
    kept.push_back(ms_since(begin));
    const Nanos asked = monotonic_now();
    bench.ask(sequence, talk.text(6), key(1, 0).conversation, 3000);
    if (bench.answer(sequence).request == 0) throw Error("a question was not answered");
    answered.push_back(ms_since(asked));
  }
  if ((bench.gauge("db_up") == 1) != up) throw Error("the database is not as it should be");
  print(state + ": message handed over, p99", percentile(accepted, 0.99), "ms", 5.0);
  print(state + ": message safe, p99", percentile(kept, 0.99), "ms", 5.0);
  print(state + ": block there, p99", percentile(answered, 0.99), "ms", 50.0);
}

void measure_turn_path(int turns) {
  if (!prot::test::PrivatePostgres::installed()) throw Error("PostgreSQL is not installed");
  prot::test::PrivatePostgres postgres;
  postgres.start();
  prot::test::MemoryBench bench([&] { return make_postgres_store(postgres.conninfo(), "bench"); },
                                {"memory.extraction_idle_s=3600", "memory.recall_tokens=3000"});
  bench.start();
  if (!bench.until([&] { return bench.gauge("db_up") == 1; })) throw Error("PostgreSQL does not answer");
  measure_turns(bench, "database up", turns, true);
  postgres.kill_hard();
  if (!bench.until([&] { return bench.gauge("db_up") == 0; })) throw Error("its death is not seen");
  measure_turns(bench, "database down", turns, false);
}

/// What came while the database was away. Its server is one without fsync.
void measure_replay(int turns) {
  if (!prot::test::PrivatePostgres::installed()) throw Error("PostgreSQL is not installed");
  prot::test::PrivatePostgres postgres;
  const prot::test::TempFolder folder;
  Talk talk;
  std::vector<TurnRecord> records;
  for (int i = 0; i < turns; ++i)
    for (TurnRecord& record :
         exchange(1, 1000 + 10 * static_cast<std::uint64_t>(i), talk.text(12), talk.text(20)))
      records.push_back(std::move(record));
  SpoolWriter(folder.path() / "memory").append(records);
  postgres.start();
  const auto store = make_postgres_store(postgres.conninfo(), "bench");
  DatabaseTask task(*store, {folder.path() / "memory", folder.path() / "brain"}, wall_now);
  std::vector<Told> told;
  task.tick(monotonic_now(), told);
  const auto gauges = std::find_if(told.rbegin(), told.rend(),
                                   [](const Told& t) { return std::holds_alternative<told::Gauges>(t); });
  if (!task.up() || gauges == told.rend()) throw Error("PostgreSQL does not answer");
  const auto& found = std::get<told::Gauges>(*gauges);
  if (found.replayed != records.size() || found.counts.messages != 2 * static_cast<std::uint64_t>(turns))
    throw Error("not everything is there");
  print("replay of 1,000 turns, of " + std::to_string(turns),
        static_cast<double>(found.replay_time) / static_cast<double>(kSecond) * 1000 / turns, "s", 1.0);
}

}  // namespace

int main(int argc, char** argv) {
  const std::span<char*> arguments(argv, static_cast<std::size_t>(argc));
  const auto number = [&](std::size_t i) { return std::strtoul(arguments[i], nullptr, 10); };
  try {
    if (argc == 4 && std::string_view(argv[1]) == "--time") {
      measure_time(number(2), number(3));
    } else if (argc == 3 && std::string_view(argv[1]) == "--turn-path") {
      measure_turn_path(static_cast<int>(number(2)));
    } else if (argc == 3 && std::string_view(argv[1]) == "--replay") {
      measure_replay(static_cast<int>(number(2)));
    } else {
      std::fprintf(stderr,
                   "usage: recall_bench --time MESSAGES QUESTIONS | --turn-path TURNS | --replay TURNS\n");
      return 2;
    }
    return 0;
  } catch (const Error& e) {
    std::fprintf(stderr, "recall_bench: %s\n", full_message(e).c_str());
    return e.exit_code();
  }
}
