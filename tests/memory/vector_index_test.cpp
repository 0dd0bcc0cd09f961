#include "memory/vectors/vector_index.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <set>

#include "memory/vectors/dot_product.hpp"
#include "tests/memory/memory_fixture.hpp"

using namespace prot;
using namespace prot::memory;

namespace {

std::vector<Vector> random_vectors(std::size_t count, std::size_t dimension, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<Vector> vectors(count, Vector(dimension));
  for (Vector& vector : vectors) {
    for (float& value : vector) value = normal(random);
    REQUIRE(normalize(vector));
  }
  return vectors;
}

double dot(const Vector& a, const Vector& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

VectorKey key_of(std::size_t number) { return VectorKey::of(test::key(1, number)); }

constexpr std::size_t kMiB = 1U << 20U;

/// Share of what the index finds that is among the `limit` nearest by exact arithmetic, or as near as the
/// last of them but for what 16 bits cannot tell.
double share_found(const std::vector<Vector>& vectors, const std::vector<Vector>& queries,
                   std::size_t limit) {
  constexpr double kStep = 2e-5;
  VectorIndex index(256 * kMiB);
  for (std::size_t i = 0; i < vectors.size(); ++i)
    REQUIRE(index.put(key_of(i), PackedVector::of(vectors[i])));
  std::size_t found = 0;
  for (const Vector& query : queries) {
    std::vector<std::pair<double, std::size_t>> expected;
    for (std::size_t i = 0; i < vectors.size(); ++i) expected.emplace_back(-dot(query, vectors[i]), i);
    std::sort(expected.begin(), expected.end());
    const std::vector<VectorIndex::Near> near = index.search(query, limit);
    REQUIRE(near.size() == limit);
    for (std::size_t i = 0; i < limit; ++i) {
      CHECK(double{near[i].similarity} == doctest::Approx(-expected[i].first).epsilon(0.001));
      if (i > 0) CHECK(near[i].similarity <= near[i - 1].similarity);
      found += dot(query, vectors[near[i].key.number]) >= -expected[limit - 1].first - kStep ? 1 : 0;
    }
  }
  return static_cast<double>(found) / static_cast<double>(queries.size() * limit);
}

/// Many texts about few things: thirty of them, so much apart.
std::vector<Vector> clustered_vectors(std::size_t count, std::size_t dimension, float apart, unsigned seed) {
  const std::vector<Vector> centres = random_vectors(30, dimension, 77);
  std::vector<Vector> vectors = random_vectors(count, dimension, seed);
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t k = 0; k < dimension; ++k) vectors[i][k] = centres[i % 30][k] + apart * vectors[i][k];
    REQUIRE(normalize(vectors[i]));
  }
  return vectors;
}

/// Few numbers that are not zero, as the hashed embedder makes them.
std::vector<Vector> sparse_vectors(std::size_t count, std::size_t dimension, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<Vector> vectors(count, Vector(dimension));
  for (Vector& vector : vectors) {
    for (int i = 0; i < 60; ++i) {
      const double place = static_cast<double>(random() % 10'000) / 10'000;
      vector[static_cast<std::size_t>(place * place * static_cast<double>(dimension))] +=
          random() % 2 == 0 ? 0.5F : -0.5F;
    }
    vector[random() % dimension] += 1.0F;
    REQUIRE(normalize(vector));
  }
  return vectors;
}

}  // namespace

TEST_CASE("a packed vector is what it was, but for its last bits; what is none is refused") {
  for (const std::size_t dimension : {1, 7, 1024}) {
    const Vector vector = random_vectors(1, dimension, 3)[0];
    const PackedVector packed = PackedVector::of(vector);
    const PackedVector again = PackedVector::from_bytes(from_hex(to_hex(packed.bytes())));
    CHECK(again.scale == packed.scale);
    CHECK(again.values == packed.values);
    CHECK(dot(again.unpacked(), vector) == doctest::Approx(1.0).epsilon(1e-4));
  }
  const std::string good = PackedVector::of({0.6F, 0.8F}).bytes();
  CHECK(from_hex("\\x00FFaB") == std::string("\x00\xff\xab", 3));
  for (const std::string& bad : {std::string(), std::string("abc"), good.substr(0, 4), good.substr(0, 5),
                                 std::string(8, '\xff'), std::string(8, '\0'), good + "\xff\x7f"})
    CHECK_THROWS_AS((void)PackedVector::from_bytes(bad), Error);
  for (const char* bad : {"", "0a", "\\x0", "\\xzz", "\\x0\n"}) CHECK_THROWS_AS((void)from_hex(bad), Error);
}

TEST_CASE("rows are multiplied as one by one") {
  std::mt19937 random(1);
  for (const std::size_t length : {kDotBlock, 16 * kDotBlock, 64 * kDotBlock}) {
    const int most = largest_factor(length);
    constexpr std::size_t kRows = 300;
    std::vector<std::int16_t> query(length);
    std::vector<std::int8_t> rows(kRows * length);
    const auto span = static_cast<unsigned>(2 * most + 1);
    for (std::int16_t& value : query)
      value = static_cast<std::int16_t>(static_cast<int>(random() % span) - most);
    for (std::int8_t& value : rows) value = static_cast<std::int8_t>(random() % 256);
    // The largest sum that there can be.
    for (std::size_t i = 0; i < length; ++i) rows[i] = static_cast<std::int8_t>(query[i] < 0 ? -128 : 127);
    for (std::int16_t& value : query) value = static_cast<std::int16_t>(value < 0 ? -most : most);
    std::vector<std::int32_t> products(kRows);
    std::vector<std::int32_t> plain(kRows);
    dot_products(query, rows.data(), products);
    dot_products_plain(query, rows.data(), plain);
    CHECK(products == plain);
    for (std::size_t row = 0; row < kRows; ++row) {
      const auto begin = rows.begin() + static_cast<std::ptrdiff_t>(row * length);
      REQUIRE(std::int64_t{products[row]} ==
              std::inner_product(query.begin(), query.end(), begin, std::int64_t{0}));
    }
  }
}

TEST_CASE("the nearest are those of exact arithmetic, best first") {
  for (const std::size_t dimension : {8, 100, 1024}) {
    CAPTURE(dimension);
    CHECK(share_found(random_vectors(3000, dimension, 11), random_vectors(20, dimension, 12), 24) >= 0.99);
  }
  CHECK(share_found(sparse_vectors(3000, 1024, 5), sparse_vectors(20, 1024, 6), 24) >= 0.99);
}

TEST_CASE("the nearest of many that are hardly apart are those of exact arithmetic") {
  for (const std::size_t dimension : {64, 384, 1024})
    for (const float apart : {0.05F, 0.2F, 1.0F}) {
      CAPTURE(dimension);
      CAPTURE(apart);
      const std::vector<Vector> vectors = clustered_vectors(6000, dimension, apart, 21);
      CHECK(share_found(vectors, clustered_vectors(30, dimension, apart, 22), 10) >= 0.99);
    }
}

TEST_CASE("a key has one vector, the newest; what is erased or not allowed is not found") {
  const std::vector<Vector> vectors = random_vectors(50, 32, 5);
  VectorIndex index(kMiB);
  for (std::size_t i = 0; i < 40; ++i) CHECK(index.put(key_of(i), PackedVector::of(vectors[i])));
  CHECK(index.put(key_of(7), PackedVector::of(vectors[45])));
  CHECK(index.size() == 40);
  CHECK(index.search(vectors[45], 1).at(0).key == key_of(7));
  index.erase(key_of(7));
  index.erase(key_of(999));
  CHECK(index.size() == 39);
  CHECK_FALSE(index.has(key_of(7)));
  for (const VectorIndex::Near& near : index.search(vectors[45], 40)) CHECK_FALSE(near.key == key_of(7));
  CHECK(index.search(vectors[45], 100).size() == 39);
  const auto even = [](const VectorKey& key) { return key.number % 2 == 0; };
  CHECK(index.search(vectors[45], 100, even).size() == 20);
  CHECK_FALSE(index.put(key_of(100), PackedVector::of(random_vectors(1, 33, 1)[0])));
  CHECK(index.search(random_vectors(1, 33, 1)[0], 10).empty());
  CHECK(index.search(vectors[0], 0).empty());
  index.clear();
  CHECK(index.search(vectors[0], 10).empty());
  CHECK(index.put(key_of(1), PackedVector::of(random_vectors(1, 33, 1)[0])));
}

TEST_CASE("never more than its bytes: the first that came go, the others are still found") {
  constexpr std::size_t kBytes = 64 * 1024;
  const std::vector<Vector> vectors = random_vectors(2000, 64, 9);
  VectorIndex index(kBytes);
  for (std::size_t i = 0; i < vectors.size(); ++i) {
    CHECK(index.put(key_of(i), PackedVector::of(vectors[i])));
    REQUIRE(index.bytes() <= kBytes + kBytes / 4);
    if (i % 3 == 0) index.erase(key_of(i / 2));
  }
  CHECK(index.size() > 100);
  CHECK_FALSE(index.has(key_of(0)));
  for (const std::size_t i : {1990, 1995, 1999}) CHECK(index.search(vectors[i], 1).at(0).key == key_of(i));
}

TEST_CASE("statements have keys of their own") {
  std::set<std::pair<std::uint64_t, std::uint64_t>> keys;
  for (int i = 0; i < 1000; ++i) {
    const VectorKey key = VectorKey::of_statement("The user's cat is " + std::to_string(i) + ".");
    CHECK(key.high == 0);
    keys.emplace(key.low, key.number);
  }
  CHECK(keys.size() == 1000);
}
