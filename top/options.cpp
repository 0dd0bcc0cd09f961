#include "options.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "columns.hpp"
#include "live.hpp"

namespace prot::top {
namespace {

std::string list_columns() {
  std::string names;
  for (const auto& column : stage_columns()) names += fmt::format(" {}", column.title);
  for (const auto& column : ring_columns())
    if (names.find(fmt::format(" {}", column.title)) == std::string::npos)
      names += fmt::format(" {}", column.title);
  return names;
}

std::string check_delay(const std::string& text) {
  double delay = 0;
  if (CLI::detail::lexical_cast(text, delay) && delay >= kShortestDelay && delay <= kLongestDelay) return {};
  return fmt::format("'{}' is not a time from {} to {} seconds", text, kShortestDelay, kLongestDelay);
}

}  // namespace

void describe(CLI::App& app, Options& options) {
  app.set_version_flag("-V,--version", std::string("prot-top ") + PROT_VERSION);
  app.add_option("--instance", options.instance, "which prot, when several run (PROT_INSTANCE)")
      ->capture_default_str();
  app.add_flag("-b,--batch", options.batch, "text without a screen, one table after the other");
  app.add_flag("--json", options.json, "one JSON object a line");
  app.add_flag("--once", options.once, "one table (or object), then end");
  app.add_option("-n,--iterations", options.iterations, "so many tables (objects, frames), then end")
      ->check(CLI::Range(1, 1'000'000'000));
  app.add_option("-d,--delay", options.delay, "seconds between samples, at least 0.1")
      ->check(CLI::Validator(check_delay, "SECONDS"))
      ->capture_default_str();
  app.add_option("-s,--sort", options.sort, "sort by a column, largest first")
      ->type_name("COL")
      ->check(CLI::Validator(
          [](const std::string& name) {
            return find_column(name).empty() ? fmt::format("there is no column '{}':{}", name, list_columns())
                                             : std::string();
          },
          ""));
  app.add_flag("--no-color,--no-colour", options.no_colour, "no colours (also NO_COLOR)");
  app.add_flag("--ascii", options.ascii, "no characters but ASCII");
  CLI::Option* ring =
      app.add_option("--ring", options.ring, "with --tail: the ring to look into")->type_name("NAME");
  CLI::Option* tail =
      app.add_flag("--tail", options.tail, "print the frames of --ring as they pass")->needs(ring);
  ring->needs(tail);
  app.add_flag("--waiting", options.waiting, "with --tail: first the frames that wait in the ring")
      ->needs(tail);
  app.add_flag("--content", options.content, "with --tail: what is in the frames, too")->needs(tail);
  app.footer(
      "Keys: h shows them. prot-top only reads; it works on a hung or dead instance, too.\n"
      "Exit codes: 0 ok, 1 failure, 2 usage, 3 nothing runs, 4 a segment is of another version or damaged.");
}

}  // namespace prot::top
