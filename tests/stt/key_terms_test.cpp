// Names from memory on their way to the services.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>

#include "scribe_bench.hpp"
#include "stt/known_names.hpp"

namespace prot::stt {
namespace {

using Terms = std::vector<std::string>;

constexpr std::size_t kMost = scribe::kMostKeyTerms;
constexpr std::size_t kLongest = scribe::kLongestKeyTerm;

/// The key terms of a request, as they are in its first line.
std::string terms_of(const std::string& head) {
  const std::string line = head.substr(0, head.find(" HTTP/1.1"));
  const std::size_t at = line.find("&keyterms=");
  return at == std::string::npos ? "" : line.substr(at);
}

/// A service that answers "Yes."; what it was asked with, in order of the connections.
struct Answering {
  Answering()
      : server([this](WebSocketPeer& peer) {
          const std::string mine = terms_of(peer.head);
          {
            const std::lock_guard lock(mutex);
            asked.push_back(mine);
          }
          if (!refused.empty() && mine.find(refused) != std::string::npos && !refuses_late)
            return peer.answer("400 Bad Request", "Connection: close\r\n", R"({"detail":"bad keyterms"})");
          Service service(peer, false);
          while (!go && !peer.gone()) peer.hold(1);
          peer.send_text(R"({"message_type":"session_started","session_id":"s","config":null})");
          if (!refused.empty() && mine.find(refused) != std::string::npos) {
            service.error("invalid_request");
            return service.stay();
          }
          ++open, ++opened;
          while (service.until_commit()) {
            {
              const std::lock_guard lock(mutex);
              heard_by = mine;
            }
            service.final("Yes.");
          }
          --open;
        }) {}
  std::string heard() {
    const std::lock_guard lock(mutex);
    return heard_by;
  }
  bool was_asked_with(const std::string& name) {
    const Terms terms = all();
    return std::any_of(terms.begin(), terms.end(),
                       [&](const std::string& one) { return one.find(name) != std::string::npos; });
  }
  Terms all() {
    const std::lock_guard lock(mutex);
    return asked;
  }
  std::mutex mutex;
  Terms asked;           // protected by mutex
  std::string heard_by;  // protected by mutex: terms of the session that heard the last words
  std::string refused;
  bool refuses_late = false;
  std::atomic<bool> go = true;
  std::atomic<int> open = 0;
  std::atomic<int> opened = 0;  // ever
  WebSocketServer server;       // last: its threads use what is above
};

}  // namespace

TEST_CASE("key terms: what is configured, then what memory knows, as much as the service takes") {
  CHECK(joined_terms({"프롯", "Oslo"}, {"Mungo", "Oslo", ""}, kMost, kLongest) ==
        Terms{"프롯", "Oslo", "Mungo"});
  CHECK(joined_terms({"a term that is longer than twenty characters"}, {"and one more of these"}, kMost,
                     kLongest)
            .empty());
  CHECK(joined_terms({}, {"열두시열두시열두시열두시열두시열두시열두"}, kMost, kLongest).size() ==
        1);  // 20 characters
  Terms many;
  for (int i = 0; i < 100; ++i) many.push_back("Name " + std::to_string(i));
  const Terms some = joined_terms({"Oslo"}, many, kMost, kLongest);
  CHECK(some.size() == kMost);
  CHECK(some.back() == "Name 48");
}

TEST_CASE("a prompt has the first names, as many as it may hold") {
  CHECK(prompt_of({}, {}, 100).empty());
  CHECK(prompt_of({"프롯"}, {"Mungo", "프롯"}, 100) == "프롯, Mungo.");
  Terms many;
  for (int i = 0; i < 100; ++i) many.push_back("Name " + std::to_string(i));
  const std::string prompt = prompt_of({}, many, 20);
  CHECK(prompt.starts_with("Name 0, Name 1, "));
  CHECK(prompt.ends_with("."));
  CHECK(prompt.size() <= 20 * 4);
  CHECK(prompt.size() > 60);
}

TEST_CASE("names replace the session when nothing is said, and not again while they stay the same") {
  FakeClock clock;
  Answering service;
  Bench bench(service.server);
  bench.options.clock = &clock;
  bench.options.key_terms = {"Oslo"};
  bench.start();
  const auto ready = [&] { return bench.recognizer->next_deadline() == clock.now() + 8 * kSecond; };
  REQUIRE(bench.until(ready));
  bench.recognizer->begin();
  bench.recognizer->push(speech());
  bench.recognizer->expect({"Mungo"});  // in the middle of an utterance
  bench.recognizer->finish();
  CHECK(bench.answer().text == "Yes.");
  CHECK(service.heard() == "&keyterms=Oslo");  // the session that has its audio
  REQUIRE(bench.until([&] { return service.opened == 2 && service.open == 1 && ready(); }));
  bench.recognizer->expect({"Mungo"});
  CHECK(bench.recognise(speech()).text == "Yes.");
  CHECK(service.heard() == "&keyterms=Oslo&keyterms=Mungo");
  bench.recognizer->expect({"Mungo", "Jan"});  // soon again: it waits
  CHECK(bench.recognise(speech()).text == "Yes.");
  CHECK(service.server.connections() == 2);
  clock.advance(10 * kSecond);
  REQUIRE(bench.until([&] { return service.opened == 3 && service.open == 1 && ready(); }));
  CHECK(bench.recognise(speech()).text == "Yes.");
  CHECK(service.heard() == "&keyterms=Oslo&keyterms=Mungo&keyterms=Jan");
  bench.recognizer->expect({"Jan"});  // what is forgotten does not wait
  REQUIRE(bench.until([&] { return service.opened == 4 && service.open == 1; }));
  CHECK(bench.recognise(speech()).text == "Yes.");
  CHECK(service.heard() == "&keyterms=Oslo&keyterms=Jan");
}

TEST_CASE("names that come while the session is being opened are in the first that is ready") {
  Answering service;
  service.go = false;
  Bench bench(service.server);
  bench.start();
  REQUIRE(bench.until([&] { return service.all().size() == 1; }));
  bench.recognizer->expect({"Mungo"});
  REQUIRE(bench.until([&] { return service.all().size() == 2; }));
  service.go = true;
  CHECK(bench.recognise(speech()).text == "Yes.");
  CHECK(service.heard() == "&keyterms=Mungo");
  CHECK(service.all() == Terms{"", "&keyterms=Mungo"});
}

TEST_CASE("names that the service refuses cost no recognition: without them it goes on") {
  for (const bool late : {false, true}) {
    for (const bool open : {false, true}) {
      CAPTURE(late);
      CAPTURE(open);
      Answering service;
      service.refused = "Mungo";
      service.refuses_late = late;
      Bench bench(service.server);
      bench.options.key_terms = {"Oslo"};
      bench.start();
      if (open) CHECK(bench.recognise(speech()).text == "Yes.");
      bench.recognizer->expect({"Mungo"});
      CHECK(bench.recognise(speech()).text == "Yes.");
      CHECK(service.heard() == "&keyterms=Oslo");
      REQUIRE(bench.until([&] { return service.was_asked_with("Mungo") && service.open >= 1; }));
      CHECK(bench.recognise(speech()).text == "Yes.");
      CHECK(bench.recognizer->name() == "elevenlabs:scribe_v2_realtime");
      bench.recognizer->expect({"Mungo", "Jan"});
      CHECK(bench.recognise(speech()).text == "Yes.");
      CHECK(service.heard() == "&keyterms=Oslo");
    }
  }
}

TEST_CASE("a session that breaks while another waits to replace it hands its utterance to that one") {
  std::atomic<int> number = 0;
  std::atomic<bool> second = false;
  std::vector<std::int16_t> again;
  WebSocketServer server([&](WebSocketPeer& peer) {
    const bool first = ++number == 1;
    Service service(peer);
    if (!first) second = true;
    if (!service.until_commit()) return;
    if (first) {
      while (!second && !peer.gone()) peer.hold(1);
      service.error("session_time_limit_exceeded");
      return service.stay();
    }
    again = service.samples;
    service.final("Yes.");
    service.stay();
  });
  Bench bench(server);
  bench.start();
  REQUIRE(bench.until([&] { return bench.recognizer->next_deadline() != kNever && number == 1; }));
  bench.recognizer->begin();
  bench.recognizer->push(speech(20'000, 3));
  bench.recognizer->expect({"Mungo"});
  bench.recognizer->finish();
  CHECK(bench.answer().text == "Yes.");
  CHECK(again == speech(20'000, 3));
  CHECK(server.connections() == 2);
}

}  // namespace prot::stt
