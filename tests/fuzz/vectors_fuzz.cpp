// Answers of services that make vectors and ranks: as many as texts, each of length 1, or a refusal.
#include <cmath>

#include "memory/embedders/vectors_of.hpp"
#include "tests/fuzz/fuzz_support.hpp"

using namespace prot;
using namespace prot::fuzz;
using namespace prot::memory;

namespace {

void check_vectors(std::string_view body, std::size_t count, std::size_t dimension) {
  const std::vector<Vector> vectors = vectors_of(body, count, dimension);
  require(vectors.size() == count, "there are as many vectors as texts");
  for (const Vector& vector : vectors) {
    require(!vector.empty() && vector.size() == vectors.front().size(), "all have the same dimension");
    require(dimension == 0 || vector.size() == dimension, "it is the one that was asked for");
    double length = 0;
    for (const float x : vector) {
      require(std::isfinite(x), "a vector is finite");
      length += static_cast<double>(x) * static_cast<double>(x);
    }
    require(std::abs(length - 1) < 1e-3, "a vector has the length 1");
  }
}

void check_ranks(std::string_view body, std::size_t count) {
  const std::vector<double> ranks = ranks_of(body, count);
  require(ranks.size() == count, "there are as many ranks as texts");
  for (const double rank : ranks) require(std::isfinite(rank), "a rank is a number");
}

template <typename Check>
void try_it(Check&& check) {
  try {
    check();
  } catch (const Error& error) {
    require(utf8::is_valid(error.what()), "the refusal is text");
  }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view body = text_of(data, size);
  for (const std::size_t count : {1U, 2U, 3U}) {
    for (const std::size_t dimension : {0U, 2U, 4U}) try_it([&] { check_vectors(body, count, dimension); });
    try_it([&] { check_ranks(body, count); });
  }
  return 0;
}
