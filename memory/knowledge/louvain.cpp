#include "knowledge/louvain.hpp"

#include <algorithm>
#include <map>
#include <numeric>

namespace prot::memory {
namespace {

constexpr double kLeastGain = 1e-12;  // below it the difference is rounding
constexpr int kMaxSweeps = 100;

/// Nodes 0 to n-1; `loops`: twice the weight inside a node.
struct Graph {
  std::vector<std::map<std::size_t, double>> ties;
  std::vector<double> loops;
  double total = 0.0;  // twice all weight

  explicit Graph(std::size_t nodes) : ties(nodes), loops(nodes) {}
  void add(std::size_t a, std::size_t b, double weight) {
    total += 2 * weight;
    if (a == b) {
      loops[a] += 2 * weight;
    } else {
      ties[a][b] += weight;
      ties[b][a] += weight;
    }
  }
  [[nodiscard]] double strength(std::size_t node) const {
    return std::accumulate(ties[node].begin(), ties[node].end(), loops[node],
                           [](double sum, const auto& tie) { return sum + tie.second; });
  }
};

using Groups = std::vector<std::size_t>;  // by node

/// One sweep after another: each node goes where it adds most. False: nothing moved.
bool move_nodes(const Graph& graph, Groups& group) {
  const std::size_t nodes = graph.ties.size();
  std::vector<double> strength(nodes);
  std::vector<double> of_group(nodes);
  for (std::size_t i = 0; i < nodes; ++i) of_group[group[i]] += strength[i] = graph.strength(i);
  bool any = false;
  for (int sweep = 0; sweep < kMaxSweeps; ++sweep) {
    bool moved = false;
    for (std::size_t node = 0; node < nodes; ++node) {
      const std::size_t own = group[node];
      std::map<std::size_t, double> towards{{own, 0.0}};
      for (const auto& [other, weight] : graph.ties[node]) towards[group[other]] += weight;
      of_group[own] -= strength[node];
      const auto gain = [&](std::size_t to) {
        return towards[to] - of_group[to] * strength[node] / graph.total;
      };
      std::size_t best = own;
      double most = gain(own);
      for (const auto& [to, weight] : towards)
        if (gain(to) > most + kLeastGain) {
          most = gain(to);
          best = to;
        }
      of_group[best] += strength[node];
      group[node] = best;
      moved |= best != own;
    }
    any |= moved;
    if (!moved) break;
  }
  return any;
}

/// Groups numbered from 0 in the order of their first node; how many.
std::size_t renumber(Groups& group) {
  std::map<std::size_t, std::size_t> number;
  for (std::size_t& g : group) g = number.emplace(g, number.size()).first->second;
  return number.size();
}

Graph of_groups(const Graph& graph, const Groups& group, std::size_t count) {
  Graph up(count);
  for (std::size_t node = 0; node < graph.ties.size(); ++node) {
    up.add(group[node], group[node], graph.loops[node] / 2);
    for (const auto& [other, weight] : graph.ties[node])
      if (other > node) up.add(group[node], group[other], weight);
  }
  return up;
}

/// The pieces of a group that hang together.
std::vector<std::vector<std::size_t>> pieces(const Graph& graph, const Groups& group) {
  std::vector<std::vector<std::size_t>> found;
  std::vector<bool> seen(group.size());
  for (std::size_t start = 0; start < group.size(); ++start) {
    if (seen[start]) continue;
    std::vector<std::size_t> piece{start};
    seen[start] = true;
    for (std::size_t at = 0; at < piece.size(); ++at)
      for (const auto& [other, weight] : graph.ties[piece[at]])
        if (!seen[other] && group[other] == group[start]) {
          seen[other] = true;
          piece.push_back(other);
        }
    std::sort(piece.begin(), piece.end());
    found.push_back(std::move(piece));
  }
  return found;
}

/// Ids in rising order, each once.
std::vector<std::int64_t> ids_of(std::span<const Tie> ties) {
  std::vector<std::int64_t> ids;
  for (const Tie& tie : ties) ids.insert(ids.end(), {tie.a, tie.b});
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

Graph graph_of(std::span<const Tie> ties, const std::vector<std::int64_t>& ids) {
  const auto number = [&](std::int64_t id) {
    return static_cast<std::size_t>(std::lower_bound(ids.begin(), ids.end(), id) - ids.begin());
  };
  Graph graph(ids.size());
  for (const Tie& tie : ties)
    if (tie.a != tie.b && tie.weight > 0.0) graph.add(number(tie.a), number(tie.b), tie.weight);
  return graph;
}

}  // namespace

std::vector<std::vector<std::int64_t>> louvain(std::span<const Tie> ties) {
  const std::vector<std::int64_t> ids = ids_of(ties);
  const Graph graph = graph_of(ties, ids);
  Groups group(ids.size());
  std::iota(group.begin(), group.end(), std::size_t{0});
  Graph level = graph;
  while (level.total > 0.0) {
    Groups step(level.ties.size());
    std::iota(step.begin(), step.end(), std::size_t{0});
    if (!move_nodes(level, step)) break;
    const std::size_t count = renumber(step);
    for (std::size_t& g : group) g = step[g];
    level = of_groups(level, step, count);
  }
  std::vector<std::vector<std::int64_t>> found;
  for (const std::vector<std::size_t>& piece : pieces(graph, group)) {
    if (piece.size() < 2) continue;
    std::vector<std::int64_t>& members = found.emplace_back();
    for (const std::size_t node : piece) members.push_back(ids[node]);
  }
  return found;
}

double modularity(std::span<const Tie> ties, const std::vector<std::vector<std::int64_t>>& groups) {
  const std::vector<std::int64_t> ids = ids_of(ties);
  const Graph graph = graph_of(ties, ids);
  if (graph.total <= 0.0) return 0.0;
  Groups group(ids.size());
  for (std::size_t i = 0; i < ids.size(); ++i) {
    group[i] = groups.size() + i;
    for (std::size_t g = 0; g < groups.size(); ++g)
      if (std::binary_search(groups[g].begin(), groups[g].end(), ids[i])) group[i] = g;
  }
  double inside = 0.0;
  std::map<std::size_t, double> strength;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    strength[group[i]] += graph.strength(i);
    for (const auto& [other, weight] : graph.ties[i]) inside += group[other] == group[i] ? weight : 0.0;
  }
  double expected = 0.0;
  for (const auto& [g, sum] : strength) expected += sum * sum;
  return inside / graph.total - expected / (graph.total * graph.total);
}

}  // namespace prot::memory
