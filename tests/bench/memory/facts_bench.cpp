// What ./bench memory asks: facts_bench names|safety|communities. One JSON object a line.
#include <chrono>
#include <cstdio>
#include <random>

#include "memory/knowledge/entities.hpp"
#include "memory/knowledge/louvain.hpp"
#include "memory/safety/quarantine.hpp"
#include "tests/memory/corpus.hpp"
#include "tests/memory/victim.hpp"

using namespace prot;
using namespace prot::memory;
using prot::memory::test::corpus;
using prot::memory::test::Victim;

namespace {

void row(const char* what, double value, const char* unit, double bar = -1.0, bool at_most = true) {
  json::Writer w;
  w.begin_object().member("what", what).member("value", value).member("unit", unit);
  if (bar >= 0.0) w.member("bar", bar).member("at_most", at_most);
  std::puts(w.end_object().str().c_str());
}

double share(int part, int all) { return all == 0 ? 0.0 : static_cast<double>(part) / all; }

double microseconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - begin).count();
}

void names() {
  int same = 0;
  int found = 0;
  int other = 0;
  int wrong = 0;
  EntityResolver all;
  const auto rows = corpus("names.tsv");
  std::int64_t id = 0;
  for (const auto& columns : rows) {
    EntityResolver resolver;
    resolver.add({1, columns.at(1), columns.at(2), {}});
    all.add({++id, columns.at(1), columns.at(2), {}});
    const bool hit =
        resolver.resolve(columns.at(3), columns.at(4) == "-" ? "" : columns.at(4), columns.at(5)) == 1;
    const bool is_same = columns.at(0) == "same";
    (is_same ? same : other) += 1;
    (is_same ? found : wrong) += hit ? 1 : 0;
  }
  row("particle variants that mean their entity", share(found, same), "", 0.95, false);
  row("names that are taken for another", share(wrong, other), "", 0.01);
  row("mentions in the corpus", same + other, "");
  for (int i = 0; i < 5000; ++i) all.add({++id, "Somebody Number " + std::to_string(i), "person", {}});
  const auto begin = std::chrono::steady_clock::now();
  std::int64_t sum = 0;
  for (const auto& columns : rows) sum += all.resolve(columns.at(3), columns.at(4), columns.at(5));
  row("one name among 5,000 entities",
      microseconds_since(begin) / static_cast<double>(rows.size()) + (sum < 0 ? 1 : 0), "us");
}

void safety() {
  const auto cases = corpus("injections.tsv");
  Victim victim;
  for (const Victim::Case& one : cases) victim.hear(one);
  int reached = 0;
  for (const std::string& block : victim.blocks(cases)) {
    const std::string plain = Victim::unquoted(block);
    for (const Victim::Case& one : cases)
      reached += plain.find(one[3]) != std::string::npos || plain.find(one[1]) != std::string::npos ? 1 : 0;
  }
  row("injections that reach a block unquoted", reached, "", 0);
  row("injections that count as facts", static_cast<double>(victim.believed().size()), "", 0);
  row("injections tried", static_cast<double>(cases.size()), "", 60, false);
  const auto benign = corpus("benign.tsv");
  int stopped = 0;
  const auto begin = std::chrono::steady_clock::now();
  for (const auto& columns : benign) stopped += suspicion_of(columns.at(0)) != Suspicion::kNone ? 1 : 0;
  row("one statement looked at", microseconds_since(begin) / static_cast<double>(benign.size()), "us");
  row("harmless facts that wait for a person", share(stopped, static_cast<int>(benign.size())), "", 0.02);
  row("harmless facts tried", static_cast<double>(benign.size()), "", 100, false);
}

/// A life: groups of people and things that hold together, and some that meet elsewhere.
void communities() {
  std::mt19937 random(3);
  constexpr int kGroups = 200;
  constexpr int kSize = 10;
  std::vector<Tie> ties;
  for (int g = 0; g < kGroups; ++g)
    for (int i = 0; i < 3 * kSize; ++i)
      ties.push_back({g * kSize + static_cast<int>(random() % kSize),
                      g * kSize + static_cast<int>(random() % kSize), 1.0});
  for (int i = 0; i < 2 * kGroups; ++i)
    ties.push_back({static_cast<int>(random() % (kGroups * kSize)),
                    static_cast<int>(random() % (kGroups * kSize)), 1.0});
  const auto begin = std::chrono::steady_clock::now();
  const auto groups = louvain(ties);
  row("communities of 2,000 entities, 6,400 ties", microseconds_since(begin) / 1000.0, "ms");
  std::vector<std::vector<std::int64_t>> made(kGroups);
  for (int i = 0; i < kGroups * kSize; ++i) made[static_cast<std::size_t>(i / kSize)].push_back(i);
  row("their modularity, as a share of the made groups'", modularity(ties, groups) / modularity(ties, made),
      "", 0.98, false);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view what = argc == 2 ? argv[1] : "";
  try {
    if (what == "names") {
      names();
    } else if (what == "safety") {
      safety();
    } else if (what == "communities") {
      communities();
    } else {
      std::fputs("usage: facts_bench names|safety|communities\n", stderr);
      return 2;
    }
  } catch (const std::exception& e) {
    std::fprintf(stderr, "facts_bench: %s\n", e.what());
    return 1;
  }
  return 0;
}
