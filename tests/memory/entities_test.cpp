#include "memory/knowledge/entities.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "memory/knowledge/facts.hpp"
#include "memory/knowledge/name_particles.hpp"
#include "tests/memory/corpus.hpp"

using namespace prot::memory;
using prot::memory::test::corpus;

namespace {

std::string type_of(const std::string& column) { return column == "-" ? "" : column; }

EntityResolver knowing(std::initializer_list<KnownEntity> entities) {
  EntityResolver resolver;
  for (const KnownEntity& entity : entities) resolver.add(entity);
  return resolver;
}

}  // namespace

TEST_CASE("of the corpus' mentions at least 95 % find their entity, at most 1 % a wrong one") {
  int same = 0;
  int found = 0;
  int other = 0;
  int wrong = 0;
  for (const std::vector<std::string>& row : corpus("names.tsv")) {
    REQUIRE(row.size() == 6);
    const EntityResolver resolver = knowing({{1, row[1], row[2], {}}});
    const bool hit = resolver.resolve(row[3], type_of(row[4]), row[5]) == 1;
    const bool is_same = row[0] == "same";
    (is_same ? same : other) += 1;
    (is_same ? found : wrong) += hit ? 1 : 0;
    if (hit != is_same) MESSAGE(row[0] << ": " << row[1] << " and " << row[3] << ", " << row[5]);
  }
  REQUIRE(same >= 200);
  REQUIRE(other >= 100);
  CHECK(found >= 0.95 * same);
  CHECK(wrong <= 0.01 * other);
}

TEST_CASE("of all the corpus' entities together none takes what means another") {
  EntityResolver all;
  std::vector<std::string> names;
  for (const std::vector<std::string>& row : corpus("names.tsv"))
    if (row[0] == "same" && std::find(names.begin(), names.end(), normalized_name(row[1])) == names.end()) {
      names.push_back(normalized_name(row[1]));
      all.add({static_cast<std::int64_t>(names.size()), row[1], row[2], {}});
    }
  int rows = 0;
  int wrong = 0;
  int missed = 0;
  for (const std::vector<std::string>& row : corpus("names.tsv")) {
    if (row[0] != "same") continue;
    ++rows;
    const std::int64_t id = all.resolve(row[3], type_of(row[4]), row[5]);
    if (id == 0) ++missed;
    if (id != 0 && names[static_cast<std::size_t>(id - 1)] != normalized_name(row[1])) {
      ++wrong;
      MESSAGE(row[3] << " is taken for " << names[static_cast<std::size_t>(id - 1)]);
    }
  }
  CHECK(missed <= 0.05 * rows);
  CHECK(wrong <= 0.01 * rows);
}

TEST_CASE("a particle counts only where it may stand") {
  const auto stripped = [](std::string_view name) {
    std::vector<std::string> names;
    for (const Stripped& one : without_particles(name)) names.push_back(one.name);
    return names;
  };
  using Names = std::vector<std::string>;
  CHECK(stripped("민수는") == Names{"민수"});
  CHECK(stripped("하은").empty());  // behind a vowel it would be 는
  CHECK(stripped("부산으로") == Names{"부산으", "부산"});
  CHECK(stripped("부산로").empty());
  CHECK(stripped("서울로") == Names{"서울"});
  CHECK(stripped("가을").empty());
  CHECK(stripped("카카오에서는") == Names{"카카오에서", "카카오"});
  CHECK(stripped("Anna는") == Names{"Anna"});
  CHECK(stripped("는").empty());
  CHECK(stripped("").empty());
  CHECK(without_address("민수씨") == "민수");
  CHECK(without_address("민수 씨") == "민수");
  CHECK(without_address("하은이") == "하은");
  CHECK(without_address("Anna").empty());
  CHECK(ends_in_consonant("은"));
  CHECK_FALSE(ends_in_consonant("수"));
  CHECK_FALSE(ends_in_consonant("Tom"));
}

TEST_CASE("a name that goes on in the text ends in no particle") {
  const EntityResolver resolver = knowing({{1, "을지", "place", {}}});
  CHECK(resolver.resolve("을지로", "place", "을지로에서 만났어.") == 0);
  CHECK(resolver.resolve("을지로", "place", "을지로 갔어.") == 1);
}

TEST_CASE("what may be somebody known is offered, never taken") {
  const EntityResolver resolver = knowing({{1, "김민수", "person", {}},
                                           {2, "박민수", "person", {}},
                                           {3, "Anna Smith", "person", {}},
                                           {4, "카카오", "organization", {}}});
  CHECK(resolver.resolve("민수", "person", "민수가 왔어.") == 0);
  using Ids = std::vector<std::int64_t>;
  CHECK(resolver.candidates("민수가 카카오에 다녀.", 6) == Ids{4, 1, 2});
  CHECK(resolver.candidates("Anna called.", 6) == Ids{3});
  CHECK(resolver.candidates("민수가 카카오에 다녀.", 1) == Ids{4});
  CHECK(resolver.candidates("I like tea.", 6).empty());
}

TEST_CASE("kinds that exclude each other are never one by a form of the name") {
  const EntityResolver resolver = knowing({{1, "민수", "person", {}}});
  CHECK(resolver.resolve("민수로", "place") == 0);
  CHECK(resolver.resolve("민수로", "person") == 1);
  CHECK(resolver.resolve("민수", "place") == 1);  // the very name: an alias belongs to one entity
}

TEST_CASE("new entities are called without what no name ends in") {
  CHECK(bare_name("민수는", "person") == "민수");
  CHECK(bare_name("민수가", "person") == "민수");
  CHECK(bare_name("전문가", "concept") == "전문가");
  CHECK(bare_name("카카오에서", "organization") == "카카오");
  CHECK(bare_name("카카오에서는", "organization") == "카카오");
  CHECK(bare_name("하은", "person") == "하은");
  CHECK(bare_name("Anna", "person") == "Anna");
  CHECK(bare_name("", "person").empty());
}

TEST_CASE("strange names do no harm") {
  const EntityResolver resolver = knowing({{1, "민수", "person", {}}});
  CHECK(resolver.resolve("", "") == 0);
  CHECK(resolver.resolve(" .. ", "") == 0);
  CHECK(resolver.resolve("\xED\xA0\x80", "") == 0);
  CHECK(resolver.resolve(std::string(1'000'000, 'x'), "") == 0);
  CHECK(resolver.resolve("씨", "person") == 0);
}
