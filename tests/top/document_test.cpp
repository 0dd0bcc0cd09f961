// Holds doc/prot-top.1 against the program.
#include <doctest/doctest.h>

#include <CLI/CLI.hpp>
#include <fstream>
#include <set>
#include <sstream>

#include "columns.hpp"
#include "fake_screen.hpp"
#include "json/json.hpp"
#include "options.hpp"
#include "top_json.hpp"

using namespace prot;
using namespace prot::top;
using namespace prot::top::test;

namespace {

using Names = std::set<std::string>;

std::string unescaped(std::string text) {
  for (std::size_t at = text.find("\\-"); at != std::string::npos; at = text.find("\\-")) text.erase(at, 1);
  return text;
}

// The bold names behind .TP of one section (.SH) or one part of it (.SS); "a, b" are two.
Names defined_in(const std::string& section, const std::string& part = {}) {
  std::ifstream page(std::string(PROT_SOURCE_ROOT) + "/doc/prot-top.1");
  REQUIRE(page.is_open());
  Names names;
  std::string in_section;
  std::string in_part;
  bool item = false;
  for (std::string line; std::getline(page, line);) {
    if (line.starts_with(".SH ")) {
      in_section = line.substr(4);
      in_part.clear();
    }
    if (line.starts_with(".SS ")) in_part = line.substr(4);
    if (item && line.starts_with(".B ") && in_section == section && in_part == part) {
      std::istringstream list(unescaped(line.substr(3)));
      for (std::string name; std::getline(list, name, ',');)
        names.insert(name.substr(name.find_first_not_of(' ')));
    }
    item = line == ".TP";
  }
  CAPTURE(section);
  REQUIRE_FALSE(names.empty());
  return names;
}

Names keys_of(json::View object) {
  Names names;
  for (std::size_t i = 0; i < object.size(); ++i) names.emplace(object.key_at(i));
  return names;
}

template <typename Row>
Names titles(std::span<const Column<Row>> columns) {
  Names names;
  for (const auto& column : columns) names.emplace(column.title);
  return names;
}

}  // namespace

TEST_CASE("the manual defines every column, and no other") {
  CHECK(defined_in("COLUMNS", "Stages") == titles(stage_columns()));
  CHECK(defined_in("COLUMNS", "Rings") == titles(ring_columns()));
}

TEST_CASE("the manual names every option, and no other") {
  Options options;
  CLI::App app;
  describe(app, options);
  Names names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_snames()) names.insert("-" + name);
    for (const std::string& name : option->get_lnames()) names.insert("--" + name);
  }
  CHECK(defined_in("OPTIONS") == names);
}

TEST_CASE("the manual names every JSON field, and no other") {
  const json::Document document = json::parse(to_json(busy_snapshot()));
  CHECK(defined_in("JSON", "Object") == keys_of(document.root()));
  CHECK(defined_in("JSON", "Turn") == keys_of(document.get("turns").at(0)));
  CHECK(defined_in("JSON", "Stage") == keys_of(document.get("stages").at(0)));
  CHECK(defined_in("JSON", "Ring") == keys_of(document.get("rings").at(0)));
}

TEST_CASE("the manual names the keys of the help page") {
  const Names names = defined_in("KEYS");
  for (const char* key : {"q",     "h", "?", "F1", "Tab", "j",     "k", "PgUp", "PgDn",   "Home", "End",
                          "Enter", "<", ">", "r",  "/",   "space", "d", "c",    "Ctrl-C", "t"})
    CHECK_MESSAGE(names.contains(key), key);
  std::string help;
  for (const Line& line : help_lines()) help += line.text + "\n";
  for (const std::string& name : names) CHECK_MESSAGE(help.find(name) != std::string::npos, name);
}

TEST_CASE("the manual has the exit codes of --help") {
  CHECK(defined_in("EXIT STATUS") == Names{"0", "1", "2", "3", "4"});
  CHECK(defined_in("LOOKING CLOSER") ==
        Names{"SEQ", "KIND", "TURN", "SIZE", "AGE-ms", "MADE-ms", "FLAGS", "CONTENT"});
}
