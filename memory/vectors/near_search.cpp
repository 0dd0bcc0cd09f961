#include "vectors/near_search.hpp"

#include <algorithm>

namespace prot::memory {

std::vector<VectorIndex::Near> nearest_of_both(std::span<const VectorIndex::Near> one,
                                               std::span<const VectorIndex::Near> other, std::size_t limit) {
  std::vector<VectorIndex::Near> all(one.begin(), one.end());
  for (const VectorIndex::Near& near : other)
    if (std::none_of(one.begin(), one.end(), [&](const auto& known) { return known.key == near.key; }))
      all.push_back(near);
  std::stable_sort(all.begin(), all.end(),
                   [](const auto& a, const auto& b) { return a.similarity > b.similarity; });
  if (all.size() > limit) all.resize(limit);
  return all;
}

}  // namespace prot::memory
