#pragma once

#include <span>
#include <string>
#include <string_view>

#include "observed.hpp"

namespace prot::top {

/// One column of a table. prot-top(1) defines each under its title; a test compares the two.
template <typename Row>
struct Column {
  const char* title;
  int width;
  bool left;     // alignment
  int priority;  // where the terminal is narrow, the highest numbers go first; 0 stays
  std::string (*text)(const Row&);
  double (*number)(const Row&);  // to sort by, largest first; null: by text
};

[[nodiscard]] std::span<const Column<StageRow>> stage_columns() noexcept;
[[nodiscard]] std::span<const Column<RingRow>> ring_columns() noexcept;

/// The title of the column that a person calls `name`, in any case; empty: there is none.
[[nodiscard]] std::string find_column(std::string_view name);

/// The same rows, counted from `baseline` on (key c): drops, marks and restarts before it do not show.
[[nodiscard]] Snapshot since(const Snapshot& snapshot, const Snapshot& baseline);
/// Remembers in `baseline` the most that each ring held since, for the marks of since().
void raise_marks(Snapshot& baseline, const Snapshot& snapshot);

}  // namespace prot::top
