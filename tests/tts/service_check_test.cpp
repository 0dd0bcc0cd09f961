// What prot doctor is told about voices that are services, and how long they are waited for.
#include "tts/service_check.hpp"

#include <doctest/doctest.h>

#include <cstdlib>

#include "core/http/loopback_server.hpp"
#include "service_bench.hpp"
#include "support/full_listener.hpp"
#include "support/wyoming_server.hpp"

namespace prot::tts {
namespace {

stage::Finding check(const std::string& name, const std::vector<std::string>& overrides) {
  const stage::Config config = stage::Config::load("", overrides);
  const std::optional<stage::Finding> finding = check_service(name, "English voice", "en", config);
  REQUIRE(finding.has_value());
  return *finding;
}

}  // namespace

TEST_CASE("a Wyoming server is asked which voices it has") {
  std::string info = R"({"asr":[],"tts":[{"name":"piper","voices":[{"name":"en_US-joe"}]}]})";
  prot::test::WyomingServer server([&](prot::test::WyomingPeer& peer) {
    if (peer.receive("describe")) peer.send("info", info);
  });
  const std::string url = "tts.wyoming_url=" + server.url();
  CHECK(check("wyoming", {url}).verdict == stage::Verdict::kOk);
  CHECK(check("wyoming", {url}).finding.find("piper") != std::string::npos);
  CHECK(check("wyoming", {url, "tts.wyoming_voice_en=en_US-joe"}).verdict == stage::Verdict::kOk);
  CHECK(check("wyoming", {url, "tts.wyoming_voice_en=en_US-amy"}).mend == "set tts.wyoming_voice_en");
  info = R"({"asr":[{"name":"whisper"}]})";
  CHECK(check("wyoming", {url}).verdict == stage::Verdict::kFail);
  CHECK(check("wyoming", {"tts.wyoming_url=tcp://127.0.0.1:1"}).verdict == stage::Verdict::kFail);
  CHECK(check("wyoming", {"tts.wyoming_url=tcp://192.0.2.1:1"}).finding.find("unencrypted") !=
        std::string::npos);
}

TEST_CASE("OpenAI's kind of voice is only looked for, with its key; nothing is spoken") {
  ::setenv("VOICE_KEY", "sk-secret", 1);
  std::string seen;
  std::string status = "405 Method Not Allowed";
  LoopbackServer server([&](Connection& connection) {
    seen = connection.request;
    connection.answer(status, "", "");
    return true;
  });
  const std::vector<std::string> overrides = {"tts.openai_url=" + server.url(""),
                                              "tts.openai_api_key_env=VOICE_KEY"};
  CHECK(check("openai", overrides).verdict == stage::Verdict::kOk);
  CHECK(seen.starts_with("GET /v1/audio/speech HTTP/1.1\r\n"));
  CHECK(seen.find("Bearer sk-secret") != std::string::npos);
  status = "401 Unauthorized";
  const stage::Finding refused = check("openai", overrides);
  CHECK(refused.verdict == stage::Verdict::kFail);
  CHECK(refused.mend == "check the key in VOICE_KEY");
  CHECK(refused.finding.find("sk-secret") == std::string::npos);
  CHECK(check("openai", {"tts.openai_api_key_env=NO_SUCH_KEY"}).mend == "set NO_SUCH_KEY");
  CHECK(check("openai", {"tts.openai_url=http://192.0.2.1"}).finding.find("unencrypted") !=
        std::string::npos);
  ::unsetenv("VOICE_KEY");
}

TEST_CASE("a service that takes no connection is waited for as long as is configured") {
  const prot::test::FullListener nobody;
  const std::string http = "http://" + nobody.address();
  const stage::Config config = stage::Config::load(
      "", {"tts.connect_timeout_ms=250", "tts.elevenlabs_voice=VID", "tts.elevenlabs_url=" + http,
           "tts.openai_url=" + http, "tts.wyoming_url=tcp://" + nobody.address(),
           "tts.elevenlabs_timeout_ms=15000", "tts.openai_timeout_ms=15000", "tts.wyoming_timeout_ms=15000"});
  const auto wait_of = [](auto options, const auto& make) {
    test::ServiceBench bench;
    options.wake = [&bench] { bench.bell.ring(); };
    bench.voice = make(options);
    const Nanos before = monotonic_now();
    const test::Spoken spoken = bench.say("Hello.");
    REQUIRE(spoken.ended);
    CHECK(spoken.end.error == VoiceError::kUnavailable);
    return monotonic_now() - before;
  };
  // Each tries twice; usually that takes 4 s.
  for (const Nanos wait : {wait_of(elevenlabs_options(config, "en"), make_elevenlabs_socket_voice),
                           wait_of(elevenlabs_options(config, "en"), make_elevenlabs_http_voice),
                           wait_of(openai_voice_options(config, "en"), make_openai_voice),
                           wait_of(wyoming_options(config, "en"), make_wyoming_voice)}) {
    CHECK(wait >= 500 * kMillisecond);
    CHECK(wait < 3 * kSecond);
  }
}

TEST_CASE("a voice on this machine is no service") {
  const stage::Config config = stage::Config::load("", {});
  CHECK_FALSE(check_service("piper", "English voice", "en", config).has_value());
}

}  // namespace prot::tts
