// What prot doctor is told about recognisers that speak Wyoming, and how long they are waited for.
#include <doctest/doctest.h>

#include <chrono>
#include <semaphore>

#include "stt/self_check.hpp"
#include "stt/speech_recognizer.hpp"
#include "support/full_listener.hpp"
#include "support/wyoming_server.hpp"

namespace prot::stt {
namespace {

using test::WyomingPeer;
using test::WyomingServer;

}  // namespace

TEST_CASE("prot doctor asks a server what it is, at no cost") {
  std::string info = R"({"asr":[{"name":"faster-whisper"}],"tts":[]})";
  WyomingServer server([&](WyomingPeer& peer) {
    if (peer.receive("describe")) peer.send("info", info);
  });
  const auto check = [](const std::string& url) {
    const stage::Config config = stage::Config::load("", {"stt.engine=wyoming", "stt.url=" + url});
    const InstancePaths paths;
    const stage::Findings findings = check_stt({config, paths});
    REQUIRE(findings.size() == 1);
    return findings.front();
  };
  CHECK(check(server.url()).verdict == stage::Verdict::kOk);
  CHECK(check(server.url()).finding.find("faster-whisper") != std::string::npos);
  info = R"({"asr":[],"tts":[{"name":"piper"}]})";
  CHECK(check(server.url()).verdict == stage::Verdict::kFail);
  CHECK(check("tcp://127.0.0.1:1").verdict == stage::Verdict::kFail);
  CHECK(check("tcp://192.0.2.1:1").finding.find("unencrypted") != std::string::npos);
}

TEST_CASE("one that goes on when another fails is checked too, and what is wrong with it is a warning") {
  const stage::Config config =
      stage::Config::load("", {"stt.engine=null", R"(stt.fallback=["wyoming url=tcp://127.0.0.1:1"])"});
  const InstancePaths paths;
  const stage::Findings findings = check_stt({config, paths});
  REQUIRE(findings.size() == 2);
  CHECK(findings[0].verdict == stage::Verdict::kOk);
  CHECK(findings[1].verdict == stage::Verdict::kWarn);
  CHECK(findings[1].mend.find("stt.fallback") != std::string::npos);
}

TEST_CASE("a server that takes no connection is waited for as long as is configured") {
  const test::FullListener nobody;
  std::counting_semaphore<> news(0);
  RecognizerOptions options;
  options.url = "tcp://" + nobody.address();
  options.connect_timeout = 250 * kMillisecond;
  options.first_byte_timeout = 15 * kSecond;
  options.wake = [&] { news.release(); };
  const auto recognizer = make_recognizer("wyoming", options);
  recognizer->begin();
  recognizer->push(std::vector<std::int16_t>(8'000, 1'000));
  recognizer->finish();
  std::optional<Recognition> answer;
  while (!(answer = recognizer->poll())) REQUIRE(news.try_acquire_for(std::chrono::seconds(10)));
  CHECK(answer->failure == FailureClass::kRetry);
  CHECK(answer->text == options.url + ": no connection for 250 ms");
}

}  // namespace prot::stt
