#include "embedders/hashed.hpp"

#include <cmath>
#include <cstdint>
#include <map>
#include <utility>

#include "base/fnv.hpp"
#include "recall/terms.hpp"

namespace prot::memory {
namespace {

constexpr double kWordWeight = 1.0;
constexpr double kGramWeight = 0.5;  // a word has several
// What search terms are made of changes with prot, and with it the vectors: then they are another model's.
constexpr const char* kProbe =
    "I went to my sister's in Busan yesterday and we made 3 cakes; 저는 어제 부산에서 민수랑 녹차를 "
    "마셨어요.";

/// With a last mix, since the low bits alone are poor.
std::uint64_t hash_of(std::string_view term, std::uint64_t seed) noexcept {
  std::uint64_t hash = fnv1a(term, kFnvBasis ^ seed);
  hash ^= hash >> 33U;
  hash *= 0xFF51AFD7ED558CCDU;
  return hash ^ (hash >> 33U);
}

class HashedEmbedder final : public Embedder {
 public:
  explicit HashedEmbedder(std::size_t dimension) : dimension_(dimension) {
    std::uint64_t probe = 0;
    const Vector vector = vector_of(kProbe);
    for (std::size_t i = 0; i < dimension_; ++i)
      if (vector[i] != 0.0F) probe = probe * 31 + (vector[i] > 0.0F ? 2 * i : 2 * i + 1);
    id_ = "hashed-" + std::to_string(probe % 1'000'000) + "/" + std::to_string(dimension);
  }

  const std::string& model_id() const noexcept override { return id_; }
  bool is_instant() const noexcept override { return true; }

  Embedded embed(std::span<const std::string> texts, TextKind, const std::stop_token& stop) override {
    Embedded result;
    result.vectors.resize(texts.size());
    for (std::size_t i = 0; i < texts.size(); ++i) {
      if (stop.stop_requested()) {
        result.error.emplace(ServiceError::Kind::kCancelled, "cancelled");
        break;
      }
      result.vectors[i] = vector_of(texts[i]);
    }
    return result;
  }

 private:
  Vector vector_of(const std::string& text) const {
    Vector vector(dimension_);
    const Terms terms = terms_of(text);
    add(terms.words, 1, kWordWeight, vector);
    add(terms.grams, 2, kGramWeight, vector);
    if (normalize(vector)) return vector;
    // Nothing to search by: like itself, and hardly like anything else.
    vector.assign(dimension_, 0.0F);
    vector[hash_of(text, 3) % dimension_] = 1.0F;
    return vector;
  }

  void add(const std::vector<std::string>& terms, std::uint64_t seed, double weight, Vector& vector) const {
    std::map<std::string_view, int> counts;
    for (const std::string& term : terms) ++counts[term];
    for (const auto& [term, count] : counts) {
      const std::uint64_t hash = hash_of(term, seed);
      const double value = weight * (1.0 + std::log(count));  // the tenth time says little
      vector[(hash >> 1U) % dimension_] += static_cast<float>((hash & 1U) != 0 ? value : -value);
    }
  }

  std::size_t dimension_;
  std::string id_;
};

}  // namespace

std::unique_ptr<Embedder> make_hashed_embedder(std::size_t dimension) {
  return std::make_unique<HashedEmbedder>(dimension);
}

}  // namespace prot::memory
