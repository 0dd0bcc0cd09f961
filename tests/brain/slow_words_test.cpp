// A model whose words dribble: by how much they are late, and who goes on then.
#include <doctest/doctest.h>

#include "brain/engines/word_pace.hpp"
#include "model_loop.hpp"

using namespace prot;
using namespace prot::brain;
using namespace prot::test;

TEST_CASE("words are late by what a slow speaker waits for them") {
  WordPace pace;
  Nanos now = 100 * kSecond;
  pace.take("0123456789", now);
  CHECK(pace.lag() == -kSecond);
  now += 3 * kSecond;
  pace.take("네, ", now);
  CHECK(pace.lag() == 3 * kSecond - kSecond - 500 * kMillisecond);
  pace.excuse();
  now += 5 * kSecond;  // it looked something up
  pace.take("a", now);
  CHECK(pace.lag() == 1400 * kMillisecond);
  now += 30 * kSecond;  // this process was stopped
  pace.take("b", now);
  CHECK(pace.lag() == 1300 * kMillisecond);
}

TEST_CASE("words that come too slowly fail where that is asked for, and only there") {
  for (const Nanos limit : {Nanos{0}, 200 * kMillisecond}) {
    LoopbackServer server([](Connection& connection) {
      connection.send(std::string(kStreamHead) + words("a"));
      for (int i = 0; i < 6; ++i) {
        connection.hold(200);
        connection.send(words("b"));
      }
      connection.send(kStop);
      return false;
    });
    ModelLoop loop(at(server.url()));
    Request request = question();
    request.lag_limit = limit;
    const auto events = loop.run(request);
    REQUIRE_FALSE(events.empty());
    if (limit == 0) {
      CHECK(events.back().kind == ModelEvent::Kind::kDone);
      CHECK(text_of(events) == "abbbbbb");
    } else {
      CHECK(events.back().kind == ModelEvent::Kind::kError);
      CHECK(events.back().error == http::ErrorClass::kRetry);
      CHECK(events.back().text.find("too slowly") != std::string::npos);
      CHECK(text_of(events).size() < 6);
    }
  }
}
