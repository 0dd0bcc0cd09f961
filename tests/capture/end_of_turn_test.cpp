#include "capture/end_of_turn.hpp"

#include <doctest/doctest.h>

#include <array>

#include "base/error.hpp"
#include "tests/capture/fake_end_of_turn_model.hpp"

namespace prot::capture {
namespace {

constexpr TurnWaitSettings kSettings{10, 17, 47};

struct Bench {
  ModelHandle model;
  EndOfTurn turn{kSettings, std::make_unique<FakeEndOfTurnModel>(model, 1000)};

  Bench() { turn.begin(~0U, false); }
  void hear(int samples, std::int16_t value = 1) {
    for (int i = 0; i < samples; i += 100) turn.hear(std::array<std::int16_t, 100>{value});
  }
};

TEST_CASE("without a model silence alone decides") {
  EndOfTurn turn(kSettings, nullptr);
  turn.begin(~0U, false);
  turn.hear(std::array<std::int16_t, 100>{});
  turn.pause(6, false);
  CHECK(turn.wait(7) == 17);
  CHECK(turn.name().empty());
  CHECK_FALSE(turn.probability());
}

TEST_CASE("the model is asked at the pause, and its answer grades the wait") {
  Bench bench;
  bench.hear(300);
  bench.turn.pause(6, false);
  CHECK(bench.model.asked == 1);
  CHECK(bench.model.samples == 300);
  CHECK(bench.turn.wait(7) == 17);
  bench.model.answers = {0.9F};
  CHECK(bench.turn.wait(8) == 17);
  CHECK(*bench.turn.probability() == 0.9F);
  CHECK(bench.turn.answers() == 1);
}

TEST_CASE("it is asked again when the pause goes on, unless it was sure") {
  Bench bench;
  bench.turn.pause(6, false);
  bench.model.answers = {0.1F};
  CHECK(bench.turn.wait(9) == 47);
  CHECK(bench.turn.wait(15) == 47);
  CHECK(bench.model.asked == 1);
  bench.hear(200);
  CHECK(bench.turn.wait(6 + EndOfTurn::kAskAgain) == 47);
  CHECK(bench.model.asked == 2);
  CHECK(bench.model.samples == 200);
  CHECK(bench.turn.wait(20) == 47);  // the first answer holds until the second is there
  bench.model.answers = {0.95F};
  CHECK(bench.turn.wait(21) == 17);
  CHECK(bench.turn.wait(46) == 17);
  CHECK(bench.model.asked == 2);
}

TEST_CASE("words grade the wait of their pause alone") {
  Bench bench;
  bench.turn.pause(6, true);
  bench.model.answers = {0.9F};
  CHECK(bench.turn.wait(8) == TurnWait::kWordsWait);
  bench.turn.read(wire::Ending::kComplete);
  CHECK(bench.turn.wait(9) == 10);
  bench.turn.resume(9);
  bench.turn.pause(6, false);
  bench.model.answers = {0.9F};
  CHECK(bench.turn.wait(8) == bench.turn.turn_wait().usual());
}

TEST_CASE("speech makes the question void, and the pause is learned") {
  Bench bench;
  bench.turn.pause(6, false);
  bench.turn.resume(12);
  CHECK_FALSE(bench.model.busy);
  CHECK(bench.turn.turn_wait().learned().mean_ms > 0);
  CHECK_FALSE(bench.turn.probability());
  bench.turn.pause(6, false);
  CHECK(bench.model.asked == 2);
}

TEST_CASE("it hears the newest of a long turn, and nothing of the turn before") {
  Bench bench;
  bench.hear(1000, 1);
  bench.hear(700, 2);
  bench.hear(700, 3);
  bench.turn.pause(6, false);
  CHECK(bench.model.samples == 1000);
  CHECK(bench.model.first == 2);
  bench.turn.end(true);
  bench.turn.begin(~0U, false);
  bench.hear(100, 4);
  bench.turn.pause(6, false);
  CHECK(bench.model.samples == 100);
  CHECK(bench.model.first == 4);
}

TEST_CASE("a model that fails leaves the decision to silence") {
  Bench bench;
  bench.turn.pause(6, false);
  bench.model.failed = true;
  CHECK(bench.turn.wait(7) == 17);
  bench.turn.resume(9);
  bench.turn.pause(6, false);
  CHECK(bench.model.asked == 1);
  CHECK(bench.turn.wait(7) == bench.turn.turn_wait().usual());
}

TEST_CASE("speech soon behind an end that was waited for is learned as a pause") {
  struct Row {
    bool waited;
    bool answered;
    unsigned silence;
    bool learned;
  };
  for (const Row& row : {Row{true, false, 30, true}, Row{true, false, 48, false}, Row{true, true, 30, false},
                         Row{false, false, 30, false}}) {
    CAPTURE(row.silence);
    Bench bench;
    bench.turn.pause(6, false);
    bench.turn.end(row.waited);
    bench.turn.begin(row.silence, row.answered);
    CHECK((bench.turn.turn_wait().learned().mean_ms > 0) == row.learned);
  }
}

TEST_CASE("a model is made by its name") {
  CHECK(make_end_of_turn_model("silence", "") == nullptr);
  CHECK(make_end_of_turn_model("auto", "/nowhere/model.onnx") == nullptr);
  CHECK_THROWS_WITH_AS((void)make_end_of_turn_model("oracle", ""),
                       doctest::Contains("'oracle' is not one of: auto"), UsageError);
  try {
    (void)make_end_of_turn_model("smart_turn", "/nowhere/model.onnx");
    FAIL("not refused");
  } catch (const Error& error) {
    CHECK(error.exit_code() == 78);
    CHECK(std::string(error.what()).find("./run") != std::string::npos);
  }
}

}  // namespace
}  // namespace prot::capture
