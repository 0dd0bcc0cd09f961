// .env files, the layers of the environment, and what a reload would do.
#include "configuration.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "env_bench.hpp"
#include "environment_names.hpp"
#include "programs.hpp"
#include "reload.hpp"

using namespace prot::supervisor;
using prot::stage::Config;
using test::Lines;
using test::Variable;
using test::write_env;

namespace {

std::vector<std::pair<std::string, std::string>> pairs(std::string_view text) {
  Lines errors;
  std::vector<std::pair<std::string, std::string>> found;
  for (const EnvEntry& entry : parse_env(".env", text, errors)) found.emplace_back(entry.name, entry.value);
  CHECK(errors == Lines{});
  return found;
}

Lines errors_of(std::string_view text) {
  Lines errors;
  (void)parse_env(".env", text, errors);
  return errors;
}

ConfigRequest with_env(const std::string& path) { return {.env_file = path}; }

Lines refused(const ConfigRequest& request, const LayeredEnvironment& environment = {}) {
  try {
    (void)load_configuration(request, environment);
  } catch (const prot::stage::ConfigError& e) {
    return e.lines();
  }
  return {};
}

ReloadPlan plan(const Lines& from, const Lines& to) {
  return plan_reload(Config::load("", from), Config::load("", to), {});
}

}  // namespace

TEST_CASE("a .env file has comments, export, and two kinds of quotes") {
  using Pairs = std::vector<std::pair<std::string, std::string>>;
  CHECK(pairs("") == Pairs{});
  CHECK(pairs("# only a comment\n\n   \t\n") == Pairs{});
  CHECK(pairs("A=1\nB = 2 \n export C=3\nexport\tD=4") ==
        Pairs{{"A", "1"}, {"B", "2"}, {"C", "3"}, {"D", "4"}});
  CHECK(pairs("A=x # comment\nB=x#y\nC=#z\nD= # nothing\nE=") ==
        Pairs{{"A", "x"}, {"B", "x#y"}, {"C", "#z"}, {"D", ""}, {"E", ""}});
  CHECK(pairs("A='a \"b\" # \\n $C'  # c\nB=\"a 'b' # c\\n\\t\\\"\\\\\\$\\q\" # d") ==
        Pairs{{"A", "a \"b\" # \\n $C"}, {"B", "a 'b' # c\n\t\"\\$\\q"}});
  CHECK(pairs("A=it's\nL=[\"http://a\", \"http://b\"] # list\nexported=1") ==
        Pairs{{"A", "it's"}, {"L", "[\"http://a\", \"http://b\"]"}, {"exported", "1"}});
  CHECK(pairs("A=1\r\nB='2'\r\n") == Pairs{{"A", "1"}, {"B", "2"}});
}

TEST_CASE("each bad line of a .env file is told with its number, and never repeated: it may hold a secret") {
  const Lines errors =
      errors_of("A=1\nsk-secret\n1X=2\nB='open\nC=\"open\\\"\nD='x'y\nE=\"x\"#y\nA B=3\n=4\n");
  CHECK(errors == Lines{".env:2: expected NAME=value",
                        ".env:3: a name has letters, digits and _, and begins with no digit",
                        ".env:4: the quote ' is not closed", ".env:5: the quote \" is not closed",
                        ".env:6: there is text behind the closing quote",
                        ".env:7: there is text behind the closing quote",
                        ".env:8: a name has letters, digits and _, and begins with no digit",
                        ".env:9: a name has letters, digits and _, and begins with no digit"});
}

TEST_CASE("a .env that nobody asked for may be missing, or be a folder; one that was named may not") {
  const prot::test::TempFolder folder;
  const std::string path = (folder.path() / ".env").string();
  CHECK(refused(with_env(path)).empty());
  CHECK(refused({.env_file = path, .env_file_required = true}) == Lines{path + ": is not there"});
  REQUIRE(::mkdir(path.c_str(), 0700) == 0);
  CHECK(refused(with_env(path)).empty());
  CHECK(refused({.env_file = path, .env_file_required = true}) == Lines{path + ": is a folder, not a file"});
}

TEST_CASE("a .env that is another user's, or that others may change, is not obeyed") {
  const prot::test::TempFolder folder;
  const std::string path = write_env(folder, "HASS_URL=http://elsewhere\n", 0640);
  CHECK(refused(with_env(path)).empty());
  write_env(folder, "HASS_URL=http://elsewhere\n", 0666);
  CHECK(refused(with_env(path)) == Lines{path + ": is not obeyed: it may be changed by others (mode 666)"});
  write_env(folder, "HASS_URL=http://elsewhere\n");
  if (::geteuid() != 0) return;  // only root gives a file away
  REQUIRE(::chown(path.c_str(), 12345, 12345) == 0);
  CHECK(refused(with_env(path)) == Lines{path + ": is not obeyed: it belongs to user 12345, not to you"});
}

TEST_CASE("the real environment beats .env, also when it is empty; the last line of a name counts") {
  const prot::test::TempFolder folder;
  const Variable one("VAD_THRESHOLD", "0.6");
  const Variable none("CLAUDE_MAX_TOKENS", "");
  const std::string path =
      write_env(folder, "VAD_THRESHOLD=0.7\nCLAUDE_MAX_TOKENS=99\nACTIVE_TIMEOUT=7\nACTIVE_TIMEOUT=8\n");
  const Config config = load_configuration(with_env(path), {}).config;
  CHECK(config.get_double("capture.vad_threshold") == doctest::Approx(0.6));
  CHECK(config.get_int("brain.max_tokens") == 0);  // the default
  CHECK(config.get_double("brain.active_timeout_s") == doctest::Approx(8));
  CHECK(config.place("brain.active_timeout_s") == path + ":4: ACTIVE_TIMEOUT: ");
}

TEST_CASE("mistakes of every source come together, each with its place") {
  const prot::test::TempFolder folder;
  const std::string toml = (folder.path() / "prot.toml").string();
  std::ofstream(toml) << "[stt]\nthreads = 0\n";
  const std::string path = write_env(folder, "RAG_TOP_K=two\nnonsense\nSTT_LANGUAGE=klingon\n");
  const Lines lines = refused({.file = toml, .env_file = path, .overrides = {"a=b"}});
  REQUIRE(lines.size() == 5);
  CHECK(lines[0] == path + ":2: expected NAME=value");
  CHECK(lines[1] == toml + ":2: stt.threads = 0 is out of range: 1 to 64 threads");
  CHECK(lines[2].starts_with(path + ":3: STT_LANGUAGE: general.language must be one of"));
  CHECK(lines[3].starts_with("--set a: unknown key"));
  CHECK(lines[4].starts_with(path + ":1: RAG_TOP_K: RAG_TOP_K must be a whole number"));
}

TEST_CASE("of a .env only known names reach the environment, and they leave it with the next file") {
  const prot::test::TempFolder folder;
  const Variable real("HASS_TOKEN", "real");
  const std::string path = write_env(
      folder,
      "HASS_TOKEN=file\nVOYAGE_API_KEY=v\nLOG_LEVEL=debug\nPATH=/evil\nLD_PRELOAD=/evil.so\nMY_KEY=k\n");
  const std::string before = std::getenv("PATH");
  LayeredEnvironment environment;
  ConfigRequest request = with_env(path);
  request.overrides = {"brain.api_key_env=MY_KEY"};
  const Configuration loaded = load_configuration(request, environment);
  environment.apply(loaded.env_file, loaded.config);
  CHECK(std::string(std::getenv("HASS_TOKEN")) == "real");
  CHECK(std::string(std::getenv("VOYAGE_API_KEY")) == "v");
  CHECK(std::string(std::getenv("LOG_LEVEL")) == "debug");
  CHECK(std::string(std::getenv("MY_KEY")) == "k");
  CHECK(std::getenv("PATH") == before);
  CHECK(std::getenv("LD_PRELOAD") == nullptr);
  // What came from a .env is not the real environment: a changed file is believed.
  write_env(folder, "LOG_LEVEL=error\n");
  const Configuration again = load_configuration(request, environment);
  CHECK(again.config.get_string("general.log_level") == "error");
  environment.apply(again.env_file, again.config);
  CHECK(std::string(std::getenv("LOG_LEVEL")) == "error");
  CHECK(std::getenv("VOYAGE_API_KEY") == nullptr);
  environment.apply({}, again.config);
  CHECK(std::getenv("LOG_LEVEL") == nullptr);
  CHECK(std::string(std::getenv("HASS_TOKEN")) == "real");
}

TEST_CASE("retired names are warned about, never an error; those without a feature are named") {
  const prot::test::TempFolder folder;
  const std::string path =
      write_env(folder,
                "DEEPGRAM_API_KEY=x\nDEEPGRAM_MODEL=y\nSAMPLE_RATE=16000\nCHUNK_SIZE=256\nRAG_TOP_K=5\n"
                "CORS_ORIGINS=[\"http://a\"]\nVOYAGE_DIMENSION=1024\n");
  const Configuration loaded = load_configuration(with_env(path), {});
  REQUIRE(loaded.warnings.size() == 3);
  CHECK(loaded.warnings[0] ==
        path + ":4: CHUNK_SIZE: has no effect any more: a window always has 512 samples");
  CHECK(loaded.warnings[1].starts_with(path + ":1: DEEPGRAM_API_KEY: has no effect any more"));
  CHECK(loaded.warnings[2].starts_with(path + ":2: DEEPGRAM_MODEL: "));
  CHECK(loaded.config.get_int("memory.embedding_dimension") == 1024);
  CHECK(loaded.unused == Lines{"RAG_TOP_K"});
}

TEST_CASE("a .env with secrets that others can read is warned about in one line without the secrets") {
  const prot::test::TempFolder folder;
  const std::string text = "OPENAI_API_KEY=sk-1\nDATABASE_URL=postgresql:///x\nHASS_TOKEN=\nLOG_LEVEL=info\n";
  const std::string path = write_env(folder, text, 0644);
  CHECK(load_configuration(with_env(path), {}).warnings ==
        Lines{path + ": others may read it, and it holds OPENAI_API_KEY, DATABASE_URL: chmod 600 " + path});
  CHECK(load_configuration(with_env(write_env(folder, text, 0600)), {}).warnings.empty());
  CHECK(load_configuration(with_env(write_env(folder, "LOG_LEVEL=info\n", 0644)), {}).warnings.empty());
}

TEST_CASE("what keys in the environment chose is said in one line, without the keys") {
  const prot::test::TempFolder folder;
  const Variable cache("XDG_CACHE_HOME", folder.path().c_str());  // no engine is installed
  const std::string path = write_env(folder, "ANTHROPIC_API_KEY=sk-geheim\nCLAUDE_MODEL=claude-x\n");
  const auto note = [&](const std::string& file, const Lines& overrides) {
    return load_configuration({.env_file = file, .overrides = overrides}, {}).choice_note;
  };
  CHECK(note(path, {}) ==
        "Anthropic's claude-x, because ANTHROPIC_API_KEY is set: what is said goes there; "
        "general.keys_choose = false keeps it here");
  CHECK(note(path, {"brain.engine=local"}).empty());
  CHECK(note(path, {"brain.engine=anthropic"}).empty());  // somebody wrote that
  CHECK(note(path, {"brain.url=http://127.0.0.1:1/v1"}).empty());
  CHECK(note(path, {"anthropic.api_key_env=OTHER_KEY"}).empty());
  CHECK(note(path, {"general.keys_choose=false"}).empty());
  {
    const Variable real("OTHER_KEY", "sk-geheim");
    CHECK(note(path, {"anthropic.api_key_env=OTHER_KEY"}).find("because OTHER_KEY is set") !=
          std::string::npos);
  }
  CHECK(note(write_env(folder, "LOG_LEVEL=info\n"), {}).empty());
  CHECK(
      note(write_env(folder, "ELEVENLABS_API_KEY=sk-geheim\n"), {}) ==
      "ElevenLabs for recognition, because ELEVENLABS_API_KEY is set: what is said goes there (for its voice "
      "ELEVENLABS_VOICE_ID is missing); general.keys_choose = false keeps it here");
  CHECK(note(write_env(folder,
                       "ANTHROPIC_API_KEY=sk-geheim\nELEVENLABS_API_KEY=sk-geheim\nELEVENLABS_VOICE_ID=v\n"),
             {}) ==
        "ElevenLabs for recognition and voice, Anthropic's claude-sonnet-4-6, because ANTHROPIC_API_KEY, "
        "ELEVENLABS_API_KEY are set: what is said goes there; general.keys_choose = false keeps it here");
}

TEST_CASE("every name that the original's users have is known") {
  const Config config = Config::load("", {});
  for (const char* name : {"ANTHROPIC_API_KEY",
                           "ELEVENLABS_API_KEY",
                           "VOYAGE_API_KEY",
                           "VOYAGE_DIMENSION",
                           "PAUSE_AFTER_COMPACTION",
                           "HASS_URL",
                           "HASS_TOKEN",
                           "HASS_AGENT_ID",
                           "DATABASE_URL",
                           "DB_POOL_MIN",
                           "DB_POOL_MAX",
                           "MIC_DEVICE_INDEX",
                           "SAMPLE_RATE",
                           "CHUNK_SIZE",
                           "BARGE_IN_ENABLED",
                           "VAD_THRESHOLD",
                           "VAD_THRESHOLD_SPEAKING",
                           "VAD_PREBUFFER_CHUNKS",
                           "STT_LANGUAGE",
                           "STT_SILENCE_THRESHOLD_SECS",
                           "CLAUDE_MODEL",
                           "CLAUDE_MAX_TOKENS",
                           "CLAUDE_EFFORT",
                           "COMPACTION_TRIGGER",
                           "TOOL_CLEAR_TRIGGER",
                           "TOOL_CLEAR_KEEP",
                           "THINKING_KEEP_TURNS",
                           "ELEVENLABS_VOICE_ID",
                           "ELEVENLABS_MODEL",
                           "ELEVENLABS_OUTPUT_FORMAT",
                           "TTS_SENTENCE_SILENCE_MS",
                           "VOYAGE_MODEL",
                           "RERANK_MODEL",
                           "RERANK_TOP_K",
                           "MEMORY_EXTRACTION_MODEL",
                           "RAG_CONTEXT_TARGET_TOKENS",
                           "RAG_TOP_K",
                           "DECAY_BASE_RATE",
                           "DECAY_MIN_RETENTION",
                           "CORS_ORIGINS",
                           "LOG_LEVEL",
                           "ACTIVE_TIMEOUT",
                           "PROT_TRACEMALLOC"}) {
    CAPTURE(name);
    CHECK((is_configuration_name(name) || is_secret(name, config)));
  }
  for (const auto& key : reserved_names())
    if (!key.fallback.empty()) CHECK(config_value(key, key.fallback) == key.fallback);
}

TEST_CASE("a reload restarts the programs that a changed key touches, and no others") {
  CHECK(plan({}, {}).changes.empty());
  CHECK(plan({}, {"stt.threads=2"}).changes.empty());
  const ReloadPlan one = plan({}, {"stt.threads=3"});
  REQUIRE(one.changes.size() == 1);
  CHECK(one.changes[0].text() == "stt.threads: 2 -> 3");
  CHECK(one.restarts == Lines{"stt"});
  const ReloadPlan more = plan({"player.device=x"}, {"player.headphones=true", "memory.recall_tokens=9"});
  CHECK(more.restarts == Lines{"player", "capture", "brain", "memory"});
  CHECK(more.changes[0].text() == "player.device: x -> \"\"");
  CHECK(more.refused.empty());
  CHECK(plan({}, {"web.cors_origins=[\"http://a\"]"}).restarts == Lines{"web"});
  const ReloadPlan level = plan({}, {"general.log_level=debug"});  // told, without a restart
  CHECK(level.changes.size() == 1);
  CHECK(level.restarts.empty());
}

TEST_CASE("a reload shows no secret") {
  const ReloadPlan url =
      plan({"memory.database_url=postgresql:///a"}, {"memory.database_url=postgresql:///b"});
  REQUIRE(url.changes.size() == 1);
  CHECK(url.changes[0].text() == "memory.database_url: changed");
  CHECK(url.restarts == Lines{"memory"});
  CHECK(url.refused.empty());
  const ReloadPlan key =
      plan_reload(Config::load("", {}), Config::load("", {}), {{"OPENAI_API_KEY", "brain memory"}});
  CHECK(key.changes[0].text() == "OPENAI_API_KEY: changed");
  CHECK(key.restarts == Lines{"brain", "memory"});
}

TEST_CASE("what cannot change while prot runs is refused with its place") {
  CHECK(plan({}, {"memory.enabled=false", "db.folder=/x"}).refused ==
        Lines{"--set: memory.enabled cannot change while prot runs: prot down, then prot up",
              "--set: db.folder cannot change while prot runs: prot down, then prot up"});
  CHECK(plan({}, {"brain.url=http://x"}).refused ==
        Lines{"--set: brain.url cannot change while prot runs: prot down, then prot up (llm would start or "
              "stop)"});
  CHECK(plan({"brain.url=http://x"}, {}).refused.size() == 1);
  CHECK(plan({"brain.url=http://x"}, {"brain.url=http://y"}).refused.empty());
  CHECK(plan({}, {"memory.database_url=postgresql:///b"}).refused.size() == 1);
  CHECK(plan({"memory.enabled=false"}, {"memory.enabled=false", "memory.database_url=x"}).refused.empty());
}

TEST_CASE("another model at hand: its key is brain's alone, and a local one is started") {
  const Config one =
      Config::load("", {"brain.url=https://a", R"(brain.fallback=["url=https://b key=OTHER_KEY"])"});
  CHECK(is_secret("OTHER_KEY", one));
  CHECK(users_of_secret("OTHER_KEY", one) == " brain");
  CHECK_FALSE(is_secret("OTHER_KEY", Config::load("", {})));
  const auto starts_llm = [](const Lines& overrides) {
    const Lines programs = programs_of(Config::load("", overrides));
    return std::find(programs.begin(), programs.end(), "llm") != programs.end();
  };
  CHECK(starts_llm({}));
  CHECK_FALSE(starts_llm({"brain.url=https://a"}));
  CHECK(starts_llm({"brain.url=https://a", R"(brain.fallback=["local"])"}));
  CHECK_FALSE(starts_llm({"brain.url=https://a", R"(brain.fallback=["local"])", "llm.enabled=false"}));
  CHECK_FALSE(starts_llm({"brain.engine=anthropic"}));
  CHECK(starts_llm({"brain.engine=local", "brain.url=https://a"}));
}

TEST_CASE("a private database is started for a store that needs one, and does not come or go by a reload") {
  const auto starts_db = [](const Lines& overrides) {
    const Lines programs = programs_of(Config::load("", overrides));
    return std::find(programs.begin(), programs.end(), "db") != programs.end();
  };
  CHECK(starts_db({}));
  CHECK_FALSE(starts_db({"memory.store=ram"}));
  CHECK_FALSE(starts_db({"memory.database_url=postgresql:///a"}));
  CHECK_FALSE(starts_db({"memory.enabled=false"}));
  CHECK(plan({}, {"memory.store=ram"}).refused ==
        Lines{"--set: memory.store cannot change while prot runs: prot down, then prot up (db would start or "
              "stop)"});
  const Lines elsewhere = {"memory.database_url=postgresql:///a"};
  const ReloadPlan same = plan(elsewhere, {elsewhere[0], "memory.store=ram"});
  CHECK(same.refused.empty());
  CHECK(same.restarts == Lines{"memory"});
}

TEST_CASE("lines end with LF or CR LF; a lone CR is refused, and shows nothing") {
  CHECK(pairs("A=1\r\nB='2'\r\n") == decltype(pairs("")){{"A", "1"}, {"B", "2"}});
  const Lines errors = errors_of("LOG_LEVEL=loud\rDATABASE_URL=x\nB=2\n");
  REQUIRE(errors.size() == 1);
  CHECK(errors[0] == ".env:1: a carriage return within the line: lines end with LF or CR LF");
}

TEST_CASE("what a reload shows has no password") {
  const ReloadPlan all = plan({"brain.url=https://u:one@h/v1"}, {"brain.url=https://u:two@h/v2"});
  REQUIRE(all.changes.size() == 1);
  CHECK(all.changes[0].text() == "brain.url: https://***@h/v1 -> https://***@h/v2");
  const ReloadPlan same = plan({"brain.url=https://u:one@h"}, {"brain.url=https://u:two@h"});
  REQUIRE(same.changes.size() == 1);
  CHECK(same.changes[0].text() == "brain.url: changed");
  CHECK(same.restarts == Lines{"brain", "memory"});
}
