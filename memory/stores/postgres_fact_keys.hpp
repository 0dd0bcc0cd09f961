#pragma once

#include "stores/transaction.hpp"

namespace prot::memory::pg {

/// Where facts were written by older rules (knowledge/facts.hpp): predicates in today's spelling, keys of
/// what they say now. Of those that then say the same the oldest has all sources; of those that cannot hold
/// together the newest holds. The transaction is the caller's, with nobody beside it.
void renew_fact_keys(pqxx::work& tx);

}  // namespace prot::memory::pg
