#pragma once

#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "stt/fallback_recognizer.hpp"

namespace prot::stt::test {

/// An engine whose answers the test lays out by hand.
struct Engine {
  std::string name;
  std::string calls;
  std::vector<std::int16_t> audio;
  std::deque<Recognition> answers;
  bool guesses = true;
  Nanos deadline = kNever;
};

class FakeRecognizer final : public SpeechRecognizer {
 public:
  explicit FakeRecognizer(Engine& engine) : engine_(engine) {}
  void begin() override { call("b"), engine_.audio.clear(), engine_.answers.clear(); }
  void push(std::span<const std::int16_t> samples) override {
    engine_.audio.insert(engine_.audio.end(), samples.begin(), samples.end());
  }
  bool guess() override { return call("g"), engine_.guesses; }
  void retract() override { call("r"), engine_.answers.clear(); }
  void finish() override { call("f"); }
  void set_busy(bool) noexcept override {}
  std::optional<Recognition> poll() override {
    if (engine_.answers.empty()) return std::nullopt;
    Recognition answer = engine_.answers.front();
    engine_.answers.pop_front();
    return answer;
  }
  Nanos next_deadline() const override { return engine_.deadline; }
  std::string_view name() const noexcept override { return engine_.name; }

 private:
  void call(const char* what) { engine_.calls += what; }
  Engine& engine_;
};

struct Bench {
  FakeClock clock{100 * kSecond};
  std::vector<Engine> engines;
  FallbackSettings settings;
  std::unique_ptr<FallbackRecognizer> recognizer;

  explicit Bench(std::vector<std::string> names = {"first", "second"}) {
    for (std::string& name : names) engines.push_back({std::move(name), {}, {}, {}, true, kNever});
    std::vector<std::unique_ptr<SpeechRecognizer>> made;
    for (Engine& engine : engines) made.push_back(std::make_unique<FakeRecognizer>(engine));
    recognizer = std::make_unique<FallbackRecognizer>(std::move(made), settings, clock);
  }
  void say(std::vector<std::int16_t> samples = {1, 2, 3}) {
    recognizer->begin();
    recognizer->push(samples);
  }
  void ask(std::vector<std::int16_t> samples = {1, 2, 3}) {
    say(std::move(samples));
    recognizer->finish();
  }
  void answers(std::size_t engine, std::string text, FailureClass failure = FailureClass::kNone,
               Nanos retry_after = 0) {
    Recognition made;
    made.final = true;
    made.text = std::move(text);
    made.failure = failure;
    made.retry_after = retry_after;
    engines[engine].answers.push_back(std::move(made));
  }
  void fails(std::size_t engine, FailureClass failure = FailureClass::kFatal) {
    answers(engine, "broken", failure);
  }
  /// "text", "!reason", "" when there is nothing.
  std::string heard() {
    const std::optional<Recognition> answer = recognizer->poll();
    if (!answer) return "";
    return (answer->failure == FailureClass::kNone ? "" : "!") + answer->text;
  }
  std::string calls(std::size_t engine) { return std::exchange(engines[engine].calls, {}); }
};

}  // namespace prot::stt::test
