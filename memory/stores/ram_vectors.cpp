#include "stores/ram_vectors.hpp"

#include <algorithm>

namespace prot::memory {

std::vector<StoredVector> RamVectors::next_vectors(const std::string&, Cursor*, int) { return {}; }

std::vector<PendingText> RamVectors::next_pending(const std::string&, Cursor* cursor, int limit) {
  const std::lock_guard lock(mutex_);
  std::vector<PendingText> texts;
  for (auto next = pending_.upper_bound(cursor->id); next != pending_.end(); ++next) {
    if (texts.size() == static_cast<std::size_t>(limit)) break;
    texts.push_back(next->second);
    cursor->id = next->first;
  }
  return texts;
}

void RamVectors::store(const std::string&, std::span<const NewVector> vectors) {
  const std::lock_guard lock(mutex_);
  for (const NewVector& one : vectors) stored_ += pending_.erase(one.text->id);
}

VectorStore::Counts RamVectors::counts(const std::string&) {
  const std::lock_guard lock(mutex_);
  return {pending_.size(), stored_};
}

void RamVectors::note(bool fact, const VectorKey& key, std::string_view text) {
  const std::lock_guard lock(mutex_);
  // Facts are told again and again, all of them.
  if (fact &&
      std::any_of(pending_.begin(), pending_.end(), [&](const auto& one) { return one.second.key == key; }))
    return;
  ++last_id_;
  pending_.emplace(last_id_, PendingText{fact, last_id_, key, std::string(text)});
}

}  // namespace prot::memory
