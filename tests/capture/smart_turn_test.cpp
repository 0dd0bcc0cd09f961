// Smart Turn with its real model.
#include <doctest/doctest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <set>
#include <thread>

#include "base/clock.hpp"
#include "capture/end_of_turn_model.hpp"
#include "stage/sandbox.hpp"
#include "tests/support/synthetic_speech.hpp"
#include "tests/support/temp_folder.hpp"
#include "wire/speech_in.hpp"

namespace prot::capture {
namespace {

constexpr Nanos kPatience = 60 * kSecond;

std::unique_ptr<EndOfTurnModel> smart_turn() {
  return make_end_of_turn_model("smart_turn", test::installed_model("smart-turn-v3.2-cpu.onnx"));
}

/// The answer, or -1 when the model has failed.
float answer(EndOfTurnModel& model) {
  const Nanos deadline = monotonic_now() + kPatience;
  while (monotonic_now() < deadline) {
    if (const std::optional<float> probability = model.poll()) return *probability;
    if (model.failed()) return -1;
    std::this_thread::yield();
  }
  return -2;
}

std::vector<std::int16_t> spoken(const std::string& text) {
  std::vector<std::int16_t> samples = test::synthetic_speech(text);
  while (!samples.empty() && std::abs(samples.back()) < 300) samples.pop_back();
  samples.insert(samples.end(), wire::kMicRate / 5, 0);  // as at a pause
  return samples;
}

// What the model makes of espeak-ng's prosody is no test of anything; tests/bench/conversation has the
// figures.
TEST_CASE("its answers are probabilities, and depend on what it hears") {
  const auto model = smart_turn();
  // Two texts may have the very same answer, which was seen on one kind of processor.
  std::set<float> answers;
  for (const char* text : {"What is the capital of France?", "What is the capital of the,",
                           "Well, I think that", "Turn on the light in the kitchen."}) {
    model->start(spoken(text));
    const float one = answer(*model);
    CHECK(one > 0);
    CHECK(one < 1);
    answers.insert(one);
  }
  CHECK(answers.size() > 1);
  model->start(std::vector<std::int16_t>(wire::kMicRate, 0));
  CHECK(answers.count(answer(*model)) == 0);
}

TEST_CASE("only the newest question is answered, and a cancelled one is not") {
  const auto model = smart_turn();
  const std::vector<std::int16_t> whole = spoken("What is the capital of France?");
  model->start(spoken("What is the capital of the,"));
  model->start(whole);
  const float first = answer(*model);
  model->start(whole);
  CHECK(answer(*model) == first);  // nothing is kept from question to question
  model->start(whole);
  model->cancel();
  model->start(whole);
  CHECK(answer(*model) == first);
  CHECK_FALSE(model->poll());
}

TEST_CASE("ten minutes of speech cost no more than 8 s") {
  const auto model = smart_turn();
  model->start(std::vector<std::int16_t>(std::size_t{600} * wire::kMicRate, 1000));
  const float probability = answer(*model);
  CHECK(probability >= 0);
  CHECK(probability <= 1);
}

TEST_CASE("it works with what capture's sandbox leaves it") {
  const std::string file = test::installed_model("smart-turn-v3.2-cpu.onnx");
  const pid_t child = ::fork();  // what the sandbox takes does not come back
  REQUIRE(child >= 0);
  if (child == 0) {
    (void)stage::apply_sandbox({.network = false, .writable = {}});
    int code = 1;
    try {
      const auto model = make_end_of_turn_model("smart_turn", file);
      model->start(std::vector<std::int16_t>(wire::kMicRate, 1000));
      const float probability = answer(*model);
      code = probability >= 0 && probability <= 1 ? 0 : 2;
    } catch (const std::exception&) {
      code = 3;
    }
    ::_exit(code);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(status == 0);
}

TEST_CASE("a damaged model fails, and says so") {
  const test::TempFolder folder;
  const std::string path = (folder.path() / "model.onnx").string();
  std::ofstream(path, std::ios::binary) << "\x08\x08 not a model";
  const auto model = make_end_of_turn_model("auto", path);
  model->start({});
  CHECK(answer(*model) == -1);
  CHECK(model->failed());
}

}  // namespace
}  // namespace prot::capture
