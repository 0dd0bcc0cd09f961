#include "http/fetch.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <stop_token>
#include <thread>

#include "client_owner.hpp"

using namespace prot;
using http::ErrorClass;

TEST_CASE("fetch returns the whole answer") {
  LoopbackServer server([](Connection& connection) {
    connection.answer("200 OK", "", "body");
    return true;
  });
  const http::Response response = http::fetch(request_to(server));
  CHECK(response.status == 200);
  CHECK(response.body == "body");
  CHECK_THROWS_AS((void)http::fetch(request_to(server), {}, 3), http::RequestError);
}

TEST_CASE("fetch throws the class of the failure, and stops when asked to") {
  LoopbackServer bad([](Connection& connection) {
    connection.answer("401 No", "", "no");
    return true;
  });
  try {
    (void)http::fetch(request_to(bad));
    FAIL("no error");
  } catch (const http::RequestError& error) {
    CHECK(error.error_class() == ErrorClass::kAuth);
    CHECK(error.status() == 401);
  }

  std::atomic<bool> asked = false;
  std::atomic<bool> closed = false;
  LoopbackServer slow([&](Connection& connection) {
    asked = true;
    closed = connection.closed_within(10'000);
    return false;
  });
  std::stop_source stop;
  std::thread stopper([&] {
    while (!asked) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    stop.request_stop();
  });
  CHECK_THROWS_AS((void)http::fetch(request_to(slow), stop.get_token()), http::RequestError);
  stopper.join();
  for (int i = 0; i < 5000 && !closed; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  CHECK(closed);
}

TEST_CASE("retry-after is seconds, decimals, or a date") {
  CHECK(http::parse_retry_after("2") == 2 * kSecond);
  CHECK(http::parse_retry_after("0.5") == kSecond / 2);
  CHECK(http::parse_retry_after("") == 0);
  CHECK(http::parse_retry_after("-3") == 0);
  CHECK(http::parse_retry_after("soon") == 0);
  CHECK(http::parse_retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0);
  // One of the clocks is wrong: nobody waits for forty years.
  CHECK(http::parse_retry_after("Wed, 21 Oct 2065 07:28:00 GMT") == 86'400 * kSecond);
  CHECK(http::parse_retry_after("900000") == 86'400 * kSecond);
}
