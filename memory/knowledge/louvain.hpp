#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace prot::memory {

/// How strongly two entities belong together. The same pair may come more than once.
struct Tie {
  std::int64_t a = 0;
  std::int64_t b = 0;
  double weight = 1.0;
};

/// The groups in which more ties lie than chance would put there: Louvain's method (Blondel et al. 2008),
/// whose moves are repeated on the graph of the groups until modularity grows no more; then each group is
/// taken apart where it does not hang together (Louvain alone can leave such ones). Members and groups are in
/// rising order: the same ties give the same groups, in whatever order they come. Groups of one are left out.
[[nodiscard]] std::vector<std::vector<std::int64_t>> louvain(std::span<const Tie> ties);

/// Newman's modularity of groups, -0.5 to 1: what louvain() makes large. Entities in no group are alone.
[[nodiscard]] double modularity(std::span<const Tie> ties,
                                const std::vector<std::vector<std::int64_t>>& groups);

}  // namespace prot::memory
