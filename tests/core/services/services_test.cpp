#include "services/services.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "base/error.hpp"
#include "json/json.hpp"
#include "services/answer.hpp"
#include "services/web_question.hpp"
#include "stage/config_keys.hpp"
#include "stage/service_table.hpp"

using namespace prot;
using namespace prot::services;
using http::ErrorClass;

namespace {

std::vector<Service> known(const std::vector<std::string>& overrides) {
  stage::ConfigSources sources;
  sources.environment = [](std::string_view) -> std::optional<stage::PlacedValue> { return std::nullopt; };
  sources.overrides = overrides;
  return known_services(stage::Config::load(sources));
}

std::vector<std::string> in_use(const std::vector<std::string>& overrides) {
  std::vector<std::string> names;
  for (const Service& service : known(overrides))
    if (service.in_use) names.push_back(service.name);
  return names;
}

Service one(const std::vector<std::string>& overrides, const std::string& name) {
  for (const Service& service : known(overrides))
    if (service.name == name) return service;
  FAIL("there is no service ", name);
  return {};
}

// What stands behind what is judged: the class that the status has by itself.
State state(int status, std::string_view body, bool retry_after = false) {
  return state_of(status, body, http::classify_status(status, body, retry_after));
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("without configuration no service is in use") { CHECK(in_use({}).empty()); }

TEST_CASE("a service is in use when a key of the configuration chooses it") {
  CHECK(in_use({"stt.engine=elevenlabs"}) == Names{"ElevenLabs recognition"});
  CHECK(in_use({"stt.engine=openai", "stt.url=http://a/v1"}) == Names{"OpenAI-compatible recognition"});
  CHECK(in_use({"tts.voice_ko=elevenlabs"}) == Names{"ElevenLabs voice"});
  CHECK(in_use({"home_assistant.url=http://a"}) == Names{"Home Assistant"});
  CHECK(in_use({"memory.database_url=postgresql://a/b"}) == Names{"database"});
  CHECK(in_use({"memory.database_url=postgresql://a/b", "memory.store=ram"}).empty());
  CHECK(in_use({"memory.database_url=postgresql://a/b", "memory.enabled=false"}).empty());
  CHECK(in_use({"memory.embedder=voyage"}) == Names{"Voyage vectors"});
  CHECK(in_use({"memory.embedding_url=http://127.0.0.1:1/v1"}) == Names{"OpenAI-compatible vectors"});
  CHECK(in_use({"memory.rerank_model=rerank-2.5", "memory.store=ram"}) == Names{"reranker"});
  CHECK(in_use({"memory.embedder=voyage", "memory.rerank_model=m", "memory.enabled=false"}).empty());
  CHECK(in_use({"brain.engine=anthropic", R"(brain.fallback=["url=http://a model=m", "local"])"}) ==
        Names{"language model", "fallback model 1"});
  CHECK(one({"tts.voice_ko=elevenlabs"}, "ElevenLabs voice").chosen_by ==
        "tts.voice_ko tts.voice_en tts.fallback_en tts.fallback_ko");
  CHECK(in_use({"tts.fallback_en=elevenlabs"}) == Names{"ElevenLabs voice"});
  CHECK(in_use({"stt.engine=wyoming", "tts.voice_en=wyoming"}) ==
        Names{"Wyoming recognition", "Wyoming voice"});
  CHECK(in_use({"tts.voice_en=openai"}) == Names{"OpenAI-compatible voice"});
  CHECK(in_use({R"(stt.fallback=["whisper", "openai url=http://a key=MINE"])"}) ==
        Names{"fallback recogniser 2"});
  const Service fallback =
      one({R"(stt.fallback=["openai url=http://a key=MINE model=m"])"}, "fallback recogniser 1");
  CHECK(fallback.url == "http://a");
  CHECK(fallback.key_name == "MINE");
  CHECK(fallback.model == "m");
  CHECK_FALSE(fallback.key_needed);
}

TEST_CASE("address and key are those of the engine that is chosen") {
  const Names openai = {"stt.engine=openai", "stt.url=http://a/v1", "stt.api_key_env=MY_KEY"};
  CHECK(one(openai, "OpenAI-compatible recognition").url == "http://a/v1");
  CHECK(one(openai, "OpenAI-compatible recognition").key_name == "MY_KEY");
  CHECK_FALSE(one(openai, "OpenAI-compatible recognition").key_needed);
  CHECK(one(openai, "ElevenLabs recognition").url == "https://api.elevenlabs.io");
  CHECK(one(openai, "ElevenLabs recognition").key_name == "ELEVENLABS_API_KEY");
  CHECK(one({}, "ElevenLabs recognition").key_needed);
  CHECK(one({}, "Home Assistant").key_needed);
}

TEST_CASE("OpenAI's key is not for every server of embeddings") {
  const std::string name = "OpenAI-compatible vectors";
  CHECK(one({"memory.embedder=openai"}, name).key_name == "OPENAI_API_KEY");
  CHECK(one({"memory.embedding_url=http://a/v1"}, name).key_name.empty());
  CHECK(one({"memory.embedding_url=http://a/v1", "memory.embedding_key_env=MY_KEY"}, name).key_name ==
        "MY_KEY");
}

TEST_CASE("what is no name in capitals may be the key itself, and is not shown") {
  for (const char* name : {"OPENAI_API_KEY", "KEY_2"}) CHECK(shown_key_name(name) == name);
  for (const char* name :
       {"", "sk_0123456789abcdef", "sk-ant-API03", "ABCDEF0123456789", "openai_key", "KEY NAME"})
    CHECK(shown_key_name(name).find("not shown") != std::string::npos);
  CHECK(shown_key_name(std::string(65, '_')).find("not shown") != std::string::npos);
}

TEST_CASE("an address is shown in the words of its protocol, without what is secret") {
  CHECK(shown_address(one({"stt.engine=wyoming", "stt.url=tcp://me:pw@127.0.0.1:10301"},
                          "Wyoming recognition")) == "tcp://127.0.0.1:10301/");
  CHECK(shown_address(one({"tts.voice_en=wyoming", "tts.wyoming_url=localhost"}, "Wyoming voice")) ==
        "tcp://localhost/");
  CHECK(shown_address(one({"tts.voice_en=openai", "tts.openai_url=https://me:pw@a.example/v1?key=sk"},
                          "OpenAI-compatible voice")) == "https://a.example/v1");
}

TEST_CASE("a refusal is a wrong key, an expired one, a spent plan, a right that lacks, or no time") {
  CHECK(state(401, R"({"error":{"type":"authentication_error"}})") == State::kWrongKey);
  CHECK(state(401, "401: Unauthorized") == State::kWrongKey);
  CHECK(state(401, R"({"error":{"message":"This API key has Expired."}})") == State::kExpiredKey);
  CHECK(state(401, R"({"detail":{"status":"quota_exceeded"}})") == State::kPlanLimit);
  CHECK(state(401, R"({"detail":{"status":"missing_permissions"}})") == State::kForbidden);
  CHECK(state(402, R"({"error":{"type":"billing_error"}})") == State::kPlanLimit);
  CHECK(state(403, R"({"error":{"type":"permission_error"}})") == State::kForbidden);
  CHECK(state(403, R"({"detail":{"status":"only_for_creator+"}})") == State::kPlanLimit);
  CHECK(state(400, R"({"error":{"message":"Your credit balance is too low"}})") == State::kPlanLimit);
  CHECK(state(400, R"({"error":{"type":"invalid_request_error"}})") == State::kRefused);
  CHECK(state(404, R"({"detail":{"status":"voice_not_found"}})") == State::kRefused);
  CHECK(state(429, R"({"error":{"type":"insufficient_quota"}})") == State::kPlanLimit);
  CHECK(state(429, R"({"error":{"type":"rate_limit_error"}})") == State::kBusy);
  CHECK(state(429, R"({"error":{"message":"quota of this minute"}})", true) == State::kBusy);
  CHECK(state(503, "") == State::kBusy);
  CHECK(state(529, "") == State::kBusy);
  CHECK(state(500, R"({"error":{"message":"billing is down"}})") == State::kFailed);
}

TEST_CASE("only a service that has no time is no failure") {
  CHECK(verdict_of(State::kOk) == stage::Verdict::kOk);
  CHECK(verdict_of(State::kBusy) == stage::Verdict::kWarn);
  for (const State bad :
       {State::kUnreachable, State::kNoKey, State::kUnencrypted, State::kWrongKey, State::kExpiredKey,
        State::kForbidden, State::kPlanLimit, State::kRefused, State::kMalformed, State::kFailed}) {
    CHECK(verdict_of(bad) == stage::Verdict::kFail);
    CHECK_FALSE(finding_of(one({"stt.engine=elevenlabs"}, "ElevenLabs recognition"), {bad}).mend.empty());
  }
}

TEST_CASE("an answer with status 200 is looked at all the same") {
  const Judge member = expect_member("text");
  CHECK(member(R"({"text":""})").state == State::kOk);
  CHECK(member("").state == State::kMalformed);
  CHECK(member("<html>").state == State::kMalformed);
  CHECK(member(R"({"other":1})").state == State::kMalformed);
  CHECK(member(R"({"detail":{"status":"quota_exceeded"}})").state == State::kPlanLimit);
  CHECK(member(R"({"error":{"type":"authentication_error"}})").state == State::kWrongKey);
  const Judge event = expect_event("message_stop");
  CHECK(event("event: message_stop\r\ndata: {\"type\":\"message_stop\"}\r\n").state == State::kOk);
  CHECK(event("data: {\"type\":\"ping\"}\n\n").state == State::kMalformed);
  CHECK(event("data: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\"}}\n\n").state ==
        State::kBusy);
  CHECK(event("data: {\"type\":\n\n").state == State::kMalformed);
  CHECK(event("error: {\"code\":500}\n\ndata: [DONE]\n\n").state == State::kFailed);
  CHECK(event(R"({"error":{"code":"insufficient_quota"}})").state == State::kPlanLimit);
}

TEST_CASE("a line of a probe is a finding too") {
  const Service service = one({"stt.engine=elevenlabs"}, "ElevenLabs recognition");
  const std::string line = to_json(service, {State::kWrongKey, 5 * kMillisecond, "HTTP 401"});
  const json::Document document = json::parse(line);
  CHECK(document.get("state").as_string() == "wrong_key");
  CHECK(document.get("first_byte_ms").as_double() == doctest::Approx(5));
  CHECK(stage::finding_from_json(line).verdict == stage::Verdict::kFail);
  CHECK(stage::finding_from_json(line).finding.find("HTTP 401") != std::string::npos);
  CHECK(stage::finding_from_json(line).mend.find("ELEVENLABS_API_KEY") != std::string::npos);
}

TEST_CASE("the keys of the configuration have their defaults and choices from the table") {
  const auto key = [](std::string_view name) {
    const stage::ConfigKey* found = stage::find_key(name);
    REQUIRE_MESSAGE(found != nullptr, name);
    return *found;
  };
  std::vector<std::string> listed;
  for (const Service& service : known({})) listed.push_back(service.name);
  for (const stage::ServiceRow& row : stage::kServiceRows) {
    CAPTURE(row.name);
    CHECK(std::find(listed.begin(), listed.end(), row.name) != listed.end());
    for (const std::string_view name :
         {row.url_key, row.key_name_key, row.plain_key, row.model_key, row.ca_file_key})
      if (!name.empty()) CHECK(stage::has_word(key(name).programs, row.program));
    // What stands there is the table's, or nothing: then the table's is taken.
    for (const auto& [name, own] :
         {std::pair{row.url_key, row.own_url}, std::pair{row.key_name_key, row.own_key_name},
          std::pair{row.model_key, row.own_model}})
      if (!name.empty()) CHECK((key(name).fallback.empty() || key(name).fallback == own));
    if (row.chosen_by == "memory.rerank_model" || row.chosen_by.empty()) continue;
    std::string_view keys = row.chosen_by;
    while (!keys.empty()) {
      const std::string_view name = keys.substr(0, keys.find(' '));
      keys.remove_prefix(std::min(keys.size(), name.size() + 1));
      CHECK(stage::has_word(key(name).choices, row.word));
    }
  }
}

TEST_CASE("a service that is in use is told with the model that it is asked for") {
  CHECK(one({"stt.engine=elevenlabs"}, "ElevenLabs recognition").model == "scribe_v2_realtime");
  CHECK(one({"stt.engine=openai", "stt.url=http://a/v1"}, "OpenAI-compatible recognition").model ==
        "whisper-1");
  CHECK(one({"stt.engine=openai", "stt.url=http://a/v1", "stt.model_name=m"}, "OpenAI-compatible recognition")
            .model == "m");
  CHECK(one({"memory.embedder=voyage"}, "Voyage vectors").model == "voyage-4-lite");
}
