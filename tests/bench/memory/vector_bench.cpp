// vector_bench COUNT DIMENSION: what memory's vectors cost. One JSON object a line:
// {"what","value","unit","bar"}.
#include <fmt/format.h>
#include <malloc.h>
#include <time.h>

#include <atomic>
#include <condition_variable>
#include <fstream>
#include <mutex>
#include <span>
#include <thread>

#include "base/error.hpp"
#include "base/log.hpp"
#include "memory/embedders/voyage.hpp"
#include "tests/bench/memory/past.hpp"
#include "tests/memory/memory_bench.hpp"
#include "tests/support/embedding_server.hpp"

namespace {

using namespace prot;
using namespace prot::memory;
using namespace prot::memory::test;
using namespace prot::bench;

constexpr double kLoadBar = 3000;     // ms
constexpr double kSearchBar = 60;     // ms
constexpr double kResidentBar = 600;  // MiB

double resident_mib() {
  std::ifstream statm("/proc/self/statm");
  double size = 0;
  double resident = 0;
  statm >> size >> resident;
  return resident * 4096 / (1U << 20U);
}

/// Of this thread: what others on the machine take is not ours.
double cpu_ms() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
}

void measure_requests(int count) {
  prot::test::EmbeddingServer server;
  server.set_delay(20);
  VectorService service;
  service.url = server.url();
  service.model = "voyage-4-lite";
  service.rules = {.at_once = 4};
  const auto documents = make_voyage_embedder(service);
  service.rules = {.at_once = 1};
  const auto questions = make_voyage_embedder(service);
  std::vector<std::string> texts;
  for (int i = 0; i < count; ++i) texts.push_back("text number " + std::to_string(i));
  std::atomic<bool> done = false;
  std::vector<double> waits;
  std::jthread talk([&] {
    const std::vector<std::string> question{"what do I like?"};
    while (!done) {
      const Nanos begin = monotonic_now();
      (void)questions->embed(question, TextKind::kQuery, {});
      waits.push_back(ms_since(begin));
    }
  });
  const Nanos begin = monotonic_now();
  const Embedded embedded = documents->embed(texts, TextKind::kDocument, {});
  const double took = ms_since(begin);
  done = true;
  talk.join();
  if (embedded.error) throw *embedded.error;
  const auto record = server.record();
  const auto largest = *std::max_element(record.batches.begin(), record.batches.end());
  print(fmt::format("{} texts to a service that takes 20 ms", count), took, "ms");
  print("under load, requests at once at most", record.most_at_once, "", 5);
  print("under load, texts in a request at most", static_cast<double>(largest), "", 128);
  print("a question meanwhile, p95", percentile(waits, 0.95), "ms");
}

/// From a new connection until nothing is missing any more.
void measure_load(prot::test::PrivatePostgres& server, std::size_t count, std::size_t dimension,
                  VectorIndex& index) {
  std::vector<double> times;
  for (int round = 0; round < 3; ++round) {
    index.clear();
    std::mutex mutex;
    std::condition_variable changed;
    bool woken = false;
    const Nanos begin = monotonic_now();
    VectorWorker worker(make_postgres_vectors(server.conninfo()), make_hashed_embedder(dimension), [&] {
      const std::lock_guard lock(mutex);
      woken = true;
      changed.notify_all();
    });
    for (bool complete = false; !complete;) {
      {
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return woken; });
        woken = false;
      }
      VectorWorker::Told told = worker.poll();
      for (const StoredVector& one : told.vectors) (void)index.put(one.key, one.vector);
      complete = told.complete;
    }
    times.push_back(ms_since(begin));
    if (index.size() != count) throw Error("not all were loaded");
  }
  print(fmt::format("loading {} x {}, median of 3", count, dimension), percentile(times, 0.5), "ms",
        kLoadBar);
  print("they take", static_cast<double>(index.bytes()) / (1U << 20U), "MiB");
}

void measure_search(const VectorIndex& index, std::size_t dimension) {
  const auto embedder = make_hashed_embedder(dimension);
  Talk talk;
  std::vector<double> times;
  std::vector<double> cpu_times;
  for (int i = 0; i < 300; ++i) {
    const std::vector<std::string> question{talk.text(6)};
    const Nanos begin = monotonic_now();
    const double cpu_begin = cpu_ms();
    const Vector query = embedder->embed(question, TextKind::kQuery, {}).vectors[0];
    if (index.search(query, DenseLeg::kNearest).empty()) throw Error("nothing was found");
    times.push_back(ms_since(begin));
    cpu_times.push_back(cpu_ms() - cpu_begin);
  }
  const std::string of = fmt::format("the nearest of {} x {}, ", index.size(), dimension);
  print(of + "p50", percentile(times, 0.5), "ms");
  print(of + "p95", percentile(times, 0.95), "ms", kSearchBar);
  print(of + "p95 of processor time", percentile(cpu_times, 0.95), "ms");
}

/// The stage as it is: messages, vectors and words.
void measure_stage(prot::test::PrivatePostgres& server, std::size_t count, std::size_t dimension) {
  ::malloc_trim(0);
  const double before = resident_mib();
  prot::test::MemoryBench bench([&] { return make_postgres_store(server.conninfo(), "bench"); },
                                {"memory.extraction_idle_s=3600", "memory.recall_tokens=3000"});
  bench.with_model = false;
  bench.dense = [&] {
    DenseLeg::Parts parts;
    parts.store = make_postgres_vectors(server.conninfo());
    parts.documents = make_hashed_embedder(dimension);
    parts.questions = make_hashed_embedder(dimension);
    return parts;
  };
  const Nanos begin = monotonic_now();
  bench.start();
  (void)bench.answer(0, 300 * kSecond);  // the profile, when all messages are there
  if (!bench.until([&] { return bench.gauge("vectors_ready") == 1; }, 300 * kSecond))
    throw Error("it did not load");
  print(fmt::format("the stage with {} messages and vectors, from its start", count), ms_since(begin), "ms");
  Talk talk;
  std::vector<double> took;
  for (std::uint64_t i = 1; i <= 200; ++i) {
    const std::string question = "What about" + talk.text(4 + i % 5).substr(1) + "?";
    const Nanos asked = monotonic_now();
    bench.ask(i, question, key(999'999, 0).conversation, 3000);
    if (bench.answer(i).request == 0) throw Error("a question was not answered");
    took.push_back(ms_since(asked));
  }
  print("a block there, words and vectors, p50", percentile(took, 0.5), "ms");
  print("a block there, words and vectors, p95", percentile(took, 0.95), "ms",
        count <= 20'000 ? 15 : kSearchBar);
  print("the stage is resident with", resident_mib() - before, "MiB", kResidentBar);
}

}  // namespace

int main(int argc, char** argv) {
  const std::span<char*> arguments(argv, static_cast<std::size_t>(argc));
  try {
    if (argc != 3) throw UsageError("usage: vector_bench COUNT DIMENSION");
    const std::size_t count = std::stoul(arguments[1]);
    const std::size_t dimension = std::stoul(arguments[2]);
    if (!prot::test::PrivatePostgres::installed()) throw Error("PostgreSQL is not installed");
    set_log_level(LogLevel::kError);
    measure_requests(static_cast<int>(count) / 5);
    prot::test::PrivatePostgres server;
    server.start();
    fill(server, count, dimension);
    {
      VectorIndex index(1U << 30U);
      measure_load(server, count, dimension, index);
      measure_search(index, dimension);
    }
    measure_stage(server, count, dimension);
    return 0;
  } catch (const std::exception& e) {
    fmt::print(stderr, "vector_bench: {}\n", e.what());
    return 1;
  }
}
