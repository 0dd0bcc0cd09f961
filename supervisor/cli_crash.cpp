// prot crash list, prot crash show: what the supervisor wrote down about deaths. No instance need be running.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <iterator>
#include <map>

#include "base/error.hpp"
#include "base/local_tm.hpp"
#include "base/log_record.hpp"
#include "base/paths.hpp"
#include "base/symbols.hpp"
#include "build_id.hpp"
#include "cli.hpp"
#include "cli_print.hpp"
#include "crash_report.hpp"
#include "json/json.hpp"
#include "log_line.hpp"

namespace prot::supervisor {
namespace {
namespace fs = std::filesystem;

constexpr std::uintmax_t kMostReport = 1024 * 1024;

json::Document read_report(const fs::path& file) {
  std::error_code error;
  if (fs::file_size(file, error) > kMostReport || error)
    throw Error(file.string() + " is no crash report of this prot");
  std::ifstream in(file, std::ios::binary);
  return json::parse(std::string(std::istreambuf_iterator<char>(in), {}));
}

// "2026-01-31T23:59:59.123456Z" as the local clock shows it.
std::string local_time(std::string_view utc) {
  std::tm broken{};
  std::string copy(utc);
  if (::strptime(copy.c_str(), "%Y-%m-%dT%H:%M:%S", &broken) == nullptr) return copy;
  broken = local_tm(::timegm(&broken) * kSecond);
  char text[32] = {};
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &broken);
  return text;
}

std::string time_text(std::int64_t ms) {
  if (ms < 10'000) return fmt::format("{} ms", ms);
  const std::int64_t s = ms / 1000;
  return s < 120 ? fmt::format("{} s", s) : fmt::format("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60);
}

int list(const CliRequest& request, const fs::path& folder) {
  json::Writer out;
  out.begin_array();
  if (!request.json) fmt::print("{:<28}{:<21}{:<9}{:<26}{:>9}\n", "ID", "WHEN", "STAGE", "WHAT", "UPTIME");
  for (const fs::path& file : crash_reports_in(folder)) {
    json::Document report;
    try {
      report = read_report(file);
    } catch (const Error& e) {
      print_shown(stderr, "prot: {}: {}\n", file.string(), e.what());
      continue;
    }
    const json::View root = report.root();
    if (request.json) {
      out.begin_object();
      for (const char* key : {"id", "time", "stage", "what", "uptime_ms"}) out.key(key).value(root.get(key));
      out.end_object();
    } else {
      print_shown(stdout, "{:<28}{:<21}{:<9}{:<26}{:>9}\n", root.get("id").as_string(),
                  local_time(root.get("time").as_string()), root.get("stage").as_string(),
                  root.get("what").as_string(), time_text(root.get("uptime_ms").as_int()));
    }
  }
  if (request.json) print_shown_json(out.end_array().str());
  return 0;
}

bool same_build(const json::View& report, const std::string& module) {
  const std::string_view id = report.get("build_id").as_string();
  const bool program = module.find(".so") == std::string::npos;
  return !program || id.empty() || build_id_of(module) == id;
}

/// Names of a backtrace's frames, by addr2line where it is installed; empty where there is none.
std::vector<std::string> names_of(const json::View& report) {
  const json::View frames = report.get("backtrace");
  std::vector<std::string> names(frames.size());
  std::map<std::string, std::vector<std::size_t>> by_module;
  for (std::size_t i = 0; i < frames.size(); ++i)
    by_module[std::string(frames.at(i).get("module").as_string())].push_back(i);
  for (const auto& [module, indices] : by_module) {
    if (!module.starts_with('/') || !fs::exists(module) || !same_build(report, module)) continue;
    std::vector<std::uint64_t> offsets;
    for (const std::size_t i : indices) {
      const std::string text(frames.at(i).get("offset").as_string());
      const unsigned long long offset = std::strtoull(text.c_str(), nullptr, 16);
      // A caller's address is where it goes on: the call stands before it.
      offsets.push_back(i > 0 && offset > 0 ? offset - 1 : offset);
    }
    try {
      const auto symbols = symbols_at(module, offsets);
      for (std::size_t n = 0; n < indices.size(); ++n) {
        if (symbols[n].empty()) continue;
        const SymbolLine& line = symbols[n].front();
        names[indices[n]] = line.function;
        if (!line.place.empty()) names[indices[n]] += " at " + fs::path(line.place).filename().string();
      }
    } catch (const Error&) {
      return names;  // no addr2line: the numbers are there all the same
    }
  }
  return names;
}

void print_backtrace(const json::View& report) {
  const json::View frames = report.get("backtrace");
  if (frames.size() == 0) return;
  fmt::print("\nBacktrace\n");
  const std::vector<std::string> names = names_of(report);
  bool other_build = false;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    const std::string module(frames.at(i).get("module").as_string());
    const std::string_view offset = frames.at(i).get("offset").as_string();
    other_build = other_build || !same_build(report, module);
    print_shown(stdout, "  #{:<3}{}{}({}+{})\n", i, names[i], names[i].empty() ? "" : " ",
                fs::path(module).filename().string(), offset);
  }
  if (other_build) fmt::print("  (the program was built anew since: no names)\n");
}

void print_rings(const json::View& report) {
  const json::View rings = report.get("rings");
  if (rings.size() == 0) return;
  fmt::print("\n{:<12}{:<20}{:>14}{:>14}{:>10}{:>10}\n", "RING", "FROM -> TO", "HEAD", "TAIL", "USED",
             "SEQUENCE");
  for (std::size_t i = 0; i < rings.size(); ++i) {
    const json::View r = rings.at(i);
    print_shown(stdout, "{:<12}{:<20}{:>14}{:>14}{:>10}{:>10}\n", r.get("name").as_string(),
                fmt::format("{} -> {}", r.get("from").as_string(), r.get("to").as_string()),
                r.get("head").as_int(), r.get("tail").as_int(), r.get("used").as_int(),
                r.get("sequence").as_int());
  }
}

void print_report(const json::View& r) {
  print_shown(stdout, "{}  {}\n", r.get("id").as_string(), local_time(r.get("time").as_string()));
  print_shown(stdout, "{} {}{}, {} after its start{}; pid {}, generation {}\n", r.get("stage").as_string(),
              r.get("what").as_string(), r.get("core").as_bool() ? " (core dumped)" : "",
              time_text(r.get("uptime_ms").as_int()), r.get("was_ready").as_bool() ? "" : ", never ready",
              r.get("pid").as_int(), r.get("generation").as_int());
  print_shown(stdout, "then: {}\nprot {}, build {}\n", r.get("decision").as_string(),
              r.get("version").as_string(), r.get("build_id").as_string("unknown"));
  print_backtrace(r);
  if (const json::View frame = r.get("frame")) {
    print_shown(stdout, "\nFrame in hand\n  ring {}, sequence {}", frame.get("ring").as_string(),
                frame.get("sequence").as_int());
    if (frame.get("kind").is_number())
      print_shown(stdout, ", kind {} version {}, turn {}, {} bytes, published {} ms before",
                  frame.get("kind").as_int(), frame.get("version").as_int(), frame.get("turn").as_int(),
                  frame.get("size").as_int(), frame.get("age_ms").as_int());
    fmt::print("\n");
  }
  print_rings(r);
  const json::View log = r.get("log");
  if (log.size() > 0) fmt::print("\nLast lines\n");
  const bool colour = wants_colour(STDOUT_FILENO);
  for (std::size_t i = 0; i < log.size(); ++i)
    if (const auto record = parse_log_line(log.at(i).to_json()))
      fmt::print("  {}\n", to_text(*record, colour));
}

}  // namespace

int command_crash_list(const CliRequest& request, char** /*argv*/) {
  return list(request, instance_paths(request.instance).state / "crashes");
}

int command_crash_show(const CliRequest& request, char** /*argv*/) {
  const fs::path folder = instance_paths(request.instance).state / "crashes";
  for (const fs::path& file : crash_reports_in(folder)) {
    if (!request.text.empty() && file.stem().string() != "crash-" + request.text) continue;
    const json::Document report = read_report(file);
    if (request.json) {
      print_shown_json(report.root().to_json());
    } else {
      print_report(report.root());
    }
    return 0;
  }
  throw Error(request.text.empty()
                  ? "nothing has crashed"
                  : "there is no crash report '" + request.text + "' (see: prot crash list)");
}

}  // namespace prot::supervisor
