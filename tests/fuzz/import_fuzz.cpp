// Lines of an export that somebody wants imported: what is taken can be kept by the database and stands in a
// prompt without doing harm.
#include <algorithm>

#include "memory/desk/import_lines.hpp"
#include "tests/fuzz/fuzz_support.hpp"

using namespace prot;
using namespace prot::fuzz;
using namespace prot::memory;

namespace {

void keepable(std::string_view text, std::size_t most) {
  require(utf8::is_valid(text) && text.find('\0') == std::string::npos, "a database can keep it");
  require(text.size() <= most, "it is bounded");
}
void one_line(std::string_view text, std::size_t most) {
  keepable(text, most);
  require(text.find_first_of("\n\r") == std::string::npos, "it is one line of a prompt");
}
void key(std::string_view text, bool may_be_empty) {
  require((may_be_empty && text.empty()) || text.size() == 32, "a key is one");
}

void check(const Keeper::Rows& rows) {
  for (const Keeper::ImportedMessage& row : rows.messages) {
    keepable(row.message.text, SIZE_MAX);
    require(row.message.at_ns >= 0 && row.message.key.sequence <= INT64_MAX,
            "a message has its place in time");
  }
  for (const Keeper::ImportedFact& row : rows.facts) {
    one_line(row.fact.subject, 220);
    one_line(row.fact.predicate, SIZE_MAX);
    one_line(row.fact.object, 420);
    one_line(row.fact.statement, 620);
    one_line(row.fact.suspicion, 60);
    key(row.key, true);
    require(!row.fact.subject.empty() && !row.fact.statement.empty() && !row.sources.empty(),
            "a fact says something");
    require(row.fact.valid_from >= 0 && row.fact.valid_to >= 0 && row.fact.reads >= 0 &&
                row.fact.reads <= 1'000'000 && row.fact.read_at >= 0,
            "its numbers are possible");
  }
  for (const Keeper::ImportedEntity& row : rows.entities) {
    one_line(row.entity.name, 220);
    require(!row.entity.name.empty(), "an entity has a name");
    for (const auto& alias : row.aliases) require(!alias.name.empty(), "an alias is a name");
    for (const auto& alias : row.aliases) keepable(alias.kind, SIZE_MAX);
  }
  for (const Keeper::ImportedSuccession& row : rows.successions) key(row.fact, false), key(row.by, false);
  for (const Keeper::ImportedMerge& row : rows.merges) {
    require(!row.name.empty() && !row.into.empty(), "a merge is of two names");
    for (const std::string& ended : row.ended) key(ended, false);
  }
  for (const Keeper::ImportedCommunity& row : rows.communities) one_line(row.summary, 620);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // As `prot memory import` puts lines together (supervisor/memory_files.cpp).
  std::string rows;
  std::string_view text = text_of(data, size);
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    rows.append(rows.empty() ? "" : ",").append(line);
  }
  try {
    const json::Document request = json::parse("{\"rows\":[" + rows + "]}");
    check(import_lines(request.get("rows")));
  } catch (const Error& error) {
    require(utf8::is_valid(error.what()), "the refusal is text");
  }
  return 0;
}
