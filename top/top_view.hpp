#pragma once

#include <string>
#include <vector>

#include "top_model.hpp"

namespace prot::top {

enum class Style { kPlain, kTitle, kHeader, kGood, kWarn, kBad, kDim, kSelected };

struct Line {
  std::string text;
  Style style = Style::kPlain;
};

struct ViewOptions {
  std::size_t width = 120;  // columns
  std::string stage_sort;   // "" = start order, or a column: name, busy, rss, restarts
  std::string ring_sort;    // "" = flow order, or: name, used, rate, lag, drops
  bool reverse = false;
  std::string filter;                  // only rows whose name holds this
  const Snapshot* baseline = nullptr;  // drops are shown since this snapshot (key c)
};

/// The two tables as lines, for the screen and for -b alike. Columns that do not fit are left out, the least
/// important first. "---": no data; "+++": taken and not yet released.
[[nodiscard]] std::vector<Line> render(const Snapshot& snapshot, const ViewOptions& options);

/// The keys, for the help pane.
[[nodiscard]] std::vector<Line> help_lines();

}  // namespace prot::top
