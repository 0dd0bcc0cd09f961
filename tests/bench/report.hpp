#pragma once

#include <cstddef>
#include <iosfwd>
#include <span>
#include <string>
#include <vector>

#include "transport.hpp"

namespace prot::bench {

/// What one figure is about.
struct Key {
  std::string bench;  // round_trip, throughput, paced, syscalls, idle, recovery
  std::string mode;   // spin, sleep
  std::string transport;
  std::size_t bytes = 0;
  std::string detail;  // which of several of that bench: "1 ms", "event loop"; may be empty
  std::string unit;

  [[nodiscard]] bool operator==(const Key&) const = default;
  /// The same question asked of another transport.
  [[nodiscard]] bool comparable(const Key& other) const noexcept {
    return bench == other.bench && bytes == other.bytes && detail == other.detail && unit == other.unit;
  }
};

/// One figure of a round: a typical value and how bad it gets.
struct Figure {
  double median = 0;
  double p99 = 0;
};
/// Of samples that are sorted here.
[[nodiscard]] Figure figure_of(std::span<std::uint32_t> samples);
[[nodiscard]] Figure figure_of(std::vector<double> samples);

/// All figures of a run. What is reported is the median over the rounds, of medians and of 99th percentiles;
/// a ratio is the ring's median divided by the other's.
class Report {
 public:
  struct Row {
    Key key;
    std::vector<double> medians;
    std::vector<double> p99s;
    std::size_t rounds = 0;
    [[nodiscard]] double median() const;
    [[nodiscard]] double p99() const;
  };
  struct Check {
    std::string what;
    double value;
    double bar;
    bool at_most;
    [[nodiscard]] bool met() const noexcept { return at_most ? value <= bar : value >= bar; }
  };

  void add(const Key& key, Figure figure);
  /// Of a bench that has no rounds: how often it did what it measured.
  void set_rounds(const Key& key, std::size_t rounds);
  /// Something that must never be wrong was wrong: the run fails.
  void fail(std::string what) { failures_.push_back(std::move(what)); }
  /// Something could not be measured here.
  void note(std::string what) { notes_.push_back(std::move(what)); }
  [[nodiscard]] const std::vector<std::string>& failures() const noexcept { return failures_; }
  [[nodiscard]] const std::vector<Row>& rows() const noexcept { return rows_; }

  /// The ring's median divided by that of `transport`; 0: not measured.
  [[nodiscard]] double ratio(const Key& ring, std::string_view transport) const;
  [[nodiscard]] const Row* find(const Key& key) const noexcept;

  /// One object a line.
  void write_json(std::ostream& out) const;
  /// Tables for people, then the bars.
  void print(std::ostream& out) const;

 private:
  /// The row of `transport` that `ring` is compared with: the same mode if it has that, else the other.
  [[nodiscard]] const Row* anchor(const Key& ring, std::string_view transport) const noexcept;
  void print_table(std::ostream& out, const Row& first, std::vector<bool>& done) const;
  [[nodiscard]] std::vector<Check> checks() const;

  std::vector<Row> rows_;
  std::vector<std::string> failures_;
  std::vector<std::string> notes_;
};

}  // namespace prot::bench
