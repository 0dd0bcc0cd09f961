#include "stage/config.hpp"

#include <doctest/doctest.h>

#include <fstream>

#include "base/error.hpp"
#include "tests/support/temp_folder.hpp"

using prot::stage::Config;

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
  CHECK(config.get_int("capture.end_of_turn_ms") == 550);
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

TEST_CASE("the example names every key and is itself a valid configuration") {
  const prot::test::TempFolder folder;
  const std::string example = Config::example();
  for (const auto& key : prot::stage::config_keys()) {
    const std::string name(key.name.substr(key.name.find('.') + 1));
    CHECK_MESSAGE(example.find("#" + name + " = ") != std::string::npos, name);
  }
  CHECK(error_of(write(folder, example)).empty());
  // With every key set to its default as well.
  std::string active;
  for (std::size_t i = 0; i < example.size(); ++i) {
    const bool at_key = example[i] == '#' && i + 1 < example.size() && example[i + 1] != ' ';
    if (!at_key) active += example[i];
  }
  CHECK(error_of(write(folder, active)) == "");
}
