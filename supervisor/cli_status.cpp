// prot status.
#include <fmt/format.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <string>

#include "base/error.hpp"
#include "base/paths.hpp"
#include "cli.hpp"
#include "cli_print.hpp"
#include "stage/control.hpp"

namespace prot::supervisor {
namespace {

constexpr int kDegraded = 6;

std::string size_text(std::int64_t bytes) {
  if (bytes >= 10 << 20) return fmt::format("{} MiB", bytes >> 20);
  if (bytes >= 10 << 10) return fmt::format("{} KiB", bytes >> 10);
  return fmt::format("{} B", bytes);
}

std::string time_text(std::int64_t ms) {
  if (ms < 10'000) return fmt::format("{} ms", ms);
  const std::int64_t s = ms / 1000;
  return s < 120 ? fmt::format("{} s", s) : fmt::format("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60);
}

json::View counters_of(const json::View& stages, std::string_view name) {
  for (std::size_t i = 0; i < stages.size(); ++i)
    if (stages.at(i).get("name").as_string() == name) return stages.at(i).get("counters");
  return {};
}

// How well prot's own voice is kept out of the microphone, and where the loudspeaker had nothing to play.
void print_sound(const json::View& stages) {
  const json::View heard = counters_of(stages, "capture");
  const json::View played = counters_of(stages, "player");
  const auto count = [](const json::View& counters, const char* label) {
    return counters ? counters.get(label).as_int() : 0;
  };
  if (const auto removed = count(heard, "echo_removed_db"); removed > 0)
    fmt::print("\necho: {} dB taken away, {} ms late{}\n", removed, count(heard, "echo_late_ms"),
               count(heard, "echo_moved_ms") > 0
                   ? fmt::format(" ({} ms of it made up for)", count(heard, "echo_moved_ms"))
                   : "");
  const auto of_voice = count(played, "underruns");
  const auto of_device = count(played, "device_underruns");
  if (of_voice + of_device > 0)
    fmt::print("\nloudspeaker ran dry: {} times for want of a voice, {} times by the device\n", of_voice,
               of_device);
}

// Only where there is a database.
void print_database(const json::View& stages) {
  const json::View memory = counters_of(stages, "memory");
  if (!memory || memory.get("db_pool_most").as_int() == 0) return;
  const auto count = [&](const char* label) { return memory.get(label).as_int(); };
  fmt::print("\ndatabase: {}, {} connections, {} free, at most {}\n", count("db_up") == 1 ? "up" : "away",
             count("db_pool_size"), count("db_pool_free"), count("db_pool_most"));
  if (count("spooled") > 0) fmt::print("in the spool: {} records\n", count("spooled"));
  if (count("db_cut") > 0) fmt::print("connections cut because no answer came: {}\n", count("db_cut"));
}

void print_status(const json::View& root) {
  print_shown(stdout, "instance {}: {}, conversation {}, turn {}, supervisor {}\n\n",
              root.get("instance").as_string(), root.get("state").as_string(),
              root.get("conversation").as_string(), root.get("turn").as_int(),
              root.get("supervisor").get("pid").as_int());
  fmt::print("{:<9}{:>8}  {:<9}{:>4}{:>9}{:>11}{:>6}{:>10}{:>9}  {}\n", "STAGE", "PID", "STATE", "GEN",
             "RESTARTS", "UP", "EXIT", "RSS", "CPU ms", "ENGINE");
  const json::View stages = root.get("stages");
  for (std::size_t i = 0; i < stages.size(); ++i) {
    const json::View s = stages.at(i);
    print_shown(stdout, "{:<9}{:>8}  {:<9}{:>4}{:>9}{:>11}{:>6}{:>10}{:>9}  {}\n", s.get("name").as_string(),
                s.get("pid").as_int(),
                s.get("degraded").as_bool() ? std::string_view("degraded") : s.get("state").as_string(),
                s.get("generation").as_int(), s.get("restarts").as_int(),
                time_text(s.get("uptime_ms").as_int()), s.get("last_exit").as_int(),
                size_text(s.get("rss_bytes").as_int()), s.get("cpu_ms").as_int(),
                s.get("engine").as_string());
  }
  fmt::print("\n{:<12}{:<20}{:>10}{:>10}{:>10}{:>10}{:>7}{:>8}{:>6}\n", "RING", "FROM -> TO", "USED",
             "CAPACITY", "HIGHEST", "FRAMES", "DROPS", "POISON", "LATE");
  const json::View rings = root.get("rings");
  for (std::size_t i = 0; i < rings.size(); ++i) {
    const json::View r = rings.at(i);
    print_shown(stdout, "{:<12}{:<20}{:>10}{:>10}{:>10}{:>10}{:>7}{:>8}{:>6}\n", r.get("name").as_string(),
                fmt::format("{} -> {}", r.get("from").as_string(), r.get("to").as_string()),
                size_text(r.get("used_bytes").as_int()), size_text(r.get("capacity_bytes").as_int()),
                size_text(r.get("high_water_bytes").as_int()), r.get("frames").as_int(),
                r.get("drops").as_int(), r.get("poison_frames").as_int(), r.get("late_wakes").as_int());
  }
  print_sound(stages);
}

// What a stage says of itself while all is well: brain of its tools, and of the record.
void print_tools(const json::View& stages) {
  for (std::size_t i = 0; i < stages.size(); ++i)
    if (const auto text = stages.at(i).get("status").as_string();
        text.starts_with("tools: ") || text.starts_with("off the record"))
      print_shown(stdout, "\n{}\n", shown_line(text));
}

// What the table has no room for.
void print_reasons(const json::View& stages) {
  for (std::size_t i = 0; i < stages.size(); ++i) {
    const json::View s = stages.at(i);
    print_shown(stdout, "\n{}:\n", s.get("name").as_string());
    if (s.get("held_by").as_int() > 0) fmt::print("  held by process {}\n", s.get("held_by").as_int());
    if (s.get("degraded").as_bool()) fmt::print("  degraded: it dies all the time and is tried seldom\n");
    for (const char* name : {"status", "last_error", "sandbox"})
      if (const auto text = s.get(name).as_string(); !text.empty())
        print_shown(stdout, "  {}: {}\n", name, shown_line(text));
  }
}

// Rings whose consumer did not keep up.
void print_pressure(const json::View& rings) {
  for (std::size_t i = 0; i < rings.size(); ++i) {
    const json::View r = rings.at(i);
    if (const auto times = r.get("pressure_events").as_int(); times > 0)
      print_shown(stdout, "\nqueue pressure: {}, {} times; {} does not keep up with {}\n",
                  r.get("name").as_string(), times, r.get("to").as_string(), r.get("from").as_string());
  }
}

// Where the time of the newest turn went.
void print_turn(const json::View& turn) {
  if (!turn) return;
  const json::View steps = turn.get("steps");
  print_shown(
      stdout, "\nturn {}{}{}{}, ms from the end of speech{}:\n", turn.get("turn").as_int(),
      turn.get("interrupted").as_bool() ? ", interrupted" : "",
      turn.get("failed").as_bool() ? ", failed" : "",
      turn.get("preemptive").as_bool() ? ", asked before it was sure" : "",
      turn.get("model").as_string().empty() ? "" : fmt::format(" ({})", turn.get("model").as_string()));
  for (std::size_t i = 0; i < steps.size(); ++i)
    print_shown(stdout, "  {:<14}{:>7}{:>8}\n", steps.at(i).get("step").as_string(),
                steps.at(i).get("ms").as_int(), fmt::format("+{}", steps.at(i).get("added_ms").as_int()));
}

}  // namespace

int command_status(const CliRequest& request, char** /*argv*/) {
  stage::ControlClient client(instance_paths(request.instance));
  if (request.watch && std::signal(SIGINT, [](int) { ::_exit(0); }) == SIG_ERR)
    throw errno_error("cannot watch for SIGINT");
  const bool repaints = request.watch && !request.json && ::isatty(STDOUT_FILENO) == 1;
  for (;;) {
    const std::string reply = client.call(R"({"cmd":"status"})");
    const json::Document document = checked_reply(reply);
    if (repaints) fmt::print("\x1b[H\x1b[J");
    if (request.json) {
      print_shown_json(reply);
    } else {
      print_status(document.root());
      print_tools(document.get("stages"));
      if (request.verbose) {
        print_database(document.get("stages"));
        print_pressure(document.get("rings"));
        print_turn(document.get("turns").at(0));
        print_reasons(document.get("stages"));
      }
    }
    if (!request.watch) return document.get("state").as_string() == "degraded" ? kDegraded : 0;
    if (!repaints && !request.json) fmt::print("\n");
    if (std::fflush(stdout) != 0) return 0;  // nobody reads any more
    ::sleep(1);
  }
}

}  // namespace prot::supervisor
