#include "memory/vectors/vector_worker.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <numeric>

#include "memory/stores/ram_vectors.hpp"
#include "memory/vectors/dense_leg.hpp"
#include "tests/memory/dense_fixture.hpp"
#include "tests/memory/memory_fixture.hpp"

using namespace prot;
using namespace prot::memory;
using prot::memory::test::Bench, prot::memory::test::Script, prot::memory::test::ScriptedEmbedder;
using Kind = ServiceError::Kind;

namespace {

struct Fixture {
  Bench bench;
  std::shared_ptr<Script> script = std::make_shared<Script>();
  DenseLeg leg{{std::make_unique<RamVectors>(), std::make_unique<ScriptedEmbedder>(script),
                std::make_unique<ScriptedEmbedder>(script), nullptr, 0, kMillisecond},
               64U << 20U,
               bench.wake()};

  void say(std::uint64_t first, int count, const std::string& words) {
    std::vector<Message> messages;
    for (int i = 0; i < count; ++i)
      messages.push_back(
          memory::test::message(1, first + static_cast<std::uint64_t>(i), Role::kUser,
                                words + " " + std::to_string(first) + " " + std::to_string(i)));
    leg.stored(messages);
  }
  bool until(const std::function<bool()>& condition) {
    return bench.until([&] {
      (void)leg.poll();
      return condition();
    });
  }
  std::vector<DenseLeg::Near> near(const std::string& question) {
    CHECK(leg.ask(7, question));
    std::optional<DenseLeg::Answer> answer;
    CHECK(bench.until([&] {
      answer = leg.take_answer();
      return answer.has_value();
    }));
    CHECK(answer->request == 7);
    return answer->near;
  }
};

}  // namespace

TEST_CASE_FIXTURE(Fixture,
                  "new messages and facts get their vectors in the background and are found by them") {
  say(10, 700, "green tea");
  say(1000, 1, "motorcycle engine");
  const std::vector<Fact> facts{test::fact("likes", "licorice", test::key(1, 10), test::kNoon)};
  leg.set_facts(facts);
  CHECK(until([&] { return leg.index().size() == 702; }));
  CHECK(until([&] { return leg.ready(); }));
  CHECK(near("motorcycle engine").at(0).key == VectorKey::of(test::key(1, 1000)));
  CHECK(near("licorice").at(0).key == VectorKey::of_statement(facts[0].statement));
  CHECK_FALSE(leg.near_at_once("licorice").has_value());
  say(2000, 1, "sailing boat");
  CHECK(until([&] { return leg.index().size() == 703; }));
  CHECK(near("sailing boat").at(0).key == VectorKey::of(test::key(1, 2000)));
  CHECK(leg.pending() == 0);
}

TEST_CASE_FIXTURE(Fixture, "until nearly everything has a vector nothing is found by vectors") {
  {
    const std::lock_guard lock(script->mutex);
    script->error.emplace(Kind::kKey, "HTTP 401");
  }
  say(10, 5, "green tea");
  CHECK(until([&] { return leg.failing(); }));
  CHECK_FALSE(leg.ready());
  CHECK_FALSE(leg.ask(1, "tea"));
  CHECK_FALSE(leg.take_answer().has_value());
}

TEST_CASE_FIXTURE(Fixture, "a text that the service will not take keeps none of the others from it") {
  {
    const std::lock_guard lock(script->mutex);
    script->poison = "POISON";
  }
  say(10, 3, "green tea");
  CHECK(until([&] { return leg.index().size() == 3; }));
  say(20, 1, "POISON");
  say(30, 2, "black tea");
  CHECK(until([&] { return leg.index().size() == 5; }));
  CHECK(until([&] { return leg.ready() && leg.pending() == 0; }));
}

TEST_CASE("an instant model's nearest are there at once; its end does not wait for anything") {
  Bench bench;
  DenseLeg leg({std::make_unique<RamVectors>(), make_hashed_embedder(), make_hashed_embedder(), nullptr, 0,
                kMillisecond},
               64U << 20U, bench.wake());
  REQUIRE(leg.near_at_once("tea").has_value());
  CHECK(leg.near_at_once("tea")->empty());
  const std::vector<Message> said{test::message(1, 1, Role::kUser, "저는 녹차를 좋아해요."),
                                  test::message(1, 2, Role::kUser, "오토바이를 고쳤어요.")};
  leg.stored(said);
  CHECK(bench.until([&] {
    (void)leg.poll();
    return leg.ready() && leg.index().size() == 2;
  }));
  CHECK(leg.near_at_once("녹차 좋아해?")->at(0).key == VectorKey::of(test::key(1, 1)));
  leg.forget(test::key(1, 1));
  CHECK(leg.near_at_once("녹차 좋아해?")->size() == 1);
}
namespace {

/// Refuses what has "odd" in it, and is away as often as it is told. Vectors are asked for on one thread, and
/// looked at when nothing is under way any more.
class PickyVectors final : public VectorStore {
 public:
  struct State {
    std::atomic<int> away = 0;
    std::atomic<int> without_vector = 0;
    std::atomic<bool> takes_none_of_odd = false;  // not even that it has no vector
  };
  explicit PickyVectors(std::shared_ptr<State> state) : state_(std::move(state)) {}
  void connect() override {}
  void close() noexcept override {}
  std::vector<StoredVector> next_vectors(const std::string& model, Cursor* cursor, int limit) override {
    return vectors_.next_vectors(model, cursor, limit);
  }
  std::vector<PendingText> next_pending(const std::string& model, Cursor* cursor, int limit) override {
    return vectors_.next_pending(model, cursor, limit);
  }
  void store(const std::string& model, std::span<const NewVector> vectors) override {
    if (state_->away.load() > 0) {
      --state_->away;
      throw StoreError(StoreError::Kind::kAway, "away");
    }
    for (const NewVector& one : vectors) {
      const bool odd = one.text->text.find("odd") != std::string::npos;
      if (odd && (one.vector || state_->takes_none_of_odd.load()))
        throw StoreError(StoreError::Kind::kRejected, "refused");
      if (odd) ++state_->without_vector;
    }
    vectors_.store(model, vectors);
  }
  std::int64_t last_message() override { return 0; }
  Counts counts(const std::string& model) override { return vectors_.counts(model); }
  void note(bool fact, const VectorKey& key, std::string_view text) override {
    vectors_.note(fact, key, text);
  }

 private:
  std::shared_ptr<State> state_;
  RamVectors vectors_;
};

struct PickyFixture {
  Bench bench;
  std::shared_ptr<Script> script = std::make_shared<Script>();
  std::shared_ptr<PickyVectors::State> state = std::make_shared<PickyVectors::State>();
  VectorWorker worker{std::make_unique<PickyVectors>(state), std::make_unique<ScriptedEmbedder>(script),
                      bench.wake(), kMillisecond};
  std::size_t told = 0;
  bool complete = false;

  void say(std::uint64_t number, const std::string& words) {
    worker.note(false, VectorKey::of(test::key(1, number)), words);
  }
  bool until_told(std::size_t count) {
    worker.news();
    complete = false;
    return bench.until([&] {
      const VectorWorker::Told news = worker.poll();
      told += news.vectors.size();
      complete = complete || news.complete;
      return told == count && complete;
    });
  }
  std::size_t asked() {
    const std::lock_guard lock(script->mutex);
    return std::accumulate(script->asked.begin(), script->asked.end(), std::size_t{0});
  }
};

}  // namespace

TEST_CASE_FIXTURE(PickyFixture,
                  "vectors that were made while the store was away are stored, not made again") {
  state->away = 3;
  for (std::uint64_t i = 0; i < 5; ++i) say(i, "green tea");
  CHECK(until_told(5));
  CHECK(asked() == 5);
  CHECK(state->away.load() == 0);
}

TEST_CASE_FIXTURE(PickyFixture, "a vector that the store refuses is made once, and keeps no other from it") {
  SUBCASE("it is marked as having none") { state->takes_none_of_odd = false; }
  SUBCASE("and where not even that is taken, left alone") { state->takes_none_of_odd = true; }
  say(1, "green tea");
  say(2, "odd tea");
  say(3, "black tea");
  CHECK(until_told(3));
  CHECK(asked() == 3);
  CHECK(state->without_vector.load() == (state->takes_none_of_odd ? 0 : 1));
  say(4, "white tea");
  CHECK(until_told(4));
  CHECK(asked() == 4);
}
