#include "top_program.hpp"

#include <fmt/format.h>
#include <langinfo.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <clocale>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "base/error.hpp"
#include "base/paths.hpp"
#include "batch.hpp"
#include "columns.hpp"
#include "curses_screen.hpp"
#include "live.hpp"
#include "observed.hpp"
#include "options.hpp"

namespace prot::top {
namespace {

constexpr int kUsage = 2;

std::string from_environment(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

bool on_terminal() {
  const std::string term = from_environment("TERM");
  return ::isatty(STDOUT_FILENO) == 1 && ::isatty(STDIN_FILENO) == 1 && !term.empty() && term != "dumb";
}

int run_live(const Options& options) {
  const SteadyClock clock;
  RunModel model(options.instance, clock);  // before the screen: what it says must stay readable
  if (!model.refused().empty()) fmt::print(stderr, "prot-top: left out: {}\n", model.refused());
  std::setlocale(LC_CTYPE, "");
  ViewState view;
  view.ascii = options.ascii || std::string_view(::nl_langinfo(CODESET)) != "UTF-8";
  for (PaneState& pane : view.panes) pane.sort = find_column(options.sort);
  const bool colour = !options.no_colour && from_environment("NO_COLOR").empty();
  const auto screen = CursesScreen::open(colour);
  if (!screen) throw Error("terminal '" + from_environment("TERM") + "' is not known here (see --batch)");
  Live(model, *screen, clock, view, options.delay, options.iterations).run();
  return 0;
}

int run(Options options) {
  static_cast<void>(instance_paths(options.instance));  // a bad name is a usage error
  if (options.tail) return run_tail(options);
  if (options.once) options.iterations = 1;
  if (options.batch || options.json || options.once) return run_batch(options);
  if (on_terminal()) return run_live(options);
  if (options.iterations == 0) options.iterations = 1;
  fmt::print(stderr, "prot-top: not a terminal: as with --batch -n {}\n", options.iterations);
  return run_batch(options);
}

}  // namespace

int run_top(int argc, char** argv) {
  Options options;
  if (const std::string instance = from_environment("PROT_INSTANCE"); !instance.empty())
    options.instance = instance;
  CLI::App app{"Stages and rings of a prot instance, live, from shared memory", "prot-top"};
  describe(app, options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
    fmt::print(stderr, "prot-top: {} (see: prot-top --help)\n", error.what());
    return kUsage;
  }
  try {
    return run(options);
  } catch (const Error& error) {
    fmt::print(stderr, "prot-top: {}\n", full_message(error));
    return error.exit_code();
  } catch (const std::exception& error) {
    fmt::print(stderr, "prot-top: {}\n", full_message(error));
    return 1;
  }
}

}  // namespace prot::top
