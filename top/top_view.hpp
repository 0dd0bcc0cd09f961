#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "observed.hpp"
#include "screen.hpp"

namespace prot::top {

/// One of the two tables: how it is sorted, and where the person stands in it.
struct PaneState {
  std::string sort;  // title of a column; empty: start order, flow order
  bool reverse = false;
  std::string selected;       // name of a row
  std::size_t first_row = 0;  // scrolled to
  std::size_t page_rows = 1;  // that fit, as drawn last
};

enum class Pane : std::size_t { kStages, kRings };

/// What is shown and how. The view clamps positions to what there is.
struct ViewState {
  std::size_t width = 80;
  std::size_t height = 24;
  bool ascii = false;
  Pane active = Pane::kRings;
  std::array<PaneState, 2> panes;
  std::string filter;  // only rows with this in their names
  std::string footer;
  std::size_t first_line = 0;  // of a page of text (help, detail)

  [[nodiscard]] PaneState& pane() { return panes[static_cast<std::size_t>(active)]; }
};

/// Titles of the columns that fit into the active pane, in order.
[[nodiscard]] std::vector<std::string> visible_columns(const ViewState& view);
/// Names of the rows of the active pane, filtered and sorted.
[[nodiscard]] std::vector<std::string> visible_rows(const Snapshot& snapshot, const ViewState& view);

/// The two tables, exactly `height` lines of at most `width` characters.
[[nodiscard]] Picture draw_tables(const Snapshot& snapshot, ViewState& view);
/// A page of text that scrolls.
[[nodiscard]] Picture draw_page(const std::vector<Line>& page, ViewState& view);
/// Both tables whole, all columns, for batch.
[[nodiscard]] std::vector<std::string> plain_tables(const Snapshot& snapshot, const ViewState& view);

/// Everything about the selected row of the active pane.
[[nodiscard]] std::vector<Line> detail_lines(const Snapshot& snapshot, const ViewState& view);
/// Where the time of the last voice turns went.
[[nodiscard]] std::vector<Line> turn_lines(const Snapshot& snapshot);
[[nodiscard]] std::vector<Line> help_lines();

}  // namespace prot::top
