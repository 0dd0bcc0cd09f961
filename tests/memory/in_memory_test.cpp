#include <doctest/doctest.h>

#include "memory/stores/in_memory.hpp"
#include "tests/memory/store_contract.hpp"

using namespace prot::memory;

TEST_CASE("the store in memory keeps the contract of stores") {
  InMemoryStore store;
  store.connect();
  SUBCASE("a message is stored once") { test::contract_messages_once(store); }
  SUBCASE("old messages are found by their words") { test::contract_search(store); }
  SUBCASE("segments grow a reply, its end replaces them") { test::contract_segments_and_end(store); }
  SUBCASE("an exchange brings one job") { test::contract_job_of_an_exchange(store); }
  SUBCASE("a lease guards a job") { test::contract_leases(store); }
  SUBCASE("failures wait, then die visibly") { test::contract_failures(store); }
  SUBCASE("a clock that was wrong keeps nothing waiting") { test::contract_wrong_clock(store); }
  SUBCASE("the dead are not kept for ever") { test::contract_old_dead(store); }
  SUBCASE("facts are applied once and replace each other") { test::contract_facts(store); }
  SUBCASE("names in any form mean one entity") { test::contract_names(store); }
  SUBCASE("what held before can be asked for") { test::contract_history(store); }
  SUBCASE("entities are merged, and a merge undone") { test::contract_merge(store); }
  SUBCASE("what is suspicious waits for a person") { test::contract_quarantine(store); }
  SUBCASE("exchanges are asked about together") { test::contract_batch(store); }
  SUBCASE("known entities are offered by number") { test::contract_offered(store); }
  SUBCASE("communities are read by generation") { test::contract_communities(store); }
  SUBCASE("facts that are told count their reads") { test::contract_reads(store); }
  SUBCASE("what is forgotten stays forgotten, and nothing else goes") { test::contract_forget(store); }
}
