#include "report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <ostream>
#include <set>

namespace prot::bench {
namespace {

template <class T>
double at_share(std::span<T> sorted, double share) {
  if (sorted.empty()) return 0;
  const auto last = static_cast<double>(sorted.size() - 1);
  return static_cast<double>(sorted[static_cast<std::size_t>(std::lround(last * share))]);
}

double median_of(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return at_share(std::span(values), 0.5);
}

// Three digits that mean something.
std::string number(double value) {
  if (value == 0) return "0";
  if (value >= 99.95) return fmt::format("{:.0f}", value);
  if (value >= 9.995) return fmt::format("{:.1f}", value);
  if (value >= 0.0095) return fmt::format("{:.2f}", value);
  return fmt::format("{:.5f}", value);
}

}  // namespace

Figure figure_of(std::span<std::uint32_t> samples) {
  std::sort(samples.begin(), samples.end());
  return {at_share(samples, 0.5), at_share(samples, 0.99)};
}

Figure figure_of(std::vector<double> samples) {
  std::sort(samples.begin(), samples.end());
  return {at_share(std::span(samples), 0.5), at_share(std::span(samples), 0.99)};
}

double Report::Row::median() const { return median_of(medians); }
double Report::Row::p99() const {
  // A bench that gives one value a round has no tail of its own: the worst round stands for it.
  return p99s == medians ? figure_of(p99s).p99 : median_of(p99s);
}

void Report::add(const Key& key, Figure figure) {
  auto row = std::find_if(rows_.begin(), rows_.end(), [&](const Row& r) { return r.key == key; });
  if (row == rows_.end()) row = rows_.insert(rows_.end(), Row{key, {}, {}, 0});
  row->medians.push_back(figure.median);
  row->p99s.push_back(figure.p99);
  row->rounds = row->medians.size();
}

void Report::set_rounds(const Key& key, std::size_t rounds) {
  for (Row& row : rows_)
    if (row.key == key) row.rounds = rounds;
}

const Report::Row* Report::find(const Key& key) const noexcept {
  const auto row = std::find_if(rows_.begin(), rows_.end(), [&](const Row& r) { return r.key == key; });
  return row == rows_.end() ? nullptr : &*row;
}

const Report::Row* Report::anchor(const Key& ring, std::string_view transport) const noexcept {
  const Row* other = nullptr;
  for (const Row& row : rows_) {
    if (row.key.transport != transport || !row.key.comparable(ring)) continue;
    if (row.key.mode == ring.mode) return &row;
    other = &row;
  }
  // A transport that cannot spin stands beside the spinning ring in one-way throughput alone: there nobody
  // waits for a wake.
  return ring.bench == "throughput" ? other : nullptr;
}

double Report::ratio(const Key& ring, std::string_view transport) const {
  const Row* own = find(ring);
  const Row* other = anchor(ring, transport);
  if (own == nullptr || other == nullptr || other->median() == 0) return 0;
  return own->median() / other->median();
}

void Report::write_json(std::ostream& out) const {
  for (const Row& row : rows_) {
    std::string ratios;
    std::set<std::string> seen;
    for (const Row& other : rows_) {
      if (row.key.transport != "ring" || other.key.transport == "ring") continue;
      if (!seen.insert(other.key.transport).second) continue;
      if (const double value = ratio(row.key, other.key.transport); value > 0)
        ratios += fmt::format("{}\"{}\":{:.4g}", ratios.empty() ? "" : ",", other.key.transport, value);
    }
    out << fmt::format(
        R"({{"bench":"{}","mode":"{}","transport":"{}","bytes":{},"median":{:.6g},"p99":{:.6g},"unit":"{}","rounds":{},)"
        R"("ratio_to":{{{}}})",
        row.key.bench, row.key.mode, row.key.transport, row.key.bytes, row.median(), row.p99(), row.key.unit,
        row.rounds, ratios);
    if (!row.key.detail.empty()) out << fmt::format(R"(,"case":"{}")", row.key.detail);
    out << "}\n";
  }
}

void Report::print_table(std::ostream& out, const Row& first, std::vector<bool>& done) const {
  const auto same = [&](const Key& k) {
    return k.bench == first.key.bench && k.detail == first.key.detail && k.unit == first.key.unit &&
           k.mode == first.key.mode;
  };
  std::vector<std::size_t> sizes;
  std::vector<std::string> names;
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    const Key& k = rows_[i].key;
    if (!same(k)) continue;
    done[i] = true;
    if (std::find(sizes.begin(), sizes.end(), k.bytes) == sizes.end()) sizes.push_back(k.bytes);
    if (std::find(names.begin(), names.end(), k.transport) == names.end()) names.push_back(k.transport);
  }
  out << fmt::format("\n{}{}{}, {}: {} (p99), x: ring / this\n{:<16}", first.key.bench,
                     first.key.detail.empty() ? "" : " ", first.key.detail, first.key.mode, first.key.unit,
                     "");
  for (const std::size_t size : sizes)
    out << fmt::format("{:>28}", size == 0 ? std::string("-") : fmt::format("{} B", size));
  out << '\n';
  for (const std::string& name : names) {
    out << fmt::format("{:<16}", name);
    for (const std::size_t size : sizes) {
      Key k = first.key;
      k.transport = name;
      k.bytes = size;
      const Row* row = find(k);
      if (row == nullptr) {
        out << fmt::format("{:>28}", "");
        continue;
      }
      std::string cell = fmt::format("{} ({})", number(row->median()), number(row->p99()));
      k.transport = "ring";
      if (const double value = name == "ring" ? 0 : ratio(k, name); value > 0)
        cell += fmt::format(" {:>5}x", number(value));
      else
        cell += "       ";
      out << fmt::format("{:>28}", cell);
    }
    out << '\n';
  }
}

std::vector<Report::Check> Report::checks() const {
  std::vector<Check> found;
  const auto at_most = [&](std::string what, double value, double bar) {
    if (value > 0) found.push_back({std::move(what), value, bar, true});
  };
  const auto faster = [&](std::string what, double ratio_to, double times) {
    if (ratio_to > 0) found.push_back({std::move(what), 1 / ratio_to, times, false});
  };
  const auto value_of = [&](const Key& k) {
    const Row* row = find(k);
    return row == nullptr ? -1.0 : row->median();
  };
  const Key trip{"round_trip", "spin", "ring", 1024, "", "ns"};
  at_most("round trip 1 KiB, spin: ring / slot", ratio(trip, "slot"), 1.15);
  at_most("round trip 1 KiB, spin: ring / boost_spsc", ratio(trip, "boost_spsc"), 1.10);
  at_most("round trip 1 KiB, spin: ring / iceoryx", ratio(trip, "iceoryx"), 0.4);
  Key through{"throughput", "spin", "ring", 1024, "", "ns/frame"};
  faster("throughput 1 KiB: times boost_spsc", ratio(through, "boost_spsc"), 1.1);
  for (const char* other : {"pipe", "unix_stream", "unix_seqpacket"})
    faster(fmt::format("throughput 1 KiB: times {}", other), ratio(through, other), 10);
  through.bytes = 16384;
  faster("throughput 16 KiB: times pipe", ratio(through, "pipe"), 6);
  for (const auto& [detail, bar] : {std::pair{"saturated", 0.001}, {"bare wait", 3.0}, {"event loop", 4.1}})
    if (const double v = value_of({"syscalls", "sleep", "ring", 1024, detail, "calls/frame"}); v >= 0)
      found.push_back({fmt::format("system calls a frame, {}", detail), v, bar, true});
  if (const double v = value_of({"idle", "sleep", "ring", 0, "", "percent of a core"}); v >= 0)
    found.push_back({"idle stage, percent of a core", v, 0.05, true});
  if (const double v = value_of({"idle", "sleep", "ring", 0, "beyond the belt", "wake-ups"}); v >= 0)
    found.push_back({"idle stage, wake-ups but the belt", v, 0, true});
  if (const Row* row = find({"recovery", "sleep", "ring", 1024, "", "ns"}); row != nullptr)
    found.push_back({"kill to next frame, p99 ms", row->p99() / 1e6, 10, true});
  for (const char* unit : {"lost frames", "late wakes"})
    if (const double v = value_of({"paced", "sleep", "ring", 1024, "50000 frames/s", unit}); v >= 0)
      found.push_back({fmt::format("50,000 frames/s of 1 KiB: {}", unit), v, 0, true});
  return found;
}

void Report::print(std::ostream& out) const {
  std::vector<bool> done(rows_.size(), false);
  for (std::size_t i = 0; i < rows_.size(); ++i)
    if (!done[i]) print_table(out, rows_[i], done);
  out << "\nA sleeping wake costs every transport the same: where the others sleep, expect ratios around 1.\n"
         "One-way throughput compares the ring with each transport in the only mode that it has.\n";
  out << fmt::format("\n{:<50}{:>10}   {}\n", "bar", "measured", "");
  for (const Check& c : checks())
    out << fmt::format("{:<50}{:>10}   {} {:<8} {}\n", c.what, number(c.value),
                       c.at_most ? "<=" : ">=", number(c.bar), c.met() ? "met" : "NOT MET");
  for (const std::string& what : notes_) out << "not measured: " << what << '\n';
  for (const std::string& what : failures_) out << "WRONG: " << what << '\n';
}

}  // namespace prot::bench
