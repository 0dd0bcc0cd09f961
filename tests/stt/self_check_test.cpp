// What prot doctor is told about a recogniser that is a service.
#include "stt/self_check.hpp"

#include <doctest/doctest.h>

#include <cstdlib>

#include "core/http/loopback_server.hpp"

namespace prot::stt {
namespace {

stage::Finding check(const std::vector<std::string>& overrides) {
  const stage::Config config = stage::Config::load("", overrides);
  const InstancePaths paths;
  const stage::Findings findings = check_stt({config, paths});
  REQUIRE(findings.size() == 1);
  return findings.front();
}

}  // namespace

TEST_CASE("ElevenLabs is asked for its models, which costs nothing, with the key in its own header") {
  ::setenv("ELEVENLABS_API_KEY", "sk-secret", 1);
  std::string seen;
  std::string status = "200 OK";
  LoopbackServer server([&](Connection& connection) {
    seen = connection.request;
    connection.answer(status, "", R"({"detail":{"status":"invalid_api_key"}})");
    return true;
  });
  const std::vector<std::string> overrides = {"stt.engine=elevenlabs", "stt.url=" + server.url("")};
  CHECK(check(overrides).verdict == stage::Verdict::kOk);
  CHECK(seen.starts_with("GET /v1/models HTTP/1.1\r\n"));
  CHECK(seen.find("xi-api-key: sk-secret\r\n") != std::string::npos);
  status = "401 Unauthorized";
  const stage::Finding refused = check(overrides);
  CHECK(refused.verdict == stage::Verdict::kFail);
  CHECK(refused.mend.find("ELEVENLABS_API_KEY") != std::string::npos);
  CHECK(refused.finding.find("sk-secret") == std::string::npos);
  CHECK(check({"stt.engine=elevenlabs", "stt.url=http://192.0.2.1"}).finding.find("unencrypted") !=
        std::string::npos);
  CHECK(check({"stt.engine=elevenlabs", "stt.url=http://127.0.0.1:1"}).verdict == stage::Verdict::kFail);
  ::unsetenv("ELEVENLABS_API_KEY");
}

}  // namespace prot::stt
