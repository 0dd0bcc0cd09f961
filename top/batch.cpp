#include "batch.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "base/error.hpp"
#include "columns.hpp"
#include "observed.hpp"
#include "output.hpp"
#include "top_json.hpp"
#include "top_view.hpp"

namespace prot::top {
namespace {

constexpr int kNothingRuns = 3;
constexpr Nanos kFirstInterval = 200 * kMillisecond;

Nanos nanos(double seconds) { return static_cast<Nanos>(seconds * 1e9); }

bool print_tables(Output& output, const Snapshot& snapshot, const ViewState& view, bool first) {
  if (!first && !output.print("")) return false;
  for (const std::string& line : plain_tables(snapshot, view))
    if (!output.print(line)) return false;
  return true;
}

}  // namespace

int run_batch(const Options& options) {
  const SteadyClock clock;
  RunModel model(options.instance, clock);
  if (!model.refused().empty()) fmt::print(stderr, "prot-top: left out: {}\n", model.refused());
  Output output;
  ViewState view;
  for (PaneState& pane : view.panes) pane.sort = find_column(options.sort);
  static_cast<void>(model.read());  // so that the first line has rates
  Nanos next = clock.now() + std::min(kFirstInterval, nanos(options.delay));
  for (int i = 0; options.iterations == 0 || i < options.iterations; ++i) {
    if (!output.wait_until(next)) return 0;
    const Snapshot snapshot = model.read();
    if (i == 0 && !snapshot.supervisor_alive)
      fmt::print(stderr, "prot-top: post-mortem: supervisor {} is dead; this is what it left\n",
                 snapshot.supervisor_pid);
    if (snapshot.removed) throw Error("prot instance '" + options.instance + "' has ended", kNothingRuns);
    const bool read =
        options.json ? output.print(to_json(snapshot)) : print_tables(output, snapshot, view, i == 0);
    if (!read || !output.flush()) return 0;
    next = std::max(next + nanos(options.delay), clock.now());
  }
  return 0;
}

}  // namespace prot::top
