#include "top_program.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/paths.hpp"
#include "base/unique_fd.hpp"
#include "screen.hpp"
#include "top_model.hpp"
#include "top_view.hpp"

namespace prot::top {
namespace {

struct Options {
  std::string instance = "default";
  bool batch = false;
  bool json = false;
  bool once = false;
  bool no_colour = false;
  int iterations = 0;  // 0: for ever
  double delay = 1.0;  // seconds
};

// Waits for `seconds` or a signal to end; false: end.
bool pause_for(double seconds, int signals) {
  pollfd p{signals, POLLIN, 0};
  return ::poll(&p, 1, static_cast<int>(seconds * 1000)) == 0;
}

bool print(const std::string& text) {
  return std::fputs(text.c_str(), stdout) >= 0 && std::fputc('\n', stdout) != EOF && std::fflush(stdout) == 0;
}

int run_batch(const Options& options, int signals) {
  TopModel model(options.instance);
  (void)model.read();  // the second sample has rates
  for (int i = 0; options.iterations == 0 || i < options.iterations; ++i) {
    if (!pause_for(i == 0 ? 0.2 : options.delay, signals)) return 0;
    const Snapshot snapshot = model.read();
    if (options.json) {
      if (!print(to_json(snapshot))) return 0;  // nobody reads any more: fine
      continue;
    }
    ViewOptions view;
    view.width = 200;
    if (i > 0 && !print("")) return 0;
    for (const Line& line : render(snapshot, view))
      if (!print(line.text)) return 0;
  }
  return 0;
}

const char* next_of(const std::string& current, std::initializer_list<const char*> names) {
  bool found = current.empty();
  for (const char* name : names) {
    if (found) return name;
    found = current == name;
  }
  return "";
}

int run_live(const Options& options, bool colour) {
  TopModel model(options.instance);
  Screen screen(colour);
  ViewOptions view;
  Snapshot snapshot = model.read();
  Snapshot baseline;
  double delay = options.delay;
  bool paused = false;
  bool help = false;
  Nanos next = monotonic_now();
  while (true) {
    const Nanos now = monotonic_now();
    if (!paused && now >= next) {
      snapshot = model.read();
      next = now + static_cast<Nanos>(delay * 1e9);
    }
    view.width = screen.width();
    const std::string footer = fmt::format(
        "q quit  h help  space {}  s sort: {}  / filter: {}  every {} s", paused ? "go on" : "pause",
        view.ring_sort.empty() ? "flow" : view.ring_sort, view.filter.empty() ? "all" : view.filter, delay);
    screen.draw(help ? help_lines() : render(snapshot, view), footer);
    const Nanos wait = paused ? kSecond : std::max<Nanos>(next - monotonic_now(), 0);
    const int key = screen.key(static_cast<int>(wait / kMillisecond) + 1);
    if (key < 0) continue;
    if (help) {
      help = false;
      continue;
    }
    switch (key) {
      case 'q':
      case 3:
        return 0;
      case 'h':
      case '?':
        help = true;
        break;
      case ' ':
        paused = !paused;
        break;
      case 's':
        view.ring_sort = next_of(view.ring_sort, {"name", "used", "rate", "lag", "drops"});
        break;
      case 'S':
        view.stage_sort = next_of(view.stage_sort, {"name", "busy", "rss", "restarts"});
        break;
      case 'r':
        view.reverse = !view.reverse;
        break;
      case '/':
        view.filter = screen.ask("filter: ");
        break;
      case 'c':
        baseline = snapshot;
        view.baseline = &baseline;
        break;
      case 'd': {
        const double asked = std::strtod(screen.ask("delay in seconds: ").c_str(), nullptr);
        if (asked >= 0.1 && asked <= 3600) delay = asked;
        break;
      }
      default:
        break;
    }
  }
}

UniqueFd end_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, number);
  ::sigprocmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  return UniqueFd(::signalfd(-1, &set, SFD_CLOEXEC));
}

bool set_in_environment(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && value[0] != '\0';
}

int run(Options options) {
  (void)instance_paths(options.instance);  // a bad name is a usage error
  if (options.once) options.iterations = 1;
  const char* term = std::getenv("TERM");
  const bool terminal = ::isatty(STDOUT_FILENO) == 1 && term != nullptr && std::string_view(term) != "dumb";
  if (!options.batch && !options.json && !options.once && terminal)
    return run_live(options, !options.no_colour && !set_in_environment("NO_COLOR"));
  if (!options.batch && !options.json && !options.once) {
    std::fputs("prot-top: not a terminal: printing one table\n", stderr);
    options.iterations = 1;
  }
  const UniqueFd signals = end_signals();
  return run_batch(options, signals.get());
}

}  // namespace

int run_top(int argc, char** argv) {
  Options options;
  if (const char* instance = std::getenv("PROT_INSTANCE"); instance != nullptr && instance[0] != '\0')
    options.instance = instance;
  CLI::App app{
      "prot-top: rings and stages of a prot instance, live, from shared memory; of a dead one as well"};
  app.set_version_flag("-V,--version", std::string("prot-top ") + PROT_VERSION);
  app.add_option("--instance", options.instance, "instance to watch");
  app.add_flag("-b,--batch", options.batch, "text without a screen");
  app.add_flag("--json", options.json, "one JSON object a line");
  app.add_flag("--once", options.once, "one sample, then end");
  app.add_flag("--no-color,--no-colour", options.no_colour, "no colours");
  app.add_option("-n,--iterations", options.iterations, "samples, then end")
      ->check(CLI::Range(1, 1'000'000'000));
  app.add_option("-d,--delay", options.delay, "seconds between samples")->check(CLI::Range(0.1, 3600.0));
  try {
    app.parse(argc, argv);
    return run(options);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 2;
  } catch (const Error& e) {
    std::fprintf(stderr, "prot-top: %s\n", full_message(e).c_str());
    return e.exit_code();
  } catch (const std::exception& e) {
    std::fprintf(stderr, "prot-top: %s\n", full_message(e).c_str());
    return 1;
  }
}

}  // namespace prot::top
