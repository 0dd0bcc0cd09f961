#include <doctest/doctest.h>

#include "tests/memory/memory_fixture.hpp"
#include "tests/memory/store_contract.hpp"

namespace prot::memory::test {

void contract_reads(MemoryStore& store) {
  const TurnRecord said = user(key(1, 10), "I like tea and cake.");
  store.append({&said, 1}, kNoon);
  const std::optional<Job> extract = store.claim(JobKind::kExtract, kNoon, kSecond, true);
  REQUIRE(extract);
  REQUIRE(store.finish_extract(*extract, "{}", kNoon));
  const std::optional<Job> job = store.claim(JobKind::kApply, kNoon, kSecond, true);
  REQUIRE(job);
  Extraction extraction;
  extraction.facts = {fact("likes", "tea", key(1, 10), kNoon),
                      fact("likes", "cake", key(1, 10), kNoon + kSecond)};
  REQUIRE(store.apply(*job, extraction, kNoon));

  std::vector<Fact> facts = store.active_facts(10);
  REQUIRE(facts.size() == 2);
  CHECK(facts[0].reads == 0);
  CHECK(facts[0].read_at == 0);
  const std::vector<std::int64_t> read{facts[0].id, facts[1].id + facts[0].id + 100};
  store.mark_read(read, kNoon + kDay);
  store.mark_read(read, kNoon + 2 * kDay);
  store.mark_read(read, kNoon + kDay);  // a clock that was set back
  store.mark_read({}, kNoon + kDay);
  const std::vector<Fact> after = store.active_facts(10);
  REQUIRE(after.size() == 2);
  CHECK(after[0].id == facts[0].id);
  CHECK(after[0].reads == 3);
  CHECK(after[0].read_at == kNoon + 2 * kDay);
  CHECK(after[1].reads == 0);
  CHECK(after[1].read_at == 0);
}

}  // namespace prot::memory::test
