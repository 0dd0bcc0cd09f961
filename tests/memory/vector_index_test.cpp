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
  for (const std::size_t stride : {kDotBlock, 16 * kDotBlock}) {
    std::vector<std::int8_t> query(stride);
    std::vector<std::int8_t> rows(700 * stride);
    for (std::int8_t& value : query) value = static_cast<std::int8_t>(random() % 255 - 127);
    for (std::int8_t& value : rows) value = static_cast<std::int8_t>(random() % 255 - 127);
    std::fill(query.begin(), query.begin() + 32, std::int8_t{-127});  // the largest sums
    std::fill(rows.begin(), rows.begin() + 32, std::int8_t{-128});
    DotScan scan(query, rows, stride);
    std::size_t row = 0;
    for (std::size_t begin = 0; begin < 700; begin += DotScan::kRows)
      for (const std::int32_t product : scan.rows(begin, 700)) {
        REQUIRE(product == std::inner_product(query.begin(), query.end(),
                                              rows.begin() + static_cast<std::ptrdiff_t>(row * stride), 0));
        ++row;
      }
    CHECK(row == 700);
  }
}

TEST_CASE("the nearest are those of exact arithmetic, best first") {
  constexpr std::size_t kLimit = 24;
  for (const std::size_t dimension : {8, 100, 1024}) {
    CAPTURE(dimension);
    const std::vector<Vector> vectors = random_vectors(3000, dimension, 11);
    VectorIndex index(256 * kMiB);
    for (std::size_t i = 0; i < vectors.size(); ++i)
      CHECK(index.put(key_of(i), PackedVector::of(vectors[i])));
    std::size_t found = 0;
    const std::vector<Vector> queries = random_vectors(20, dimension, 12);
    for (const Vector& query : queries) {
      std::vector<std::pair<double, std::size_t>> expected;
      for (std::size_t i = 0; i < vectors.size(); ++i) expected.emplace_back(-dot(query, vectors[i]), i);
      std::sort(expected.begin(), expected.end());
      std::set<std::uint64_t> best;
      for (std::size_t i = 0; i < kLimit; ++i) best.insert(key_of(expected[i].second).number);
      const std::vector<VectorIndex::Near> near = index.search(query, kLimit);
      REQUIRE(near.size() == kLimit);
      for (std::size_t i = 0; i < kLimit; ++i) {
        CHECK(near[i].similarity == doctest::Approx(-expected[i].first).epsilon(0.001));
        if (i > 0) CHECK(near[i].similarity <= near[i - 1].similarity);
        found += best.contains(near[i].key.number) ? 1 : 0;
      }
    }
    CHECK(found >= queries.size() * kLimit - 2);  // neighbours that differ by less than a 16-bit step
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
