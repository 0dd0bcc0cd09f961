// near_bench COUNT DIMENSION: what is found, and when, where memory has room for half of the vectors: with
// pgvector and without. On the PostgreSQL that PROT_TEST_POSTGRES names. One JSON object a line:
// {"what","value","unit"}.
#include <set>
#include <span>

#include "base/error.hpp"
#include "base/log.hpp"
#include "memory/stores/postgres_near.hpp"
#include "memory/vectors/dense_leg.hpp"
#include "tests/bench/memory/past.hpp"

namespace {

using namespace prot;
using namespace prot::memory;
using namespace prot::bench;

constexpr std::size_t kFound = 10;
constexpr int kQuestions = 200;

struct Setup {
  std::shared_ptr<ConnectionPool> pool;
  std::unique_ptr<Embedder> embedder;
  VectorIndex all{1U << 30U};
  VectorIndex half{0};
};

void load(Setup& setup, std::size_t count) {
  const auto vectors = make_postgres_vectors(setup.pool);
  vectors->connect();
  VectorStore::Cursor cursor;
  for (auto page = vectors->next_vectors(setup.embedder->model_id(), &cursor, 2000); !page.empty();
       page = vectors->next_vectors(setup.embedder->model_id(), &cursor, 2000))
    for (const StoredVector& one : page) (void)setup.all.put(one.key, one.vector);
  if (setup.all.size() != count) throw Error("not all were loaded");
  setup.half = VectorIndex(setup.all.bytes() / 2);
  cursor = {};
  for (auto page = vectors->next_vectors(setup.embedder->model_id(), &cursor, 2000); !page.empty();
       page = vectors->next_vectors(setup.embedder->model_id(), &cursor, 2000))
    for (const StoredVector& one : page) (void)setup.half.put(one.key, one.vector);
  print(fmt::format("vectors that have no room, of {}", count), static_cast<double>(setup.half.dropped()),
        "");
}

/// How long it takes until the store can search.
void keep(const Setup& setup, std::size_t dimension, std::size_t exact, const char* what) {
  const auto vectors = make_postgres_vectors(setup.pool, exact);
  vectors->connect();
  const Nanos begin = monotonic_now();
  StoreNear near;
  do {
    near = vectors->keep_near(setup.embedder->model_id(), dimension);
    if (near.state == StoreNear::State::kRefused) throw Error(near.what + ": " + near.why);
    if (near.state == StoreNear::State::kAbsent) throw Error("the server has no pgvector");
  } while (near.more);
  print(fmt::format("{}: {}", near.what, what), ms_since(begin), "ms");
}

/// Questions, each with what an index with room for all finds.
void measure(const Setup& setup, const std::string& how, bool with_store) {
  const auto search = make_postgres_near(setup.pool, setup.embedder->model_id());
  Talk talk;
  std::vector<double> times;
  std::size_t found = 0;
  std::size_t wanted = 0;
  int given_up = 0;
  for (int i = 0; i < kQuestions; ++i) {
    const std::vector<std::string> question{talk.text(6)};
    const Vector query = setup.embedder->embed(question, TextKind::kQuery, {}).vectors[0];
    const auto best = setup.all.search(query, kFound);
    std::vector<VectorIndex::Near> near = setup.half.search(query, DenseLeg::kNearest);
    if (with_store) {
      const Nanos begin = monotonic_now();
      try {
        near = nearest_of_both(near, search->nearest(query, DenseLeg::kNearest), DenseLeg::kNearest);
      } catch (const StoreError&) {  // too late to be of use: memory alone then
        ++given_up;
      }
      times.push_back(ms_since(begin));
    }
    near.resize(std::min(near.size(), kFound));
    wanted += best.size();
    // As near as the last of the best is as good as that one.
    for (const VectorIndex::Near& one : near)
      found += one.similarity >= best.back().similarity - 1e-4F ? 1 : 0;
  }
  print("found at 10 of what all would give, " + how,
        static_cast<double>(found) / static_cast<double>(wanted), "");
  if (times.empty()) return;
  print("the database's search, " + how + ", p50", percentile(times, 0.5), "ms");
  print("the database's search, " + how + ", p95", percentile(times, 0.95), "ms");
  print("given up as too late, of " + std::to_string(kQuestions), given_up, "");
}

void run(std::size_t count, std::size_t dimension) {
  prot::test::PrivatePostgres server;
  server.start();
  fill(server, count, dimension);
  Setup setup{make_connection_pool(server.conninfo(), 1, 6, 600 * kSecond), make_hashed_embedder(dimension)};
  load(setup, count);
  measure(setup, "by memory alone", false);
  keep(setup, dimension, SIZE_MAX, "copying all");
  measure(setup, "all compared", true);
  keep(setup, dimension, 0, "building an index");
  measure(setup, "with an index", true);
  const std::string size = server.query("SELECT pg_total_relation_size('message_near') / 1048576");
  print("the copies and their index on disk", std::stod(size), "MiB");
}

}  // namespace

int main(int argc, char** argv) {
  const std::span<char*> arguments(argv, static_cast<std::size_t>(argc));
  try {
    if (argc != 3) throw UsageError("usage: near_bench COUNT DIMENSION");
    set_log_level(LogLevel::kError);
    run(std::stoul(arguments[1]), std::stoul(arguments[2]));
    return 0;
  } catch (const std::exception& e) {
    fmt::print(stderr, "near_bench: {}\n", e.what());
    return 1;
  }
}
