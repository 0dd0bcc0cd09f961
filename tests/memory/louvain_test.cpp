#include "memory/knowledge/louvain.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <random>

using namespace prot::memory;
using Groups = std::vector<std::vector<std::int64_t>>;

namespace {

/// Zachary's karate club (1977), the usual yardstick: 34 people, 78 friendships.
const std::vector<Tie>& karate() {
  static const std::vector<Tie> ties = [] {
    const std::map<int, std::vector<int>> friends = {
        {1, {2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 18, 20, 22, 32}},
        {2, {3, 4, 8, 14, 18, 20, 22, 31}},
        {3, {4, 8, 9, 10, 14, 28, 29, 33}},
        {4, {8, 13, 14}},
        {5, {7, 11}},
        {6, {7, 11, 17}},
        {7, {17}},
        {9, {31, 33, 34}},
        {10, {34}},
        {14, {34}},
        {15, {33, 34}},
        {16, {33, 34}},
        {19, {33, 34}},
        {20, {34}},
        {21, {33, 34}},
        {23, {33, 34}},
        {24, {26, 28, 30, 33, 34}},
        {25, {26, 28, 32}},
        {26, {32}},
        {27, {30, 34}},
        {28, {34}},
        {29, {32, 34}},
        {30, {33, 34}},
        {31, {33, 34}},
        {32, {33, 34}},
        {33, {34}}};
    std::vector<Tie> all;
    for (const auto& [a, others] : friends)
      for (const int b : others) all.push_back({a, b, 1.0});
    return all;
  }();
  return ties;
}

void ring(std::vector<Tie>& ties, std::int64_t first, int size) {
  for (int i = 0; i < size; ++i)
    for (int k = i + 1; k < size; ++k) ties.push_back({first + i, first + k, 1.0});
}

}  // namespace

TEST_CASE("groups that hardly touch are found as they are") {
  std::vector<Tie> ties;
  for (std::int64_t g = 0; g < 5; ++g) {
    ring(ties, 10 * g, 5);
    ties.push_back({10 * g, 10 * ((g + 1) % 5), 1.0});
  }
  const Groups groups = louvain(ties);
  REQUIRE(groups.size() == 5);
  for (std::int64_t g = 0; g < 5; ++g)
    CHECK(groups[static_cast<std::size_t>(g)] ==
          std::vector<std::int64_t>{10 * g, 10 * g + 1, 10 * g + 2, 10 * g + 3, 10 * g + 4});
}

TEST_CASE("the karate club falls apart as it did, near the best modularity that is known") {
  REQUIRE(karate().size() == 78);
  const Groups groups = louvain(karate());
  CHECK(modularity(karate(), groups) >= 0.41);  // the optimum is 0.4198
  const auto group_of = [&](std::int64_t who) {
    return std::find_if(groups.begin(), groups.end(), [&](const auto& group) {
      return std::binary_search(group.begin(), group.end(), who);
    });
  };
  CHECK(group_of(1) != group_of(34));
  CHECK(group_of(33) == group_of(34));
}

TEST_CASE("the order of the ties changes nothing") {
  std::vector<Tie> shuffled = karate();
  std::mt19937 random(7);
  for (int i = 0; i < 5; ++i) {
    std::shuffle(shuffled.begin(), shuffled.end(), random);
    for (Tie& tie : shuffled)
      if (random() % 2 == 0) std::swap(tie.a, tie.b);
    CHECK(louvain(shuffled) == louvain(karate()));
  }
}

TEST_CASE("a group hangs together, and everybody is in one at most") {
  std::mt19937 random(11);
  for (int round = 0; round < 20; ++round) {
    std::vector<Tie> ties;
    for (int i = 0; i < 120; ++i)
      ties.push_back({static_cast<std::int64_t>(random() % 60), static_cast<std::int64_t>(random() % 60),
                      1.0 + random() % 3});
    std::map<std::int64_t, int> seen;
    for (const auto& group : louvain(ties)) {
      std::vector<std::int64_t> reached{group[0]};
      for (std::size_t at = 0; at < reached.size(); ++at)
        for (const Tie& tie : ties)
          for (const auto& [a, b] : {std::pair{tie.a, tie.b}, {tie.b, tie.a}})
            if (a == reached[at] && std::binary_search(group.begin(), group.end(), b) &&
                std::find(reached.begin(), reached.end(), b) == reached.end())
              reached.push_back(b);
      CHECK(reached.size() == group.size());
      for (const std::int64_t member : group) CHECK(++seen[member] == 1);
    }
  }
}

TEST_CASE("little and strange graphs") {
  CHECK(louvain({}).empty());
  const std::vector<Tie> itself = {{1, 1, 5.0}};
  CHECK(louvain(itself).empty());
  const std::vector<Tie> nothing = {{1, 2, 0.0}};
  CHECK(louvain(nothing).empty());
  const std::vector<Tie> two = {{2, 1, 1.0}, {1, 2, 1.0}};
  CHECK(louvain(two) == Groups{{1, 2}});
  CHECK(modularity({}, {}) == 0.0);
}
