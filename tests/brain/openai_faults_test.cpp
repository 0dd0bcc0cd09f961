// Every way in which a model service may fail, and some in which it only looks like it, against a loopback
// server: an answer or a clear error, in time, and never a hang.
#include <doctest/doctest.h>

#include <atomic>
#include <ctime>

#include "brain/engines/openai.hpp"
#include "brain/prompt.hpp"
#include "model_loop.hpp"
#include "support/full_listener.hpp"

using namespace prot;
using namespace prot::brain;
using namespace prot::test;
using http::ErrorClass;

namespace {

constexpr const char* kBusy = R"({"error":{"message":"busy","type":"overloaded_error"}})";

struct Outcome {
  std::string text;
  bool done = false;
  StopReason stop = StopReason::kEnd;
  ErrorClass error = ErrorClass::kFatal;
  Nanos took = 0;
  int asked = 0;
};

/// One question to a server that does `serve`, which is told how often it was asked before.
Outcome ask(const std::function<void(Connection&, int)>& serve, Nanos patience = kSecond, int attempts = 0,
            const std::function<void(OpenAiOptions&)>& change = {}) {
  std::atomic<int> asked = 0;
  LoopbackServer server([&](Connection& connection) {
    serve(connection, asked++);
    return false;
  });
  OpenAiOptions options = at(server.url());
  options.first_byte_timeout = options.idle_timeout = patience;
  options.attempts = attempts;
  if (change) change(options);
  ModelLoop loop(options);
  const Nanos begin = monotonic_now();
  const auto events = loop.run(question(), 10'000);
  Outcome outcome{text_of(events),         false, StopReason::kEnd, ErrorClass::kFatal,
                  monotonic_now() - begin, asked};
  REQUIRE_FALSE(events.empty());
  outcome.done = events.back().kind == ModelEvent::Kind::kDone;
  outcome.stop = events.back().stop;
  const bool ended = outcome.done || events.back().kind == ModelEvent::Kind::kError;
  CHECK(ended);
  if (!outcome.done) outcome.error = events.back().error;
  if (!outcome.done) CHECK_FALSE(events.back().text.empty());
  return outcome;
}

void answer(Connection& connection) { connection.send(std::string(kStreamHead) + words("Paris.") + kStop); }

std::string http_date(std::time_t at) {
  char text[64];
  std::tm parts{};
  ::gmtime_r(&at, &parts);
  std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
  return text;
}

}  // namespace

TEST_CASE("a refusal is said at once and not repeated") {
  const std::pair<const char*, ErrorClass> refusals[] = {
      {"401 Unauthorized", ErrorClass::kAuth},      {"403 Forbidden", ErrorClass::kAuth},
      {"402 Payment Required", ErrorClass::kQuota}, {"400 Bad Request", ErrorClass::kFatal},
      {"404 Not Found", ErrorClass::kFatal},        {"422 Unprocessable Entity", ErrorClass::kFatal},
      {"501 Not Implemented", ErrorClass::kFatal}};
  for (const auto& refusal : refusals) {  // clang 14 lets no lambda have a structured binding
    const char* const status = refusal.first;
    CAPTURE(status);
    const Outcome outcome =
        ask([&](Connection& c, int) { c.answer(status, "", R"({"error":{"message":"no"}})"); });
    CHECK_FALSE(outcome.done);
    CHECK(outcome.error == refusal.second);
    CHECK(outcome.asked == 1);
  }
}

TEST_CASE("a server that has a bad moment is asked again before the first word") {
  for (const char* status : {"500 Internal Server Error", "502 Bad Gateway", "503 Service Unavailable",
                             "529 Overloaded", "408 Request Timeout"}) {
    CAPTURE(status);
    const Outcome outcome = ask([&](Connection& c, int before) {
      if (before < 2) return c.answer(status, "", kBusy);
      answer(c);
    });
    CHECK(outcome.done);
    CHECK(outcome.text == "Paris.");
    CHECK(outcome.asked == 3);
  }
}

TEST_CASE("a bad moment that lasts ends with the time, or with the attempts") {
  for (const char* status : {"500 Internal Server Error", "503 Service Unavailable", "529 Overloaded"}) {
    CAPTURE(status);
    const auto serve = [&](Connection& c, int) { c.answer(status, "", kBusy); };
    const Outcome patient = ask(serve, 500 * kMillisecond);
    CHECK_FALSE(patient.done);
    CHECK(patient.asked >= 2);  // at once, after 100, after 200 ms; a slow machine does less
    CHECK(patient.asked <= 3);
    const Outcome limited = ask(serve, 5 * kSecond, 2);
    CHECK_FALSE(limited.done);
    CHECK(limited.asked == 2);
  }
}

TEST_CASE("a model that nobody can stand in for is waited for to its first word, not asked again meanwhile") {
  const auto last = [](OpenAiOptions& options) {
    options.first_byte_timeout = 4 * kSecond;
    options.retry_for = options.idle_timeout = 300 * kMillisecond;
  };
  const std::string role = "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\"}}]}\n\n";
  const Outcome thinks = ask(
      [&](Connection& c, int) {
        c.send(std::string(kStreamHead) + role);
        c.hold(900);
        c.send(words("Paris.") + kStop);
      },
      kSecond, 0, last);
  CHECK(thinks.done);
  CHECK(thinks.text == "Paris.");
  CHECK(thinks.asked == 1);
  const Outcome stops = ask(
      [&](Connection& c, int) {
        c.send(std::string(kStreamHead) + role + words("Paris"));
        (void)c.closed_within(6000);
      },
      kSecond, 0, last);
  CHECK_FALSE(stops.done);
  CHECK(stops.text == "Paris");
  CHECK(stops.took < 3 * kSecond);
  const Outcome busy =
      ask([&](Connection& c, int) { c.answer("503 Service Unavailable", "", kBusy); }, kSecond, 0, last);
  CHECK_FALSE(busy.done);
  CHECK(busy.asked <= 3);
  CHECK(busy.took < 3 * kSecond);
}

TEST_CASE("too many requests: what the server asks to wait is waited for, when a person would") {
  const auto limited = [](const std::string& header) {
    return ask(
        [&](Connection& c, int before) {
          if (before > 0) return answer(c);
          c.answer("429 Too Many Requests", header, R"({"error":{"message":"slow down"}})");
        },
        4 * kSecond);
  };
  const std::pair<std::string, Nanos> waits[] = {{"Retry-After: 1\r\n", kSecond},
                                                 {"Retry-After-Ms: 300\r\n", 300 * kMillisecond},
                                                 {"Retry-After: 0.2\r\n", 200 * kMillisecond},
                                                 {"", 500 * kMillisecond}};
  for (const auto& row : waits) {
    const std::string& header = row.first;
    CAPTURE(header);
    const Outcome outcome = limited(header);
    CHECK(outcome.text == "Paris.");
    CHECK(outcome.took >= row.second);
  }
  CHECK(limited("Retry-After: " + http_date(std::time(nullptr) + 1) + "\r\n").done);
  CHECK(limited("Retry-After: " + http_date(std::time(nullptr) - 60) + "\r\n").done);
  for (const std::string& header :
       {std::string("Retry-After: 20\r\n"), "Retry-After: " + http_date(std::time(nullptr) + 60) + "\r\n"}) {
    CAPTURE(header);
    const Outcome outcome = limited(header);
    CHECK_FALSE(outcome.done);
    CHECK(outcome.asked == 1);
    CHECK(outcome.error == ErrorClass::kOverloaded);  // "busy", not "out of reach"
  }
}

TEST_CASE("a server that says that it need not be asked again is not") {
  for (const char* status : {"429 Too Many Requests", "500 Internal Server Error", "529 Overloaded"}) {
    CAPTURE(status);
    const auto says = [&](const char* header) {
      return ask([&](Connection& c, int before) {
        if (before > 0) return answer(c);
        c.answer(status, header, kBusy);
      });
    };
    const Outcome never = says("X-Should-Retry: false\r\nRetry-After: 0.1\r\n");
    CHECK_FALSE(never.done);
    CHECK(never.asked == 1);
    CHECK(says("X-Should-Retry: true\r\n").done);
  }
}

TEST_CASE("an answer that does not come to an end is cut, with what came of it") {
  const auto sing = [](const std::string& note) {
    return [note](Connection& c, int) {
      c.send(kStreamHead);
      for (int i = 0; i < 500 && !c.closed_within(10); ++i) c.send(note);
    };
  };
  const auto limited = [](Nanos time, std::size_t bytes) {
    return [=](OpenAiOptions& options) {
      options.answer_time = time;
      options.answer_bytes = bytes;
    };
  };
  const Outcome song = ask(sing(words("la ")), kSecond, 0, limited(60 * kSecond, 60));
  CHECK(song.done);
  CHECK(song.stop == StopReason::kLength);
  CHECK(song.text.size() == 63);
  CHECK(song.asked == 1);
  const Outcome hours = ask(sing(words("la ")), 200 * kMillisecond, 0, limited(300 * kMillisecond, 60'000));
  CHECK(hours.done);
  CHECK(hours.stop == StopReason::kLength);
  CHECK(hours.took >= 500 * kMillisecond);
  CHECK(hours.took < 4 * kSecond);
  const std::string thought = "data: {\"choices\":[{\"delta\":{\"reasoning_content\":\"hm\"}}]}\n\n";
  const Outcome lost = ask(sing(thought), 200 * kMillisecond, 0, limited(300 * kMillisecond, 60'000));
  CHECK_FALSE(lost.done);
  CHECK(lost.error == ErrorClass::kRetry);
  CHECK(lost.took < 4 * kSecond);
}

TEST_CASE(
    "silence ends with the limit: before the headers, before the first event, behind nothing but comments") {
  const std::function<void(Connection&)> ways[] = {[](Connection& c) { c.hold(5000); },
                                                   [](Connection& c) {
                                                     c.send(kStreamHead);
                                                     c.hold(5000);
                                                   },
                                                   [](Connection& c) {
                                                     c.send(kStreamHead);
                                                     for (int i = 0; i < 100; ++i) {
                                                       c.send(": ping\n\n");
                                                       c.hold(50);
                                                     }
                                                   }};
  for (const auto& way : ways) {
    const Outcome outcome = ask([&](Connection& c, int) { way(c); }, 400 * kMillisecond);
    CHECK_FALSE(outcome.done);
    CHECK(outcome.error == ErrorClass::kRetry);
    CHECK(outcome.took >= 400 * kMillisecond);
    CHECK(outcome.took < 4 * kSecond);
    CHECK(outcome.asked == 1);
  }
}

TEST_CASE("a late answer within the limit is an answer") {
  const Outcome outcome = ask(
      [](Connection& c, int) {
        c.hold(200);
        c.send(kStreamHead);
        c.hold(200);
        c.send(words("Paris.") + kStop);
      },
      5 * kSecond);
  CHECK(outcome.text == "Paris.");
  CHECK(outcome.asked == 1);
}

TEST_CASE("a hang, a reset and an end in the middle keep the words that came and are not tried again") {
  const std::function<void(Connection&)> ways[] = {[](Connection& c) { c.hold(5000); },
                                                   [](Connection& c) {
                                                     for (int i = 0; i < 100; ++i) {
                                                       c.send(": ping\n\n");
                                                       c.hold(50);
                                                     }
                                                   },
                                                   [](Connection& c) {
                                                     c.hold(50);  // so that the words are there first
                                                     c.reset();
                                                   },
                                                   [](Connection&) {}};
  for (const auto& way : ways) {
    const Outcome outcome = ask(
        [&](Connection& c, int) {
          c.send(std::string(kStreamHead) + words("Once upon ") + words("a time"));
          way(c);
        },
        400 * kMillisecond);
    CHECK_FALSE(outcome.done);
    CHECK(outcome.error == ErrorClass::kRetry);
    CHECK(outcome.text == "Once upon a time");
    CHECK(outcome.asked == 1);
    CHECK(outcome.took < 4 * kSecond);
  }
}

TEST_CASE("a reset, an empty body and an end before the first word are tried again") {
  const std::function<void(Connection&)> ways[] = {
      [](Connection& c) { c.reset(); },
      [](Connection& c) {
        c.send(std::string(kStreamHead) + chunk(R"({"role":"assistant","content":null})"));
        c.reset();
      },
      [](Connection& c) { c.send(kStreamHead); },
      [](Connection& c) { c.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"); },
      [](Connection& c) {
        c.send(std::string(kStreamHead) +
               "data: {\"error\":{\"type\":\"server_error\",\"message\":\"x\"}}\n\n");
      }};
  for (const auto& way : ways) {
    const Outcome outcome = ask([&](Connection& c, int before) { before == 0 ? way(c) : answer(c); });
    CHECK(outcome.text == "Paris.");
    CHECK(outcome.asked == 2);
  }
}

TEST_CASE("unknown events and fields, odd line ends, tiny writes and a missing end mark change nothing") {
  const std::string strange = "event: telemetry\ndata: not json at all\n\nid: 7\nretry: 100\nfoo: bar\n\n" +
                              std::string(R"(data: {"object":"x","new_field":[1,{}],"choices":[)") +
                              R"({"index":0,"logprobs":null,"delta":{"content":"Par","mood":"good"}}]})" +
                              "\n\n" + ": comment\n\n" + words("is.") + chunk("{}", "\"stop\"");
  std::string crlf;
  for (const char c : strange) crlf += c == '\n' ? std::string("\r\n") : std::string(1, c);
  for (const std::string& body : {strange, crlf}) {
    for (const std::size_t piece : {std::size_t{1}, std::size_t{3}, std::size_t{7}, std::size_t{65536}}) {
      CAPTURE(piece);
      const Outcome outcome = ask(
          [&](Connection& c, int) {
            c.send(kStreamHead);
            c.send_slowly(body, piece);
          },
          5 * kSecond);
      CHECK(outcome.done);
      CHECK(outcome.text == "Paris.");
    }
  }
}

TEST_CASE("a server that answers with one JSON object is understood, its errors too") {
  const auto object = [](const std::string& body) {
    return ask([&](Connection& c, int) {
      c.answer("200 OK", "Content-Type: application/json; charset=utf-8\r\n", body);
    });
  };
  const Outcome whole =
      object(R"({"choices":[{"message":{"role":"assistant","content":"Paris."},"finish_reason":"stop"}]})");
  CHECK(whole.done);
  CHECK(whole.text == "Paris.");
  CHECK(object(R"({"choices":[{"message":{"content":"Paris."}}]})").text == "Paris.");
  CHECK(object(R"({"error":{"code":"invalid_api_key","message":"no"}})").error == ErrorClass::kAuth);
  CHECK(object(R"({"error":{"type":"rate_limit_error"}})").error == ErrorClass::kOverloaded);
  CHECK(object("{broken").error == ErrorClass::kFatal);
  CHECK_FALSE(object("{}").done);
  CHECK_FALSE(object(std::string(2U << 20U, 'x')).done);
}

TEST_CASE("a line of more than a megabyte is refused, with what came before it kept") {
  const Outcome outcome = ask([](Connection& c, int) {
    c.send(std::string(kStreamHead) + words("Once"));
    c.send("data: {\"x\":\"" + std::string((1U << 20U) + 100, 'y') + "\"}\n\n");
    c.hold(5000);
  });
  CHECK_FALSE(outcome.done);
  CHECK(outcome.text == "Once");
  CHECK(outcome.error == ErrorClass::kFatal);
  CHECK(outcome.took < 3 * kSecond);
}

TEST_CASE("behind the end mark nothing is waited for") {
  const Outcome outcome = ask(
      [](Connection& c, int) {
        c.send(std::string(kStreamHead) + words("Paris.") + kStop);
        c.hold(5000);
      },
      3 * kSecond);
  CHECK(outcome.done);
  CHECK(outcome.took < 2500 * kMillisecond);
}

TEST_CASE("a server that takes no connection is waited for as long as is configured") {
  const FullListener nobody;
  const Outcome outcome = ask([](Connection& c, int) { answer(c); }, 20 * kSecond, 1,
                              [&](OpenAiOptions& options) {
                                options.url = "http://" + nobody.address();
                                options.connect_timeout = 250 * kMillisecond;  // usually 5 s
                              });
  CHECK_FALSE(outcome.done);
  CHECK(outcome.error == ErrorClass::kRetry);
  CHECK(outcome.took < 4 * kSecond);
}

TEST_CASE("each class of failure has words of its own in both languages") {
  for (const char* language : {"en", "ko"}) {
    for (const ErrorClass error : {ErrorClass::kRetry, ErrorClass::kAuth, ErrorClass::kQuota,
                                   ErrorClass::kOverloaded, ErrorClass::kFatal})
      CHECK_FALSE(notice_text(notice_for(error), language).empty());
    CHECK(notice_text(Notice::kModelBusy, language) != notice_text(Notice::kModelAway, language));
    CHECK(notice_text(Notice::kModelRefuses, language) != notice_text(Notice::kModelAway, language));
  }
}
