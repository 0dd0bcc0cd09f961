#include "stage/config.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <set>

#include "base/error.hpp"
#include "tests/support/temp_folder.hpp"

using prot::stage::Config;
using prot::stage::ConfigError;
using prot::stage::ConfigKey;
using prot::stage::ConfigType;
using prot::stage::PlacedValue;

namespace {
std::string write(const prot::test::TempFolder& folder, const std::string& text) {
  const std::string path = (folder.path() / "prot.toml").string();
  std::ofstream(path) << text;
  return path;
}

std::string error_of(const std::string& file, const std::vector<std::string>& overrides = {}) {
  try {
    (void)Config::load(file, overrides);
  } catch (const prot::UsageError& e) {
    return e.what();
  }
  return "";
}
}  // namespace

TEST_CASE("without a file every key has its default") {
  const Config config = Config::load("/nonexistent/prot.toml", {});
  CHECK(config.get_int("capture.end_of_turn_ms") == 750);
  CHECK(config.get_double("capture.vad_threshold") == doctest::Approx(0.5));
  CHECK(config.get_bool("brain.barge_in"));
  CHECK(config.get_string("tts.voice_en") == "piper");
}

TEST_CASE("an override beats the file") {
  const prot::test::TempFolder folder;
  const std::string file = write(folder, "[capture]\nend_of_turn_ms = 700\nsource = \"null\"\n");
  CHECK(Config::load(file, {}).get_int("capture.end_of_turn_ms") == 700);
  CHECK(Config::load(file, {"capture.end_of_turn_ms=800"}).get_int("capture.end_of_turn_ms") == 800);
  CHECK(Config::load(file, {"capture.end_of_turn_ms=800"}).get_string("capture.source") == "null");
}

TEST_CASE("an unknown key is an error with file, line and the nearest known name") {
  const prot::test::TempFolder folder;
  const std::string file = write(folder, "[capture]\n\nend_of_turn = 700\n");
  const std::string error = error_of(file);
  CHECK(error.find(file + ":3:") == 0);
  CHECK(error.find("capture.end_of_turn_ms") != std::string::npos);
}

TEST_CASE("a wrong type, a value out of range and broken TOML are errors that name the place") {
  const prot::test::TempFolder folder;
  CHECK(error_of(write(folder, "[stt]\nthreads = \"two\"\n")).find(":2:") != std::string::npos);
  CHECK(error_of(write(folder, "[stt]\nthreads = 0\n")).find("1 to 64") != std::string::npos);
  CHECK(error_of(write(folder, "[stt\n")).find(":1:") != std::string::npos);
  CHECK(error_of(folder.path().string()).find("folder") != std::string::npos);
  CHECK(error_of("", {"stt.threads=many"}).find("number") != std::string::npos);
  CHECK(error_of("", {"stt.threads"}).find("unknown") == std::string::npos);
}

TEST_CASE("every mistake of a file is told, in the order of its lines") {
  const prot::test::TempFolder folder;
  const std::string file =
      write(folder,
            "[tts]\nvoice_en = \"pipper\"\n[stt]\nthreads = 65\nengine = 3\npartials = 1\n"
            "[brain]\ntemperature = nan\n[sttt]\na = 1\n[memory.more]\nx = 1\n");
  std::vector<std::string> lines;
  try {
    (void)Config::load(file, {"stt.threads=0", "nonsense"});
  } catch (const ConfigError& e) {
    lines = e.lines();
  }
  REQUIRE(lines.size() == 9);  // of what is in an unknown section nothing is said
  for (const auto& expected : std::vector<std::pair<std::size_t, std::string>>{
           {0,
            ":2: tts.voice_en must be one of auto, piper, espeak, elevenlabs, openai, wyoming, tone, null, "
            "not "
            "'pipper'"},
           {1, ":4: stt.threads = 65 is out of range: 1 to 64 threads"},
           {2,
            ":5: stt.engine has the wrong type: auto, whisper, elevenlabs, openai, wyoming, null is "
            "expected, in "
            "quotes"},
           {3, ":6: stt.partials has the wrong type: true or false is expected"},
           {4, ":8: brain.temperature must be a number"},
           {5, ":9: unknown section [sttt]; did you mean [stt]?"},
           {6, ":11: unknown key 'memory.more'"}})
    CHECK_MESSAGE(lines[expected.first].starts_with(file + expected.second), lines[expected.first]);
  CHECK(lines[7] == "--set: stt.threads = 0 is out of range: 1 to 64 threads");
  CHECK(lines[8] == "--set nonsense: expected KEY=VALUE");
}

TEST_CASE("a key without its section, or with a wrong one, is near to the right one") {
  CHECK(prot::stage::nearest_key("voice_en") == "tts.voice_en");
  CHECK(prot::stage::nearest_key("speech.end_of_turn_ms") == "capture.end_of_turn_ms");
  CHECK(prot::stage::nearest_key("stt.thread") == "stt.threads");
}

TEST_CASE("a message shows no password of a URL, and nothing behind a control character") {
  using prot::stage::shown_text;
  CHECK(shown_text("https://u:s3cret@h:8/v1?a@b") == "https://***@h:8/v1?a@b");
  CHECK(shown_text("https://u:p@q@h") == "https://***@h");
  CHECK(shown_text("https://h/v1?u=a@b") == "https://h/v1?u=a@b");
  CHECK(shown_text("loud\rDATABASE_URL=x") == "loud...");
  CHECK(shown_text("me@home") == "me@home");
  CHECK(shown_text("a\xC2\x9B[2J") == "a...");    // the same as ESC [ for some terminals
  CHECK(shown_text("a\xE2\x80\xAE.") == "a...");  // turns what follows around
  CHECK(shown_text("\xEA\xB0\x80\xC2\xA0") == "\xEA\xB0\x80\xC2\xA0");
  CHECK(error_of("", {"general.log_level=loud\nSECRET=x"}).find("SECRET") == std::string::npos);
}

TEST_CASE("what a mistake quotes of the file cannot steer a terminal") {
  const prot::test::TempFolder folder;
  const std::string file = write(folder, "[web]\nenabled = tr\x1B[2Jue\n");
  const std::string error = error_of(file);
  CHECK(error.starts_with(file + ":2: "));
  CHECK_MESSAGE(error.find('\x1B') == std::string::npos, error);
}

TEST_CASE("the environment beats the file, has its own units, and is told by its place") {
  const prot::test::TempFolder folder;
  const std::string file = write(folder, "[capture]\nend_of_turn_ms = 700\n");
  std::map<std::string, std::string, std::less<>> environment = {{"STT_SILENCE_THRESHOLD_SECS", "0.8"},
                                                                 {"LOG_LEVEL", "WARNING"},
                                                                 {"BARGE_IN_ENABLED", "No"},
                                                                 {"STT_LANGUAGE", "ko"},
                                                                 {"RAG_CONTEXT_TARGET_TOKENS", "4096"},
                                                                 {"ACTIVE_TIMEOUT", ""}};
  const auto find = [&](std::string_view name) -> std::optional<PlacedValue> {
    const auto found = environment.find(name);
    if (found == environment.end()) return std::nullopt;
    return PlacedValue{found->second, "there: "};
  };
  const Config config = Config::load({.file = file, .environment = find});
  CHECK(config.get_int("capture.end_of_turn_ms") == 800);
  CHECK(config.get_string("general.log_level") == "warn");
  CHECK_FALSE(config.get_bool("brain.barge_in"));
  CHECK(config.language() == "ko");
  CHECK(config.get_int("memory.recall_tokens") == 4096);
  CHECK(config.get_double("brain.active_timeout_s") == doctest::Approx(30));  // empty: not set
  CHECK(config.place("capture.end_of_turn_ms") == "there: ");
  environment = {{"STT_SILENCE_THRESHOLD_SECS", "9"}, {"STT_LANGUAGE", "ja"}};
  try {
    (void)Config::load({.environment = find});
    FAIL("it was accepted");
  } catch (const ConfigError& e) {
    CHECK(e.lines() ==
          std::vector<std::string>{"there: general.language must be one of auto, en, ko, not 'ja'",
                                   "there: capture.end_of_turn_ms = 9 is out of range: 0.1 to 3"});
  }
}

TEST_CASE("a key has its old name in the environment too, which is weaker") {
  std::map<std::string, std::string, std::less<>> environment = {{"PROT_TRACEMALLOC", "1"}};
  const auto wanted = [&] {
    return Config::load({.environment = [&](std::string_view name) -> std::optional<PlacedValue> {
             const auto found = environment.find(name);
             if (found == environment.end()) return std::nullopt;
             return PlacedValue{found->second, "there: "};
           }})
        .get_bool("general.heap_profile");
  };
  CHECK(wanted());
  environment["PROT_HEAP_PROFILE"] = "0";
  CHECK_FALSE(wanted());
  environment = {{"PROT_HEAP_PROFILE", "1"}};
  CHECK(wanted());
  environment = {};
  CHECK_FALSE(wanted());
}

TEST_CASE("a list is a TOML array, or JSON in the environment") {
  using List = std::vector<std::string>;
  const prot::test::TempFolder folder;
  const std::string file = write(folder, "[stt]\nkey_terms = [\"http://a\", \"b, \\\"c\\\"\"]\n");
  CHECK(Config::load(file, {}).get_list("stt.key_terms") == List{"http://a", "b, \"c\""});
  CHECK(Config::load("", {}).get_list("stt.key_terms").empty());
  const auto set = [](const std::string& json) { return "stt.key_terms=" + json; };
  CHECK(Config::load("", {set(R"([ "x" , "y" ])")}).text("stt.key_terms") == R"(["x","y"])");
  CHECK(error_of("", {set("http://a")})
            .find(R"(must be a list of texts, as in ["one", "two"], not 'http://a')") != std::string::npos);
  CHECK(error_of("", {set(R"("http://a")")}).find("a list of texts") != std::string::npos);
  CHECK(error_of("", {set(R"(["a", 2])")}).find("element 2 is no text: 2") != std::string::npos);
  CHECK(error_of(write(folder, "[stt]\nkey_terms = [\"a\", 2]\n")).find(":2: ") != std::string::npos);
  CHECK(error_of(write(folder, "[stt]\nkey_terms = \"a\"\n")).find("wrong type") != std::string::npos);
}

TEST_CASE("an origin or a name that no request can have is refused with the key and what it should be") {
  const auto set = [](const char* key, const std::string& text) {
    return error_of("", {std::string("web.") + key + "=[\"http://a:1\", \"" + text + "\"]"});
  };
  CHECK(set("cors_origins", "https://b").empty());
  for (const char* text : {"*", "null", "http://lamp.local:8080/", "lamp.local", "http://Lamp.local"})
    CHECK_MESSAGE(
        set("cors_origins", text)
                .find("web.cors_origins must be a list of origins as browsers send them (http://NAME or "
                      "http://NAME:PORT, lower case, no path; not null, which any page can be), not '" +
                      std::string(text) + "'") != std::string::npos,
        text);
  const auto host = [](const std::string& text) { return error_of("", {"web.hosts=[\"" + text + "\"]"}); };
  for (const char* text : {"lamp.local", "lamp:8000", "192.0.2.1", "fd00::2", "[fd00::2]:8000"})
    CHECK_MESSAGE(host(text).empty(), text);
  for (const char* text : {"*", "*.local", "http://lamp.local", "lamp/", "", "[fd00"})
    CHECK_MESSAGE(
        host(text).find("web.hosts must be a list of names and addresses (no http://, no path, no *), not '" +
                        std::string(text) + "'") != std::string::npos,
        text);
}

TEST_CASE("a list of a closed set has known words only; one word alone is a list of one, none an empty one") {
  using List = std::vector<std::string>;
  const prot::test::TempFolder folder;
  const auto voices = [](const std::string& file, const std::string& set) {
    return Config::load(file, set.empty() ? List{} : List{"tts.fallback_en=" + set})
        .get_list("tts.fallback_en");
  };
  CHECK(voices("", "") == List{"espeak"});
  CHECK(voices("", R"(["OpenAI", "piper"])") == List{"openai", "piper"});
  CHECK(voices("", "tone") == List{"tone"});
  CHECK(voices("", "none").empty());
  CHECK(voices("", "[]").empty());
  CHECK(voices(write(folder, "[tts]\nfallback_en = [\"wyoming\", \"espeak\"]\n"), "") ==
        List{"wyoming", "espeak"});
  CHECK(voices(write(folder, "[tts]\nfallback_en = \"piper\"\n"), "") == List{"piper"});
  for (const char* wrong : {"parrot", R"(["espeak", "parrot"])"})
    CHECK(error_of("", {std::string("tts.fallback_en=") + wrong}).find("one of espeak, piper") !=
          std::string::npos);
}

TEST_CASE("a snapshot is the same configuration, and holds no secret of another program") {
  const Config config = Config::load(
      "", {"stt.threads=3", "memory.database_url=postgresql://u:secret@h/d", "brain.temperature=0.7"});
  const Config brain = Config::from_snapshot(config.snapshot("brain"));
  const Config memory = Config::from_snapshot(config.snapshot("memory"));
  CHECK(config.snapshot("brain").find("secret") == std::string::npos);
  CHECK(brain.get_string("memory.database_url").empty());
  for (const ConfigKey& key : prot::stage::config_keys())
    CHECK(memory.text(key.name) == config.text(key.name));
  CHECK_THROWS_AS((void)Config::from_snapshot(R"({"stt.threads":"many"})"), ConfigError);
  CHECK_THROWS_AS((void)Config::from_snapshot("{"), prot::Error);
}

TEST_CASE("every number has a range and says its unit in its name") {
  const std::map<std::string_view, std::string_view> endings = {
      {"ms", "_ms"},          {"s", "_s"},
      {"tokens", "_tokens"},  {"windows", "_windows"},
      {"threads", "threads"}, {"words/min", "_wpm"},
      {"row", "_index"},      {"turns", "_turns"},
      {"days", "_days"},      {"uses", "_uses"},
      {"MiB", "_mib"},        {"Hz", "_hz"},
      {"KiB", "_kib"},        {"numbers", "_dimension"},
      {"memories", "_top_k"}, {"port", "port"},
      {"calls", "_calls"},    {"thousand tokens", "_kilotokens"},
      {"letters", "letters"}};
  for (const ConfigKey& key : prot::stage::config_keys()) {
    CAPTURE(key.name);
    CHECK_FALSE(key.comment.empty());
    const bool number = key.type == ConfigType::kInt || key.type == ConfigType::kDouble;
    if (!number) {  // of a list: what each text is
      CHECK((key.unit.empty() ||
             (key.type == ConfigType::kList && (key.unit == "hosts" || key.unit == "origins"))));
      continue;
    }
    CHECK_FALSE(key.unit.empty());
    CHECK(key.minimum < key.maximum);
    if (key.unit == "probability" || key.unit == "ratio") continue;  // numbers without a dimension
    if (key.unit == "connections") {  // the original's names, DB_POOL_MIN and DB_POOL_MAX
      CHECK(key.name.find("_pool_") != std::string_view::npos);
      continue;
    }
    REQUIRE(endings.contains(key.unit));
    CHECK(key.name.ends_with(endings.at(key.unit)));
  }
}

TEST_CASE("the table is consistent: one row a name, known programs, deviations of keys that are there") {
  std::set<std::string_view> names;
  for (const ConfigKey& key : prot::stage::config_keys()) {
    CAPTURE(key.name);
    CHECK(names.insert(key.name).second);
    if (!key.environment.empty()) CHECK(names.insert(key.environment).second);
    if (!key.also.empty()) CHECK(names.insert(key.also).second);
    for (std::string_view rest = key.programs; !rest.empty();) {
      const std::string_view program = rest.substr(0, rest.find(' '));
      CHECK(prot::stage::has_word("capture stt brain tts player memory llm db web", program));
      rest.remove_prefix(std::min(rest.size(), program.size() + 1));
    }
  }
  for (const auto& row : prot::stage::original_defaults()) {
    CAPTURE(row.key);
    const ConfigKey* key = prot::stage::find_key(row.key);
    REQUIRE(key != nullptr);
    CHECK((row.value == key->fallback) == row.reason.empty());  // a deviation is explained
  }
}

TEST_CASE("every key makes the way from the example through a file and a snapshot, with any allowed value") {
  const prot::test::TempFolder folder;
  const std::string example = Config::example();
  for (const ConfigKey& key : prot::stage::config_keys()) {
    CAPTURE(key.name);
    const std::string name(key.name.substr(key.name.find('.') + 1));
    const std::string section(key.name.substr(0, key.name.find('.')));
    CHECK(example.find("#" + name + " = ") != std::string::npos);
    std::vector<std::string> values;  // as TOML has them
    if (key.type == ConfigType::kBool) values = {"true", "false"};
    if (key.type == ConfigType::kList) values = {"[]"};
    const bool models = key.name == "brain.flags" || key.name.ends_with(".fallback");  // not any word will do
    if (key.type == ConfigType::kList && !models && key.choices.empty())
      values.emplace_back(key.unit == "origins" ? R"(["http://a"])" : R"(["a"])");
    if (key.type == ConfigType::kTables) values = {"[]", R"([{name = "a", command = ["b", "c"]}])"};
    if (key.type == ConfigType::kInt)
      values = {std::to_string(static_cast<long>(key.minimum)),
                std::to_string(static_cast<long>(key.maximum))};
    if (key.type == ConfigType::kDouble) values = {std::to_string(key.minimum), std::to_string(key.maximum)};
    if (key.type == ConfigType::kString && key.choices.empty()) values = {R"("/some/where # \"x\" 한")"};
    for (std::string_view rest = key.choices; !rest.empty();) {
      const std::string_view choice = rest.substr(0, rest.find(' '));
      values.push_back("\"" + std::string(choice.substr(0, choice.find('|'))) + "\"");
      rest.remove_prefix(std::min(rest.size(), choice.size() + 1));
    }
    for (const std::string& value : values) {
      const std::string file = write(folder, "[" + section + "]\n" + name + " = " + value + "\n");
      REQUIRE(error_of(file) == "");
      const Config config = Config::load(file, {});
      CHECK(config.place(key.name) == file + ":2: ");
      CHECK(Config::load("", {std::string(key.name) + "=" + config.text(key.name)}).text(key.name) ==
            config.text(key.name));
      CHECK(Config::from_snapshot(config.snapshot("memory")).text(key.name) == config.text(key.name));
    }
  }
}

TEST_CASE("the example is itself a valid configuration") {
  const prot::test::TempFolder folder;
  const std::string example = Config::example();
  CHECK(error_of(write(folder, example)).empty());
  // With every key set to its default as well.
  std::string active;
  for (std::size_t i = 0; i < example.size(); ++i) {
    const bool at_key = example[i] == '#' && i + 1 < example.size() && example[i + 1] != ' ';
    if (!at_key) active += example[i];
  }
  const std::string file = write(folder, active);
  REQUIRE(error_of(file) == "");
  const Config defaults = Config::load("", {});
  const Config read = Config::load(file, {});
  for (const ConfigKey& key : prot::stage::config_keys()) {
    CHECK(read.text(key.name) == defaults.text(key.name));
    CHECK(read.place(key.name).starts_with(file));
  }
}

TEST_CASE("a list of tables has known fields, required ones, and names of its own") {
  const prot::test::TempFolder folder;
  const std::string good =
      "[[mcp.servers]]\nname = \"files\"\ncommand = [\"server\", \"--root\"]\nconfirm = [\"*\"]\nfree = "
      "[\"a\"]\n";
  const Config config =
      Config::load(write(folder, good + "[[mcp.servers]]\nname=\"b\"\ncommand=[\"b\"]\n"), {});
  CHECK(
      config.get_tables("mcp.servers") ==
      R"([{"name":"files","command":["server","--root"],"confirm":["*"],"free":["a"]},{"name":"b","command":["b"]}])");
  const auto wrong = [&](const std::string& text) { return error_of(write(folder, text)); };
  CHECK(wrong(good + good).find("table 2: another one has that name") != std::string::npos);
  CHECK(wrong("[[mcp.servers]]\nname = \"a\"\n").find("'command' is missing") != std::string::npos);
  CHECK(wrong("[[mcp.servers]]\nname = \"a b\"\ncommand = [\"x\"]\n").find("'name' has") !=
        std::string::npos);
  CHECK(wrong("[[mcp.servers]]\nname = \"a\"\ncommand = \"x\"\n").find("a list of texts") !=
        std::string::npos);
  CHECK(wrong("[[mcp.servers]]\nname = \"a\"\ncommand = []\n").find("a list of texts") != std::string::npos);
  CHECK(wrong("[[mcp.servers]]\nname = \"a\"\ncommand = [1]\n").find("a list of texts") != std::string::npos);
  CHECK(wrong(good + "args = []\n").find("unknown key 'args'") != std::string::npos);
  CHECK(wrong("[mcp]\nservers = 3\n").find("wrong type") != std::string::npos);
  CHECK(wrong("[mcp]\nservers = [3]\n").find("is no table") != std::string::npos);
}
