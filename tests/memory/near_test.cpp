// What the index in memory has no room for: when the store is asked for it, and what comes of that.
#include "memory/vectors/near_search.hpp"

#include <doctest/doctest.h>

#include "memory/stores/ram_vectors.hpp"
#include "memory/vectors/dense_leg.hpp"
#include "tests/memory/dense_fixture.hpp"
#include "tests/memory/memory_fixture.hpp"

using namespace prot;
using namespace prot::memory;
using namespace prot::memory::test;
using State = StoreNear::State;

namespace {

/// A store with a search of its own, as far along as it is told to be. Thread-safe.
struct Server {
  std::mutex mutex;
  State state = State::kReady;
  std::optional<StoreError> error;  // of keeping
  bool search_fails = false;
  int kept = 0;
  int searched = 0;
  std::vector<VectorIndex::Near> near;
};

class ServedVectors final : public VectorStore {
 public:
  explicit ServedVectors(std::shared_ptr<Server> server) : server_(std::move(server)) {}
  void connect() override {}
  void close() noexcept override {}
  std::vector<StoredVector> next_vectors(const std::string& model, Cursor* cursor, int limit) override {
    return vectors_.next_vectors(model, cursor, limit);
  }
  std::vector<PendingText> next_pending(const std::string& model, Cursor* cursor, int limit) override {
    return vectors_.next_pending(model, cursor, limit);
  }
  void store(const std::string& model, std::span<const NewVector> vectors) override {
    vectors_.store(model, vectors);
  }
  std::int64_t last_message() override { return 0; }
  Counts counts(const std::string& model) override { return vectors_.counts(model); }
  void note(bool fact, const VectorKey& key, std::string_view text) override {
    vectors_.note(fact, key, text);
  }
  StoreNear keep_near(const std::string&, std::size_t dimension) override {
    const std::lock_guard lock(server_->mutex);
    ++server_->kept;
    CHECK(dimension == kDimension);
    if (server_->error) throw StoreError(*server_->error);
    return {.state = server_->state,
            .what = "pgvector 9",
            .vectors = 7,
            .more = server_->state == State::kFilling};
  }
  static constexpr std::size_t kDimension = 64;

 private:
  std::shared_ptr<Server> server_;
  RamVectors vectors_;
};

class ServedSearch final : public NearSearch {
 public:
  explicit ServedSearch(std::shared_ptr<Server> server) : server_(std::move(server)) {}
  std::vector<VectorIndex::Near> nearest(const Vector& query, std::size_t) override {
    CHECK(query.size() == ServedVectors::kDimension);
    const std::lock_guard lock(server_->mutex);
    ++server_->searched;
    if (server_->search_fails) throw StoreError(StoreError::Kind::kAway, "away");
    return server_->near;
  }

 private:
  std::shared_ptr<Server> server_;
};

struct Fixture {
  Bench bench;
  std::shared_ptr<Server> server = std::make_shared<Server>();
  std::unique_ptr<DenseLeg> leg;
  std::uint64_t said = 0;

  /// `instant`: vectors are made at once, else as by a service. `room`: bytes.
  void start(bool instant, std::size_t room, bool with_search = true) {
    const auto embedder = [&]() -> std::unique_ptr<Embedder> {
      if (instant) return make_hashed_embedder(ServedVectors::kDimension);
      return std::make_unique<ScriptedEmbedder>(std::make_shared<Script>());
    };
    DenseLeg::Parts parts{.store = std::make_unique<ServedVectors>(server),
                          .documents = embedder(),
                          .questions = embedder(),
                          .reranker = nullptr,
                          .first_wait = kMillisecond,
                          .search = with_search ? std::make_unique<ServedSearch>(server) : nullptr};
    leg = std::make_unique<DenseLeg>(std::move(parts), room, bench.wake());
  }
  void say(std::uint64_t count) {
    std::vector<Message> messages;
    for (const std::uint64_t end = said + count; said < end; ++said)
      messages.push_back(message(1, said, Role::kUser, "green tea number " + std::to_string(said)));
    leg->stored(messages);
    REQUIRE(until([&] { return leg->ready() && leg->vectors() == said; }));
  }
  bool until(const std::function<bool()>& condition) {
    return bench.until([&] {
      (void)leg->poll();
      return condition();
    });
  }
  bool reaches(State state) {
    return until([&] { return leg->store_near().state == state; });
  }
  DenseLeg::Answer answer() {
    std::optional<DenseLeg::Answer> got;
    CHECK(bench.until([&] {
      got = leg->take_answer();
      return got.has_value();
    }));
    return got.value_or(DenseLeg::Answer{});
  }
  int searched() {
    const std::lock_guard lock(server->mutex);
    return server->searched;
  }
  static constexpr std::size_t kLittle = 40'000;  // of 400 vectors not all
  static constexpr std::size_t kPlenty = 4U << 20U;
};

VectorIndex::Near near(std::uint64_t number, float similarity) {
  return {VectorKey::of(key(1, number)), similarity};
}

std::vector<std::uint64_t> numbers(const std::vector<VectorIndex::Near>& all) {
  std::vector<std::uint64_t> out;
  for (const VectorIndex::Near& one : all) out.push_back(one.key.number);
  return out;
}

}  // namespace

TEST_CASE("the store is asked only where memory dropped something and the store is through with it") {
  for (const State state :
       {State::kUnknown, State::kAbsent, State::kRefused, State::kFilling, State::kReady}) {
    CHECK_FALSE(asks_store(0, state));
    CHECK(asks_store(1, state) == (state == State::kReady));
  }
}

TEST_CASE("of both sides the nearest are taken, each key once, as near as the first side says") {
  const std::vector<VectorIndex::Near> memory{near(1, 0.9F), near(2, 0.5F)};
  const std::vector<VectorIndex::Near> store{near(3, 0.7F), near(1, 0.8F), near(4, 0.1F)};
  CHECK(numbers(nearest_of_both(memory, store, 10)) == std::vector<std::uint64_t>{1, 3, 2, 4});
  CHECK(nearest_of_both(memory, store, 10)[0].similarity == 0.9F);
  CHECK(numbers(nearest_of_both(memory, store, 2)) == std::vector<std::uint64_t>{1, 3});
  CHECK(numbers(nearest_of_both({}, store, 2)) == std::vector<std::uint64_t>{1, 3});
}

TEST_CASE_FIXTURE(Fixture, "where all have room in memory nobody touches the store's search") {
  start(true, kPlenty);
  say(400);
  REQUIRE(leg->index().dropped() == 0);
  REQUIRE(leg->near_at_once("green tea"));
  CHECK_FALSE(leg->ask(1, "green tea"));
  CHECK(server->kept == 0);
  CHECK(searched() == 0);
}

TEST_CASE_FIXTURE(Fixture, "what was found at once is told again with what only the store has") {
  start(true, kLittle);
  server->near = {near(0, 0.99F), near(399, 0.2F)};
  say(400);
  REQUIRE(leg->index().dropped() > 0);
  REQUIRE_FALSE(leg->index().has(VectorKey::of(key(1, 0))));
  REQUIRE(reaches(State::kReady));
  const auto at_once = leg->near_at_once("green tea");
  REQUIRE(at_once);
  CHECK(leg->ask(5, "green tea"));
  const DenseLeg::Answer both = answer();
  CHECK(both.request == 5);
  CHECK(both.near.at(0).key == VectorKey::of(key(1, 0)));
  CHECK(both.news);
  CHECK(both.of_store);
  CHECK_FALSE(both.more);
  CHECK_FALSE(leg->ask(6, "something else"));  // that was not searched at once
}

TEST_CASE_FIXTURE(Fixture, "a service's answer comes first, the store's behind it") {
  start(false, kLittle);
  server->near = {near(0, 0.99F)};
  say(400);
  REQUIRE(reaches(State::kReady));
  REQUIRE(leg->ask(5, "green tea"));
  const DenseLeg::Answer first = answer();
  CHECK(first.more);
  CHECK(first.near.at(0).key != VectorKey::of(key(1, 0)));
  const DenseLeg::Answer second = answer();
  CHECK(second.of_store);
  CHECK_FALSE(second.more);
  CHECK(second.near.at(0).key == VectorKey::of(key(1, 0)));
  CHECK(second.near.at(1).key == first.near.at(0).key);
}

TEST_CASE_FIXTURE(Fixture,
                  "a search that fails leaves what memory has, and is left alone after three times") {
  start(true, kLittle);
  server->search_fails = true;
  say(400);
  REQUIRE(reaches(State::kReady));
  for (std::uint64_t i = 0; i < 5; ++i) {
    const auto at_once = leg->near_at_once("green tea");
    REQUIRE(leg->ask(i, "green tea"));
    const DenseLeg::Answer both = answer();
    CHECK(numbers(both.near) == numbers(*at_once));
    CHECK_FALSE(both.news);
  }
  CHECK(searched() == 3);
}

TEST_CASE_FIXTURE(
    Fixture,
    "a store that has no search, refuses it or is not through is not asked, and not bothered again") {
  SUBCASE("it has none") { server->state = State::kAbsent; }
  SUBCASE("it refuses") { server->state = State::kRefused; }
  SUBCASE("it says no") { server->error.emplace(StoreError::Kind::kBroken, "no right to"); }
  SUBCASE("it never answers in time") { server->error.emplace(StoreError::Kind::kAway, "time-out"); }
  start(true, kLittle);
  say(400);
  CHECK(reaches(server->error ? State::kRefused : server->state));
  say(1);  // news, behind which it would be kept up to date
  REQUIRE(leg->near_at_once("green tea"));
  CHECK_FALSE(leg->ask(1, "green tea"));
  CHECK(searched() == 0);
  const std::lock_guard lock(server->mutex);
  CHECK(
      server->kept ==
      (server->error && server->error->kind() == StoreError::Kind::kAway ? VectorWorker::kMostTimeouts : 1));
}

TEST_CASE_FIXTURE(Fixture, "while the store is filled it is not asked; then it is") {
  server->state = State::kFilling;
  start(true, kLittle);
  say(400);
  REQUIRE(reaches(State::kFilling));
  REQUIRE(leg->near_at_once("green tea"));
  CHECK_FALSE(leg->ask(1, "green tea"));
  {
    const std::lock_guard lock(server->mutex);
    server->state = State::kReady;
  }
  CHECK(reaches(State::kReady));
  REQUIRE(leg->near_at_once("green tea"));
  CHECK(leg->ask(2, "green tea"));
}

TEST_CASE_FIXTURE(Fixture, "with memory.pgvector = false the store's search is never made") {
  start(true, kLittle, false);
  say(400);
  REQUIRE(leg->index().dropped() > 0);
  CHECK(leg->store_near().state == State::kUnknown);
  CHECK(server->kept == 0);
}
