#pragma once

#include <optional>
#include <string>

#include "base/clock.hpp"
#include "observed.hpp"
#include "screen.hpp"
#include "top_view.hpp"

namespace prot::top {

inline constexpr double kShortestDelay = 0.1;  // seconds
inline constexpr double kLongestDelay = 3600;

/// The live screen: samples, draws, and does what keys say. Knows no terminal and no shared memory.
/// Not thread-safe. Lives no longer than what it is made of.
class Live {
 public:
  static constexpr std::size_t kLeastWidth = 40;
  static constexpr std::size_t kLeastHeight = 6;

  /// `iterations`: samples with rates, then the end; 0: for ever.
  Live(Source& source, Screen& screen, const Clock& clock, ViewState view, double delay, int iterations = 0);

  /// Until somebody quits.
  void run();

 private:
  enum class Page { kTables, kHelp, kDetail, kTurns };
  enum class Prompt { kNone, kFilter, kDelay };

  void sample();
  void draw();
  [[nodiscard]] std::string footer() const;
  [[nodiscard]] const Snapshot& shown();
  bool handle(int key);  // false: quit
  bool handle_prompt(int key);
  bool handle_page(int key);
  bool handle_tables(int key);
  void finish_prompt();
  bool move(int key);
  void sort_by(int step);

  Source* source_;
  Screen* screen_;
  const Clock* clock_;
  ViewState view_;
  double delay_;
  int iterations_;
  Snapshot snapshot_;
  std::optional<Snapshot> baseline_;  // key c
  std::optional<Snapshot> counted_;   // snapshot_ since baseline_
  Nanos next_ = 0;
  Page page_ = Page::kTables;
  Prompt prompt_ = Prompt::kNone;
  std::string typed_;
  std::string message_;
  bool paused_ = false;
};

}  // namespace prot::top
