#include "brain/fallback_model.hpp"

#include <doctest/doctest.h>

#include "base/error.hpp"
#include "brain/continuation.hpp"
#include "brain/registry.hpp"
#include "fake_model.hpp"

using namespace prot;
using namespace prot::brain;
using http::ErrorClass;
using test::FakeModel;

namespace {

/// A chain of models in the test's hands: "cloud", "other" and one on this machine.
class Chain {
 public:
  explicit Chain(bool with_local = true) {
    std::vector<std::unique_ptr<LanguageModel>> models;
    const auto add = [&](bool local, const char* name) {
      auto made = std::make_unique<FakeModel>(local, name);
      fakes.push_back(made.get());
      models.push_back(std::move(made));
    };
    add(false, "cloud");
    add(false, "other");
    if (with_local) add(true, "local");
    model = std::make_unique<FallbackModel>(std::move(models), FallbackSettings{});
  }

  RequestId ask(const std::string& text = "Tell me a story") {
    Request request;
    request.prompt = {"Be brief."};
    request.messages = {{Role::kUser, text, {}, {}}};
    return model->start(request, now);
  }
  /// What comes of it: text, and at the end "|", or "!" and the class.
  std::string poll() {
    std::string out;
    for (int i = 0; i < 10; ++i) {
      for (const ModelEvent& event : model->poll(now)) {
        if (event.kind == ModelEvent::Kind::kText) out += event.text;
        if (event.kind == ModelEvent::Kind::kDone) out += "|";
        if (event.kind == ModelEvent::Kind::kError) out += std::string("!") + http::to_string(event.error);
      }
    }
    return out;
  }
  FakeModel& cloud() { return *fakes[0]; }
  FakeModel& other() { return *fakes[1]; }
  FakeModel& local() { return *fakes[2]; }
  static RequestId newest(FakeModel& fake) { return fake.newest()->id; }

  std::vector<FakeModel*> fakes;
  std::unique_ptr<FallbackModel> model;
  Nanos now = kSecond;
};

std::string joined(std::string said, const std::vector<std::string>& pieces) {
  Continuation joint(said);
  for (const std::string& piece : pieces) said += joint.push(piece);
  return said + joint.finish();
}

}  // namespace

TEST_CASE("no model is reached unencrypted on another machine, unless that is allowed") {
  const auto made = [](const std::vector<std::string>& overrides) {
    (void)make_language_model(stage::Config::load("", overrides), {}, "/nowhere/llm.sock", [] {});
  };
  const std::string evil = "http://127.0.0.1.evil.example/v1";
  const std::string fallback = "brain.fallback=[\"url=" + evil + " model=m\"]";
  CHECK_THROWS_AS(made({"brain.url=" + evil}), Error);
  CHECK_THROWS_AS(made({"brain.url=https://a.example/v1", fallback}), Error);
  CHECK_THROWS_AS(made({"brain.engine=anthropic", "anthropic.url=" + evil}), Error);
  CHECK_NOTHROW(made({"brain.url=http://127.0.0.1:1/v1"}));
  CHECK_NOTHROW(made({"brain.url=" + evil, fallback, "brain.plain_http=true"}));
  CHECK_NOTHROW(made({"brain.engine=anthropic", "anthropic.url=" + evil, "anthropic.plain_http=true"}));
}

TEST_CASE("a model that works answers alone, word by word") {
  Chain chain;
  chain.ask();
  CHECK(chain.model->name() == "cloud");
  const auto id = Chain::newest(chain.cloud());
  chain.cloud().say(id, "Once upon");
  CHECK(chain.poll() == "Once");
  chain.cloud().say(id, " a time.");
  CHECK(chain.poll() == " upon a");
  chain.cloud().done(id);
  CHECK(chain.poll() == " time.|");
  CHECK(chain.other().calls.empty());
}

TEST_CASE("before the first word the next model gets the same request") {
  for (const ErrorClass error : {ErrorClass::kAuth, ErrorClass::kRetry, ErrorClass::kOverloaded,
                                 ErrorClass::kQuota, ErrorClass::kFatal}) {
    Chain chain;
    chain.ask("What is the capital of France?");
    CHECK(chain.cloud().newest()->request.first_event_limit == 1500 * kMillisecond);
    chain.cloud().fail(Chain::newest(chain.cloud()), error);
    chain.now += 1500 * kMillisecond;
    CHECK(chain.poll().empty());
    REQUIRE(chain.other().newest() != nullptr);
    CHECK(chain.other().newest()->request.messages.size() == 1);
    CHECK(chain.other().newest()->request.first_event_limit == 750 * kMillisecond);
    CHECK(chain.other().newest()->request.lag_limit == 3 * kSecond);
    chain.other().reply("Paris.");
    CHECK(chain.poll() == "Paris.|");
    CHECK(chain.model->name() == (error == ErrorClass::kFatal ? "cloud" : "other (fallback)"));
  }
}

TEST_CASE("the last model on this machine has its own time, and when all fail the error is the last one's") {
  Chain chain;
  chain.ask();
  chain.cloud().fail(Chain::newest(chain.cloud()), ErrorClass::kAuth);
  chain.poll();
  chain.other().fail(Chain::newest(chain.other()), ErrorClass::kRetry);
  chain.poll();
  CHECK(chain.local().newest()->request.first_event_limit == 0);
  CHECK(chain.local().newest()->request.lag_limit == 0);  // who dribbles is better than nobody
  chain.local().fail(Chain::newest(chain.local()), ErrorClass::kOverloaded);
  CHECK(chain.poll() == "!overloaded");

  Chain remote(false);
  remote.ask();
  remote.cloud().fail(Chain::newest(remote.cloud()), ErrorClass::kAuth);
  remote.poll();
  CHECK(remote.other().newest()->request.first_event_limit == 13 * kSecond);  // nobody else is left
}

TEST_CASE("an answer is kept in its model's own form only when it is all that model's") {
  for (const bool breaks_off : {false, true}) {
    Chain chain;
    chain.ask();
    const auto id = Chain::newest(chain.cloud());
    if (breaks_off) chain.cloud().say(id, "Let me look ");
    if (breaks_off) chain.poll();
    chain.cloud().fail(id, ErrorClass::kRetry);
    chain.poll();
    chain.other().use_tools("for it. ", {{"call_00001", "lamp", "{}"}}, "[1]");
    std::string verbatim = "none";
    for (const ModelEvent& event : chain.model->poll(chain.now))
      if (event.kind == ModelEvent::Kind::kDone) verbatim = event.verbatim;
    CHECK(verbatim == (breaks_off ? "" : "[1]"));
  }
}

TEST_CASE("an answer that breaks off is gone on with where its words end") {
  Chain chain;
  chain.ask();
  const auto id = Chain::newest(chain.cloud());
  chain.cloud().say(id, "Once upon a time there was a ki");
  CHECK(chain.poll() == "Once upon a time there was a");
  chain.cloud().fail(id, ErrorClass::kRetry);
  CHECK(chain.poll().empty());
  const auto& messages = chain.other().newest()->request.messages;
  REQUIRE(messages.size() == 3);  // another's server is asked to go on
  CHECK(messages[1].role == Role::kAssistant);
  CHECK(messages[1].text == "Once upon a time there was a");
  CHECK(messages[2].role == Role::kUser);
  chain.other().say(Chain::newest(chain.other()), "king with");
  CHECK(chain.poll() == " king");
  chain.other().fail(Chain::newest(chain.other()), ErrorClass::kRetry);
  CHECK(chain.poll().empty());
  const auto& last = chain.local().newest()->request.messages;
  REQUIRE(last.size() == 2);  // our own goes on with its own beginning
  CHECK(last[1].text == "Once upon a time there was a king");
  chain.local().reply(" who sang.");
  CHECK(chain.poll() == " who sang.|");
}

TEST_CASE("a model that begins anew is not heard twice") {
  Chain chain;
  chain.ask();
  chain.cloud().say(Chain::newest(chain.cloud()), "There was a king. He had three ");
  CHECK(chain.poll() == "There was a king. He had three");
  chain.cloud().fail(Chain::newest(chain.cloud()), ErrorClass::kRetry);
  chain.poll();
  const auto id = Chain::newest(chain.other());
  chain.other().say(id, "There was a ");
  CHECK(chain.poll().empty());
  chain.other().say(id, "king. He had three sons");
  CHECK(chain.poll().empty());
  chain.other().say(id, " and a dog.");
  chain.other().done(id);
  CHECK(chain.poll() == " sons and a dog.|");
}

TEST_CASE("a dead model is not asked, is probed in the background, and comes back") {
  Chain chain;
  chain.ask();
  chain.cloud().fail(Chain::newest(chain.cloud()), ErrorClass::kRetry);
  chain.poll();
  chain.other().reply("Yes.");
  chain.poll();
  const std::size_t before = chain.cloud().calls.size();
  for (int i = 0; i < 3; ++i) {
    chain.ask();
    chain.other().reply("Yes.");
    CHECK(chain.poll() == "Yes.|");
  }
  CHECK(chain.cloud().calls.size() == before);

  CHECK(chain.model->next_deadline() == 3 * kSecond);
  chain.now = 3 * kSecond;
  chain.poll();
  REQUIRE(chain.cloud().calls.size() == before + 1);
  CHECK(chain.cloud().calls.back().request.prefill);
  CHECK(chain.cloud().calls.back().request.first_event_limit == 3 * kSecond);
  chain.cloud().fail(chain.cloud().calls.back().id, ErrorClass::kRetry);
  CHECK(chain.poll().empty());
  CHECK(chain.model->next_deadline() == 7 * kSecond);  // twice as long
  for (int i = 0; i < 8; ++i) {
    chain.now = chain.model->next_deadline();
    chain.poll();
    chain.cloud().fail(chain.cloud().calls.back().id, ErrorClass::kRetry);
    chain.poll();
  }
  CHECK(chain.model->next_deadline() == chain.now + 60 * kSecond);
  chain.now = chain.model->next_deadline();
  chain.poll();
  chain.cloud().done(chain.cloud().calls.back().id);
  chain.poll();
  CHECK(chain.model->name() == "cloud");
  CHECK(chain.model->next_deadline() == kNever);
}

TEST_CASE("one that answers probes, but no request in time, costs its time ever more seldom") {
  Chain chain;
  const FallbackSettings settings;
  Nanos pause = settings.first_probe;
  const auto turn = [&](const char* cloud_says) {
    chain.ask();
    const auto id = Chain::newest(chain.cloud());
    if (*cloud_says != '\0') chain.cloud().say(id, cloud_says);
    chain.poll();
    chain.cloud().fail(id, ErrorClass::kRetry);
    chain.poll();
    chain.other().reply("Yes.");
    chain.poll();
    CHECK(chain.model->next_deadline() == chain.now + pause);
    chain.now = chain.model->next_deadline();
    chain.poll();
    REQUIRE(chain.cloud().calls.back().request.prefill);
    chain.cloud().done(chain.cloud().calls.back().id);
    chain.poll();
    CHECK(chain.model->name() == "cloud");
    pause = std::min(2 * pause, settings.longest_probe);
  };
  for (int i = 0; i < 4; ++i) turn("");
  for (int i = 0; i < 3; ++i) turn("Words, but not all of");
  SUBCASE("an answer makes it well") {
    chain.ask();
    chain.cloud().reply("Yes.");
    CHECK(chain.poll() == "Yes.|");
  }
  SUBCASE("so does one that is interrupted in its words") {
    const RequestId id = chain.ask();
    chain.cloud().say(Chain::newest(chain.cloud()), "Once upon a");
    chain.poll();
    chain.model->cancel(id);
  }
  pause = settings.first_probe;
  turn("");
}

TEST_CASE("a request that one model does not understand does not condemn it; two in a row do") {
  Chain chain;
  for (const char* name : {"cloud", "other (fallback)"}) {
    chain.ask();
    chain.cloud().fail(Chain::newest(chain.cloud()), ErrorClass::kFatal);
    chain.poll();
    chain.other().reply("Yes.");
    chain.poll();
    CHECK(chain.model->name() == name);
  }
}

TEST_CASE("when every model is dead a request is still tried") {
  Chain chain(false);
  chain.ask();
  for (FakeModel* fake : chain.fakes) {
    fake->fail(fake->newest()->id, ErrorClass::kRetry);
    chain.poll();
  }
  chain.ask();
  chain.cloud().reply("Back.");
  CHECK(chain.poll() == "Back.|");
  CHECK(chain.model->name() == "cloud");
}

TEST_CASE("a cancel reaches the model that works on it, and nothing comes after it") {
  Chain chain;
  const RequestId id = chain.ask();
  chain.cloud().fail(Chain::newest(chain.cloud()), ErrorClass::kRetry);
  chain.poll();
  chain.other().reply("Late.");
  chain.model->cancel(id);
  CHECK(chain.other().newest()->cancelled);
  CHECK(chain.poll().empty());
  chain.model->cancel(id);
}

TEST_CASE("a prefill that fails concerns nobody") {
  Chain chain;
  Request request;
  request.prefill = true;
  const RequestId id = chain.model->start(request, chain.now);
  (void)id;
  chain.cloud().fail(chain.cloud().calls.back().id, ErrorClass::kRetry);
  CHECK(chain.poll() == "!retry");
  CHECK(chain.model->name() == "cloud");
  CHECK_FALSE(chain.model->can_prefill());
}

TEST_CASE("joining: a blank where one belongs, none before a mark, repetition dropped wherever it begins") {
  CHECK(joined("There was a", {"king."}) == "There was a king.");
  CHECK(joined("There was a", {" king", "."}) == "There was a king.");
  CHECK(joined("There was a king", {", and", " a queen."}) == "There was a king, and a queen.");
  CHECK(joined("There was a king. He had", {"He", " had", " sons."}) == "There was a king. He had sons.");
  CHECK(joined("It was very", {"very", " good."}) == "It was very very good.");
  CHECK(joined("There was a king.", {"There was a king.", " He died."}) == "There was a king. He died.");
  CHECK(joined("There was a king.", {"There was a king."}) == "There was a king.");
  CHECK(joined("There was a king of", {"There was a king offended by"}) ==
        "There was a king of There was a king offended by");
  CHECK(joined("옛날에 어느 왕이 살았는데", {"옛날에 어느 왕이 살았는데 ", "착했어요."}) ==
        "옛날에 어느 왕이 살았는데 착했어요.");
  CHECK(joined("a b c d", {"a"}) == "a b c d a");
  CHECK(joined("", {" Hello."}) == "Hello.");
}
