#pragma once

#include "memory/memory_store.hpp"

/// What every MemoryStore does, whatever it is made of. Each function wants an empty, connected store.
namespace prot::memory::test {

void contract_messages_once(MemoryStore& store);
void contract_search(MemoryStore& store);
void contract_segments_and_end(MemoryStore& store);
void contract_job_of_an_exchange(MemoryStore& store);
void contract_leases(MemoryStore& store);
void contract_failures(MemoryStore& store);
void contract_wrong_clock(MemoryStore& store);
void contract_old_dead(MemoryStore& store);
void contract_facts(MemoryStore& store);
void contract_forget(MemoryStore& store);

// facts_contract.cpp
void contract_names(MemoryStore& store);
void contract_history(MemoryStore& store);
void contract_merge(MemoryStore& store);
void contract_quarantine(MemoryStore& store);
void contract_batch(MemoryStore& store);
void contract_offered(MemoryStore& store);
void contract_communities(MemoryStore& store);

// reads_contract.cpp
void contract_reads(MemoryStore& store);

}  // namespace prot::memory::test
