#pragma once

#include <map>
#include <memory>
#include <mutex>

#include "vectors/vector_store.hpp"

namespace prot::memory {

/// Vectors in this process' memory, beside the store of the same kind. It keeps those texts that have none.
class RamVectors final : public VectorStore {
 public:
  void connect() override {}
  void close() noexcept override {}
  std::vector<StoredVector> next_vectors(const std::string& model, Cursor* cursor, int limit) override;
  std::vector<PendingText> next_pending(const std::string& model, Cursor* cursor, int limit) override;
  void store(const std::string& model, std::span<const NewVector> vectors) override;
  std::int64_t last_message() override { return 0; }
  Counts counts(const std::string& model) override;
  void note(bool fact, const VectorKey& key, std::string_view text) override;

 private:
  std::mutex mutex_;
  // Below: protected by mutex_.
  std::map<std::int64_t, PendingText> pending_;
  std::int64_t last_id_ = 0;
  std::uint64_t stored_ = 0;
};

}  // namespace prot::memory
