#pragma once

#include <doctest/doctest.h>

#include <memory>
#include <string>

#include "json/json.hpp"
#include "memory/desk/commands.hpp"
#include "memory/knowledge/facts.hpp"
#include "memory/stores/postgres.hpp"
#include "tests/memory/memory_fixture.hpp"
#include "tests/memory/postgres_server.hpp"

namespace prot::memory::test {

inline constexpr const char* kCanary = "Quetzalcoatl";

/// A real PostgreSQL, empty at first, and what a person can ask of it.
struct KeeperFixture {
  KeeperFixture() { begin_anew(); }
  void begin_anew() {
    (void)server().query(kEmpty);
    store = make_postgres_store(server().conninfo(), "test");
    store->connect();
  }
  /// An exchange of which the model learns these.
  void learn(std::uint64_t sequence, const std::string& said, const std::string& replied,
             Extraction extraction) const {
    store->append(exchange(1, sequence, said, replied), kNoon);
    const std::optional<Job> job = store->claim(JobKind::kExtract, kNoon, kSecond, true);
    REQUIRE(job);
    REQUIRE(store->finish_extract(*job, R"({"said":")" + said + "\"}", kNoon));
    const std::optional<Job> apply = store->claim(JobKind::kApply, kNoon, kSecond, true);
    REQUIRE(apply);
    for (Fact& fact : extraction.facts) fact.source = key(1, sequence);
    REQUIRE(store->apply(*apply, extraction, kNoon));
  }
  void learn(std::uint64_t sequence, const std::string& said, const std::string& replied,
             const Fact& fact) const {
    learn(sequence, said, replied,
          Extraction{{{fact.object, "thing", "It is called " + fact.object + "."}}, {fact}});
  }
  void learn_some() const {
    learn(10, "My cat is called Quetzalcoatl.", "Quetzalcoatl is a fine name.",
          fact("cat_name", kCanary, {}, kNoon));
    learn(20, "I like tea.", "Tea is fine.", fact("likes", "tea", {}, kNoon));
    learn(30, "I live in Busan.", "By the sea.", fact("lives_in", "Busan", {}, kNoon));
    store->append(exchange(1, 40, "What is my cat called?", "It is Quetzalcoatl's turn."), kNoon);
  }
  json::Document ask(const std::string& request, Refused* refused = nullptr) const {
    Changed changed = Changed::kNothing;
    Commands commands(
        *store, [this](const ForgetTarget& target, bool dry) { return store->forget(target, kNoon, dry); },
        [] { return kNoon; }, 0, refused);
    return json::parse(commands.answer(request, changed));
  }
  [[nodiscard]] static bool dumped(const std::string& word) {
    return server().dump().find(word) != std::string::npos;
  }
  [[nodiscard]] std::size_t facts() const { return store->active_facts(100).size(); }
  [[nodiscard]] static std::string number_of(const std::string& object) {
    return server().query("SELECT id FROM fact WHERE object = '" + object + "'");
  }
  std::unique_ptr<MemoryStore> store;
};

}  // namespace prot::memory::test
