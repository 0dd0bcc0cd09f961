#include <fmt/format.h>
#include <malloc.h>
#include <time.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstring>
#include <fstream>
#include <random>
#include <thread>

#include "memory/embedders/voyage.hpp"
#include "memory/stores/postgres.hpp"
#include "memory/stores/postgres_vectors.hpp"
#include "memory/vector_worker.hpp"
#include "tests/support/embedding_server.hpp"
#include "tests/support/postgres.hpp"

/// vector_bench [--count N] [--dimension N]: what memory's vectors cost. One JSON object a line.
namespace {

using namespace prot;
using namespace prot::memory;

double ms_since(Nanos begin) {
  return static_cast<double>(monotonic_now() - begin) / static_cast<double>(kMillisecond);
}

/// Of this thread: what others on the machine take is not ours.
double cpu_ms() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
}

double quantile(std::vector<double> values, double q) {
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(q * static_cast<double>(values.size() - 1))];
}

double resident_mib() {
  std::ifstream statm("/proc/self/statm");
  double size = 0;
  double resident = 0;
  statm >> size >> resident;
  return resident * 4096 / (1U << 20U);
}

class Randoms {
 public:
  explicit Randoms(std::size_t dimension) : dimension_(dimension) {}
  Vector next() {
    Vector vector(dimension_);
    for (float& value : vector) value = normal_(random_);
    (void)normalize(vector);
    return vector;
  }

 private:
  std::size_t dimension_;
  std::mt19937 random_{17};
  std::normal_distribution<float> normal_;
};

/// Gives nothing: everything is stored already.
class NoEmbedder final : public Embedder {
 public:
  const std::string& model_id() const noexcept override { return id_; }
  bool is_instant() const noexcept override { return false; }
  Embedded embed(std::span<const std::string> texts, TextKind, const std::stop_token&) override {
    Embedded result;
    result.vectors.resize(texts.size());
    result.error.emplace(ServiceError::Kind::kFailed, "nobody is to ask");
    return result;
  }

 private:
  std::string id_ = "bench";
};

void fill(prot::test::PrivatePostgres& server, std::size_t count, std::size_t dimension) {
  make_postgres_store(server.conninfo(), "bench")->connect();
  (void)server.query(fmt::format(
      "INSERT INTO conversation VALUES ('12345678-90ab-cdef-0000-000000000001', 'voice', now()); INSERT INTO "
      "message (conversation_id, seq, role, channel, text, at) SELECT "
      "'12345678-90ab-cdef-0000-000000000001', "
      "i, 'user', 'voice', 'text ' || i, now() FROM generate_series(1, {}) i",
      count));
  const auto vectors = make_postgres_vectors(server.conninfo());
  vectors->connect();
  Randoms randoms(dimension);
  VectorStore::Cursor cursor;
  for (auto texts = vectors->next_pending("bench", &cursor, 2000); !texts.empty();
       texts = vectors->next_pending("bench", &cursor, 2000)) {
    std::vector<NewVector> made;
    for (const PendingText& text : texts) made.push_back({&text, PackedVector::of(randoms.next())});
    vectors->store("bench", made);
  }
}

/// From a new connection until the index answers; the best of three, and the worst.
void bench_load(prot::test::PrivatePostgres& server, std::size_t count, std::size_t dimension,
                VectorIndex& index) {
  std::vector<double> times;
  double before = 0;
  for (int round = 0; round < 3; ++round) {
    index.clear();
    ::malloc_trim(0);
    before = resident_mib();
    std::mutex mutex;
    std::condition_variable changed;
    bool woken = false;
    const Nanos begin = monotonic_now();
    VectorWorker worker(make_postgres_vectors(server.conninfo()), std::make_unique<NoEmbedder>(), [&] {
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
  fmt::print(
      R"({{"bench":"memory","part":"vectors","name":"load","count":{},"dimension":{},"median_ms":{:.0f},)"
      R"("worst_ms":{:.0f},"index_mib":{:.0f},"resident_mib":{:.0f}}})"
      "\n",
      count, dimension, quantile(times, 0.5), quantile(times, 1.0),
      static_cast<double>(index.bytes()) / (1U << 20U), resident_mib() - before);
}

void bench_search(const VectorIndex& index, std::size_t dimension) {
  constexpr std::size_t kLimit = 64;
  Randoms randoms(dimension);
  std::vector<double> times;
  std::vector<double> cpu_times;
  for (int i = 0; i < 300; ++i) {
    const Vector query = randoms.next();
    const Nanos begin = monotonic_now();
    const double cpu_begin = cpu_ms();
    if (index.search(query, kLimit).size() != kLimit) throw Error("not all were found");
    times.push_back(ms_since(begin));
    cpu_times.push_back(cpu_ms() - cpu_begin);
  }
  fmt::print(
      R"({{"bench":"memory","part":"vectors","name":"search","count":{},"dimension":{},"p50_ms":{:.2f},)"
      R"("p95_ms":{:.2f},"cpu_p50_ms":{:.2f},"cpu_p95_ms":{:.2f}}})"
      "\n",
      index.size(), dimension, quantile(times, 0.5), quantile(times, 0.95), quantile(cpu_times, 0.5),
      quantile(cpu_times, 0.95));
}

void bench_requests() {
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
  for (int i = 0; i < 20'000; ++i) texts.push_back("text number " + std::to_string(i));
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
  const auto record = server.record();
  fmt::print(R"({{"bench":"memory","part":"vectors","name":"requests","texts":{},"failed":{},"ms":{:.0f},)"
             R"("requests":{},"most_at_once":{},"largest_batch":{},"question_p95_ms":{:.1f}}})"
             "\n",
             texts.size(), embedded.error ? 1 : 0, took, record.requests, record.most_at_once,
             *std::max_element(record.batches.begin(), record.batches.end()), quantile(waits, 0.95));
}

std::size_t option(int argc, char** argv, const char* name, std::size_t fallback) {
  for (int i = 1; i + 1 < argc; ++i)
    if (std::strcmp(argv[i], name) == 0) return std::stoul(argv[i + 1]);
  return fallback;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const std::size_t count = option(argc, argv, "--count", 100'000);
    const std::size_t dimension = option(argc, argv, "--dimension", 1024);
    bench_requests();
    prot::test::PrivatePostgres server;
    server.start();
    fill(server, count, dimension);
    VectorIndex index(1U << 30U);
    bench_load(server, count, dimension, index);
    bench_search(index, dimension);
    return 0;
  } catch (const std::exception& e) {
    fmt::print(stderr, "vector_bench: {}\n", e.what());
    return 1;
  }
}
