#include <doctest/doctest.h>

#include "home_bench.hpp"

using namespace prot;
using namespace prot::brain;
using namespace prot::test;

namespace {

bool has(const std::string& text, std::string_view piece) { return text.find(piece) != std::string::npos; }

HomeCall call_of(const std::string& service, const std::string& data) {
  const json::Document document = json::parse(R"({"action":"call_service","entity_id":")" + service +
                                              R"(","service_data":)" + data + "}");
  return read_home_call(document.root());
}

}  // namespace

TEST_CASE("the tools are called as in the original, and by nothing else") {
  HomeBench bench;
  HomeAssistantTool home(bench.home);
  HassRequestTool agent(bench.home);
  CHECK(home.description().name == "home_assistant");
  CHECK(agent.description().name == "hass_request");
  CHECK(home.time_limit() == 10 * kSecond);
  CHECK(agent.time_limit() == 15 * kSecond);
  const json::Document schema = json::parse(home.description().schema);
  CHECK(schema.get("required").to_json() == R"(["action","entity_id"])");
  CHECK(schema.get("properties").get("action").get("enum").to_json() == R"(["get_state","call_service"])");
  CHECK(schema.get("properties").size() == 3);
  CHECK(json::parse(agent.description().schema).get("required").to_json() == R"(["command"])");
}

TEST_CASE("a state is told in short") {
  std::string attributes = R"("friendly_name":"거실 불","brightness":128,"options":["a","b"],"token":"x")";
  for (int i = 0; i < 300; ++i)
    attributes += ",\"effect_" + std::to_string(i) + "\":\"" + std::string(400, 'x') + "\"";
  HomeBench bench({{"GET /api/states/light.living_room",
                    {.body = R"({"entity_id":"light.living_room","state":"on","attributes":{)" + attributes +
                             R"(},"last_changed":"2026-11-26T10:00:00+00:00","context":{"id":"1"}})"}}});
  CHECK(bench.state("light.living_room") ==
        R"({"entity_id":"light.living_room","name":"거실 불","state":"on","brightness":128,)"
        R"("last_changed":"2026-11-26T10:00:00+00:00"})");
  REQUIRE(bench.requests().size() == 1);
  CHECK(has(bench.requests()[0], "uthorization: Bearer long-lived-token\r\n"));
  CHECK(has(bench.state("light.hall"), "error: there is no entity light.hall; there are: light."));
  CHECK(has(bench.state("light.gate"), "cover.garage (Big Gate)"));
  CHECK(bench.requests().size() == 1);
}

TEST_CASE("a service call goes out flat, and what changed is told by name") {
  HomeBench bench({{"POST /api/services/light/turn_on",
                    {.body = R"([{"entity_id":"light.living_room","state":"on","attributes":{}}])"}}});
  CHECK(bench.call("light.turn_on", R"({"target":{"entity_id":"light.living_room"},"brightness_pct":40})") ==
        R"({"result":"done","changed":[{"name":"거실 불","state":"on"}]})");
  REQUIRE(bench.requests().size() == 1);
  CHECK(has(bench.requests()[0],
            "\r\n\r\n"
            R"({"entity_id":"light.living_room","brightness_pct":40})"));
  CHECK(bench.call("light.turn_off", R"("{\"entity_id\":[\"light.kitchen\"]}")") ==
        R"({"result":"done","changed":[]})");
}

TEST_CASE("ids are of the pattern and of the list, wherever they stand") {
  HomeBench bench;
  for (const char* id : {"", "light", "light.", ".x", "Light.x", "light.X", "light.a b", "light.a/../b",
                         "light.거실", "light.a.b", "li1ght.a"})
    CHECK_FALSE_MESSAGE(is_entity_id(id), id);
  CHECK(is_entity_id("media_player.tv_2"));
  for (const char* data :
       {R"({"entity_id":"light.hall"})", R"({"entity_id":["light.kitchen","light.hall"]})",
        R"({"entity_id":"light.kitchen, light.hall"})", R"({"target":{"entity_id":"light.hall"}})",
        R"({"entities":{"light.hall":"on"}})", R"({"deep":[{"snapshot_entities":["light.hall"]}]})"})
    CHECK_MESSAGE(has(bench.call("scene.apply", data), "there is no entity light.hall"), data);
  CHECK(has(bench.call("light.turn_on", R"({"entity_id":"light.x/../../y"})"), "is no entity id"));
  CHECK(has(bench.call("light.turn_on", R"({"entity_id":7})"), "must be text"));
  CHECK(has(bench.call("light/turn_on", "{}"), "must be domain.service"));
  CHECK(has(bench.call("light.turn_on", "[]"), "must be an object"));
  CHECK(bench.requests().empty());
  // An id that is not known may be new: the list is fetched again, but not for every one.
  CHECK(bench.lists() <= 2);
}

TEST_CASE("what has its effect on a lock, a cover or an alarm is asked before, and done after a yes") {
  HomeBench bench;
  const std::string data = R"({"entity_id":"lock.front_door"})";
  CHECK(bench.call("lock.unlock", data) == "asks: Unlock 현관문. / 현관문 잠금 해제.");
  CHECK(bench.requests().empty());
  CHECK(has(bench.call("lock.unlock", data, true), "done"));
  CHECK(bench.requests().size() == 1);

  const Entities entities = read_entities(kStates);
  const HomeConsent consent;
  const auto asks = [&](const std::string& service, const std::string& with) {
    return consent.for_call(call_of(service, with), entities).has_value();
  };
  CHECK(asks("cover.open_cover", R"({"entity_id":"cover.garage"})"));
  CHECK(asks("homeassistant.turn_off", R"({"entity_id":["light.kitchen","cover.garage"]})"));
  CHECK(asks("homeassistant.turn_on", R"({"area_id":"hall"})"));
  CHECK(asks("homeassistant.turn_on", R"({"entity_id":"group.covers"})"));  // nobody says what is in it
  CHECK(asks("homeassistant.toggle", "{}"));
  CHECK(asks("homeassistant.restart", "{}"));
  CHECK(asks("scene.apply", R"({"entities":{"lock.front_door":"unlocked"}})"));
  CHECK(asks("alarm_control_panel.alarm_disarm", "{}"));
  CHECK(asks("shell_command.wipe", "{}"));
  CHECK(asks("notify.phone", R"({"data":{"action":"lock.front_door"}})"));
  CHECK_FALSE(asks("light.turn_on", R"({"entity_id":"light.kitchen"})"));
  CHECK_FALSE(asks("light.turn_off", R"({"area_id":"hall"})"));
  CHECK_FALSE(asks("homeassistant.turn_on", R"({"entity_id":"light.kitchen"})"));
}

TEST_CASE("what is not known to be harmless is asked for: a script can open a door") {
  std::string states = "[";
  for (const auto& [id, name] : std::map<std::string, std::string>{{"script.leave", "Leaving Home"},
                                                                   {"scene.movie", "Movie Night"},
                                                                   {"automation.gate", "Open at Dusk"},
                                                                   {"switch.relay_4", "Garage Opener"},
                                                                   {"switch.front_gate", "Relay 5"},
                                                                   {"switch.lamp", "Desk Lamp"},
                                                                   {"input_button.ring", "Ring"},
                                                                   {"media_player.tv", "TV"},
                                                                   {"person.anna", "Anna"},
                                                                   {"zone.home", "Home"},
                                                                   {"light.hall", "Hall Door Light"}})
    states += std::string(states.size() > 1 ? "," : "") + R"({"entity_id":")" + id +
              R"(","attributes":{"friendly_name":")" + name + "\"}}";
  const Entities entities = read_entities(states + "]");
  const auto asked = [&](const HomeConsent& consent, const std::string& service, const std::string& with) {
    const std::optional<Consent> found = consent.for_call(call_of(service, with), entities);
    return found ? found->en : "";
  };
  const HomeConsent usual;
  CHECK(asked(usual, "script.turn_on", R"({"entity_id":"script.leave"})") == "Run Leaving Home.");
  CHECK(asked(usual, "script.leave", "{}") == "Run Leaving Home.");  // a script is a service, too
  CHECK(asked(usual, "script.unheard_of", "{}") == "Run script unheard of.");
  CHECK(asked(usual, "scene.turn_on", R"({"entity_id":"scene.movie"})") == "Activate Movie Night.");
  CHECK(asked(usual, "automation.trigger", R"({"entity_id":"automation.gate"})") == "Run Open at Dusk.");
  CHECK(asked(usual, "input_button.press", R"({"entity_id":"input_button.ring"})") == "Press Ring.");
  CHECK(asked(usual, "notify.phone", R"({"message":"Hello"})") == "Run notify phone: Hello.");
  CHECK(asked(usual, "conversation.process", R"({"text":"unlock the door"})") ==
        "Run conversation process: unlock the door.");
  for (const char* service :
       {"conversation.process", "mqtt.publish", "rest_command.open", "remote.send_command", "camera.turn_off",
        "device_tracker.see", "homeassistant.restart", "of_tomorrow.run"})
    CHECK_MESSAGE(!asked(usual, service, R"({"text":"unlock the door"})").empty(), service);
  // Whichever way it is reached.
  CHECK(!asked(usual, "homeassistant.turn_on", R"({"entity_id":"script.leave"})").empty());
  CHECK(!asked(usual, "light.turn_on", R"({"entity_id":["light.hall","script.leave"]})").empty());
  CHECK(!asked(usual, "light.turn_on", R"({"next":{"run":"script.unheard_of"}})").empty());
  CHECK(!asked(usual, "media_player.play_media", R"({"media_content_id":"input_button.ring"})").empty());
  // A relay is a switch.
  CHECK(asked(usual, "switch.turn_on", R"({"entity_id":"switch.relay_4"})") == "Switch Garage Opener on.");
  CHECK(!asked(usual, "homeassistant.toggle", R"({"entity_id":"switch.front_gate"})").empty());

  for (const auto& [service, with] : std::map<std::string, std::string>{
           {"switch.turn_on", R"({"entity_id":"switch.lamp"})"},
           {"light.turn_on", R"({"entity_id":"light.hall"})"},
           {"media_player.play_media",
            R"({"entity_id":"media_player.tv","media_content_id":"song.mp_four"})"},
           {"homeassistant.update_entity", R"({"entity_id":"automation.gate"})"},
           {"tts.speak", R"({"media_player_entity_id":"media_player.tv","message":"Dinner"})"},
           {"todo.add_item", R"({"item":"milk"})"},
           {"vacuum.start", "{}"},
           {"climate.set_temperature", R"({"temperature":21})"}})
    CHECK(asked(usual, service, with) == "");

  const HomeConsent own({"light", "fan"}, {"scene", "script", "switch", "fan"});
  CHECK(!asked(own, "light.turn_on", "{}").empty());
  CHECK(!asked(own, "fan.turn_on", "{}").empty());  // in both
  CHECK(asked(own, "scene.turn_on", R"({"entity_id":"scene.movie"})").empty());
  CHECK(asked(own, "script.leave", "{}").empty());
  CHECK(asked(own, "switch.turn_on", R"({"entity_id":"switch.relay_4"})").empty());
  CHECK(!asked(own, "automation.trigger", R"({"entity_id":"automation.gate"})").empty());
  CHECK(!asked(own, "lock.unlock", "{}").empty());

  const auto told = [&](const HomeConsent& consent, const char* words) {
    return consent.for_words(words, entities).has_value();
  };
  for (const char* grave : {"it is time for leaving home", "movie night please", "start the script",
                            "open all doors", "영화 장면 켜줘"})
    CHECK_MESSAGE(told(usual, grave), grave);
  for (const char* light :
       {"turn on the light at home", "tell Anna that dinner is ready", "TV on", "desk lamp off"})
    CHECK_MESSAGE(!told(usual, light), light);
  CHECK_FALSE(told(own, "movie night please"));
  CHECK(told(HomeConsent({"person"}), "tell Anna that dinner is ready"));
}

TEST_CASE("the conversation agent is told in plain words; what names a lock or the like only after a yes") {
  HomeBench bench(
      {{"POST /api/conversation/process",
        {.body = R"({"response":{"response_type":"action_done","speech":{"plain":{"speech":"켰어요"}},)"
                 R"("data":{"failed":[]}},"conversation_id":"c1","continue_conversation":true})"}}});
  CHECK(bench.ask("거실 불 켜줘") == R"({"result":"켰어요"})");
  REQUIRE(bench.requests().size() == 1);
  CHECK(has(bench.requests()[0], R"({"text":"거실 불 켜줘","language":"ko"})"));
  for (const char* grave : {"현관문 열어줘", "문 좀 열어 줘", "Unlock the door", "open the garage", "disarm",
                            "커튼 닫아줘", "switch big gate", "도어락 풀어"})
    CHECK_MESSAGE(bench.ask(grave).starts_with("asks: "), grave);
  CHECK(bench.ask("Unlock! \"now\"").starts_with("asks: Tell Home Assistant: Unlock   now. /"));
  CHECK(bench.requests().size() == 1);
  CHECK(has(bench.ask("현관문 열어줘", true), "켰어요"));
  CHECK(has(bench.ask("  "), "error: command"));
}

TEST_CASE("the first sentence for the agent waits for the list: without it a script's name says nothing") {
  HomeBench bench(
      {{"GET /api/states",
        {.body = R"([{"entity_id":"script.evening","attributes":{"friendly_name":"Movie night"}}])"}}});
  CHECK(bench.ask("movie night").starts_with("asks: Tell Home Assistant: movie night. /"));
  CHECK(bench.requests().empty());
}

TEST_CASE("status 200 does not mean that it was done") {
  CHECK_THROWS_WITH(
      (void)told_agent(
          R"({"response":{"response_type":"error","speech":{"plain":{"speech":"No such light"}},)"
          R"("data":{"code":"no_valid_targets"}}})"),
      "the home could not do it (no_valid_targets): No such light");
  CHECK_THROWS_WITH((void)told_agent(R"({"response":{"response_type":"error","speech":{}}})"),
                    "the home could not do it (unknown)");
  CHECK_THROWS((void)told_agent("[]"));
  CHECK_THROWS((void)told_agent("<html>"));
  CHECK(
      told_agent(
          R"({"response":{"response_type":"action_done","speech":{},"data":{"failed":[{"name":"TV"}]}}})") ==
      R"({"result":"done, without a word","failed":["TV"]})");
  CHECK(told_agent(
            R"({"response":{"response_type":"query_answer","speech":{"ssml":{"speech":"21 degrees"}}}})") ==
        R"({"result":"21 degrees"})");
}

TEST_CASE("a refused token is said once and not tried again: Home Assistant bans who tries") {
  HomeBench bench(
      {{"POST /api/conversation/process", {.status = "401 Unauthorized", .body = "401: Unauthorized"}}});
  CHECK(has(bench.ask("hello"), "refuses the access token"));
  CHECK(has(bench.ask("hello"), "refuses the access token"));
  CHECK(has(bench.state("light.kitchen"), "refuses the access token"));
  CHECK(bench.requests().size() == 1);

  HomeBench list({{"GET /api/states", {.status = "403 Forbidden", .body = "403: Forbidden"}}});
  CHECK(has(list.state("light.kitchen"), "refuses the access token"));
  CHECK(list.requests().empty());
}

TEST_CASE("each way to fail is told in words, in time, without the token") {
  const auto failing = [](HomeBench::Answer answer) {
    HomeOptions options;
    options.time_limit = 2 * kSecond;
    HomeBench bench({{"POST /api/services/light/turn_on", std::move(answer)}}, options);
    return bench.call("light.turn_on", R"({"entity_id":"light.kitchen"})");
  };
  const std::string unsure = "; whether the call took effect is not known";
  CHECK(failing({.status = "400 Bad Request", .body = "400: Bad Request"}) ==
        "error: Home Assistant does not take that call (400)");
  CHECK(failing({.status = "400 Bad Request", .body = R"({"message":"Data should be valid JSON."})"}) ==
        "error: Home Assistant does not take that call (400): Data should be valid JSON.");
  CHECK(failing({.status = "500 Internal Server Error", .body = "long-lived-token"}) ==
        "error: Home Assistant failed (500)" + unsure);
  CHECK(failing({.status = "503 Service Unavailable", .body = ""}) ==
        "error: Home Assistant failed (503)" + unsure);
  CHECK(failing({.hangs = true}) ==
        "error: Home Assistant cannot be reached, or does not answer in time" + unsure);
  CHECK(failing({.resets = true}) ==
        "error: Home Assistant cannot be reached, or does not answer in time" + unsure);
  CHECK(has(failing({.body = ""}), "error: "));
  CHECK(has(failing({.body = "<html>"}), "error: "));
  CHECK(has(failing({.body = "{}"}), "makes no sense"));
  std::string blanks;
  blanks.resize(10'000'000, ' ');
  CHECK(failing({.body = "[" + blanks + "]"}) ==
        R"({"result":"done","changed":"more entities than can be listed"})");
}

TEST_CASE("the time limits of a request are those of the configuration") {
  HomeOptions options;
  options.connect_timeout = 700 * kMillisecond;
  const HomeBench bench({}, options);
  const http::Request request = bench.home->link.request("GET", "/api/states", 4 * kSecond);
  CHECK(request.connect_timeout_ms == 700);
  CHECK(request.total_timeout_ms == 4000);
}

TEST_CASE("a home that is down, or a list that makes no sense, is an error of every use, not a wait") {
  HomeBench down({{"GET /api/states", {.resets = true}}});
  CHECK(has(down.call("light.turn_on", R"({"entity_id":"light.kitchen"})"),
            "error: Home Assistant cannot be reached"));
  HomeBench odd({{"GET /api/states", {.body = R"({"message":"?"})"}}});
  CHECK(has(odd.state("light.kitchen"), "error: Home Assistant's list of entities makes no sense"));
}

TEST_CASE("a use that nobody waits for any more closes what it had open") {
  HomeBench bench({{"GET /api/states/light.kitchen", {.hangs = true}}});
  HomeAssistantTool tool(bench.home);
  const json::Document arguments = json::parse(R"({"action":"get_state","entity_id":"light.kitchen"})");
  std::unique_ptr<ToolUse> use = tool.start(arguments.root(), 0);
  CHECK(bench.finish(*use, 300) == "nothing");
  use.reset();
  CHECK(bench.sees_close());
}

TEST_CASE("a list of any size is bounded, and odd entries are left out") {
  std::string states =
      "[{},{\"entity_id\":7},null,{\"entity_id\":\"light.a\",\"attributes\":{\"friendly_name\":\"" +
      std::string(5000, 'n') + "\"}}";
  for (int i = 0; i < 12'000; ++i) states += ",{\"entity_id\":\"sensor.s" + std::to_string(i) + "\"}";
  const Entities entities = read_entities(states + "]");
  CHECK(entities.names.size() == Entities::kMost);
  CHECK(entities.name_of("light.a").size() == Entities::kLongestName);
  CHECK(entities.name_of("sensor.s1") == "sensor.s1");
}

TEST_CASE("the token goes unencrypted to this machine and the home's network, elsewhere only when told so") {
  for (const char* url :
       {"http://127.0.0.1:8123", "http://localhost:8123/api", "http://homeassistant.local:8123",
        "http://homeassistant:8123", "http://192.168.1.5", "http://10.1.2.3:1", "http://172.31.0.1",
        "http://[fd00::1]:8123", "http://[::1]:8123", "http://ha.home.arpa"})
    CHECK_MESSAGE(home_is_safe(url, "home"), url);
  for (const char* url : {"http://example.com", "http://8.8.8.8", "http://172.32.0.1", "http://[2001:db8::1]",
                          "http://10.0.0.1@example.com", "http://homeassistant.local.example.com", "ftp",
                          "http://134744072", "http://0x08080808"})
    CHECK_FALSE_MESSAGE(home_is_safe(url, "home"), url);
  CHECK(home_is_safe("https://example.com", "never"));
  CHECK(home_is_safe("http://example.com", "always"));
  CHECK_FALSE(home_is_safe("http://192.168.1.5", "never"));
}
