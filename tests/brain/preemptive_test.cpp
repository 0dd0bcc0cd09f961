#include "brain/preemptive.hpp"

#include <doctest/doctest.h>

#include <functional>

#include "fake_model.hpp"

using namespace prot;
using namespace prot::brain;
using test::FakeModel;

namespace {

Request question(const std::string& text) {
  Request request;
  request.prompt = {"Be brief."};
  request.context = "[Now: noon]";
  request.messages = {{Role::kUser, text, {}, {}}};
  return request;
}

void poll(FakeModel& model, Preemptive& guess) {
  for (const ModelEvent& event : model.poll(0)) CHECK(guess.on_event(event));
}

}  // namespace

TEST_CASE("what came for a guess is handed over when the final request is the same") {
  FakeModel model;
  Preemptive guess(model, Preemptive::When::kAuto);
  guess.begin();
  guess.propose(question("What time is it?"), 0);
  REQUIRE(model.calls.size() == 1);
  guess.propose(question("What time is it?"), 0);
  CHECK(model.calls.size() == 1);
  model.say(1, "It is ");
  poll(model, guess);
  const auto taken = guess.take(question("What time is it?"));
  REQUIRE(taken.has_value());
  CHECK(taken->id == 1);
  CHECK(taken->events.size() == 1);
  CHECK_FALSE(taken->over);
  CHECK_FALSE(model.calls[0].cancelled);
  model.say(1, "noon.");
  for (const ModelEvent& event : model.poll(0)) CHECK_FALSE(guess.on_event(event));  // the turn's from now on
  CHECK(guess.used() == 1);
}

TEST_CASE("an answer that is whole already is handed over whole") {
  FakeModel model;
  Preemptive guess(model, Preemptive::When::kAuto);
  guess.propose(question("Hi"), 0);
  model.reply("Hello.");
  poll(model, guess);
  CHECK_FALSE(guess.running());
  const auto taken = guess.take(question("Hi"));
  REQUIRE(taken.has_value());
  CHECK(taken->over);
  CHECK(taken->events.size() == 2);
  CHECK_FALSE(guess.take(question("Hi")).has_value());
}

TEST_CASE("any other byte in the request, and it was for nothing") {
  const auto differs = [](const std::function<void(Request&)>& change) {
    FakeModel model;
    Preemptive guess(model, Preemptive::When::kAuto);
    guess.propose(question("Hi"), 0);
    model.reply("Hello.");
    poll(model, guess);
    Request real = question("Hi");
    change(real);
    CHECK_FALSE(guess.take(real).has_value());
    CHECK(model.calls[0].cancelled);
    CHECK(guess.used() == 0);
  };
  differs([](Request& r) { r.messages.back().text += " there"; });
  differs([](Request& r) { r.context += " and more"; });
  differs([](Request& r) { r.prompt.push_back("x"); });
  differs([](Request& r) { r.messages.insert(r.messages.begin(), {Role::kUser, "Hi", {}, {}}); });
  differs([](Request& r) { r.max_tokens = 7; });
  differs([](Request& r) { r.temperature = 0.9; });
  differs([](Request& r) { r.lane = Lane::kText; });
  differs([](Request& r) { r.tools.push_back({"light", "switches", "{}"}); });
  CHECK(request_key(question("Hi")) == request_key(question("Hi")));
}

TEST_CASE("three tries for one utterance; a new guess ends the old one") {
  FakeModel model;
  Preemptive guess(model, Preemptive::When::kAuto);
  guess.begin();
  for (const char* text : {"a", "a b", "a b c", "a b c d"}) guess.propose(question(text), 0);
  REQUIRE(model.calls.size() == 3);
  for (const auto& call : model.calls) CHECK(call.cancelled);
  CHECK_FALSE(guess.running());
  guess.begin();
  guess.propose(question("e"), 0);
  CHECK(guess.running());
  guess.cancel();
  CHECK(model.calls.back().cancelled);
  CHECK(guess.tried() == 4);
}

TEST_CASE("never behind a tool; with a server of somebody else only when it is told to") {
  FakeModel model;
  Request in_a_round = question("Hi");
  in_a_round.messages.push_back({Role::kTool, "done", {}, "call_1"});
  Preemptive guess(model, Preemptive::When::kOn);
  guess.propose(in_a_round, 0);
  CHECK(model.calls.empty());

  FakeModel paid(false);
  Preemptive careful(paid, Preemptive::When::kAuto);
  careful.propose(question("Hi"), 0);
  CHECK(paid.calls.empty());
  Preemptive told(paid, Preemptive::When::kOn);
  told.propose(question("Hi"), 0);
  CHECK(paid.calls.size() == 1);
  Preemptive off(model, Preemptive::When::kOff);
  off.propose(question("Hi"), 0);
  CHECK(model.calls.empty());
}

TEST_CASE("a guess that fails leaves the real request alone") {
  FakeModel model;
  Preemptive guess(model, Preemptive::When::kAuto);
  guess.propose(question("Hi"), 0);
  model.fail(1, http::ErrorClass::kOverloaded);
  poll(model, guess);
  CHECK_FALSE(guess.running());
  CHECK_FALSE(guess.take(question("Hi")).has_value());
}
