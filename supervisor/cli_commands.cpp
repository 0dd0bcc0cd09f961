// The commands that ask a running supervisor something.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "base/error.hpp"
#include "base/paths.hpp"
#include "cli.hpp"
#include "json/json.hpp"
#include "log_store.hpp"
#include "programs.hpp"
#include "stage/config.hpp"
#include "stage/control.hpp"

namespace prot::supervisor {
namespace {

constexpr int kDeferred = 7;

// Throws what the supervisor answered when it is an error.
json::Document checked(const std::string& reply) {
  json::Document document = json::parse(reply);
  if (document.get("error").is_string())
    throw Error(std::string(document.get("error").as_string()),
                static_cast<int>(document.get("code").as_int(1)));
  return document;
}

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

void print_status(const json::View& root) {
  fmt::print("instance {}: {}, conversation {}, turn {}, supervisor {}\n\n", root.get("instance").as_string(),
             root.get("state").as_string(), root.get("conversation").as_string(), root.get("turn").as_int(),
             root.get("supervisor").get("pid").as_int());
  fmt::print("{:<9}{:>8}  {:<9}{:>4}{:>9}{:>11}{:>6}{:>10}{:>9}  {}\n", "STAGE", "PID", "STATE", "GEN",
             "RESTARTS", "UP", "EXIT", "RSS", "CPU ms", "ENGINE");
  const json::View stages = root.get("stages");
  for (std::size_t i = 0; i < stages.size(); ++i) {
    const json::View s = stages.at(i);
    fmt::print("{:<9}{:>8}  {:<9}{:>4}{:>9}{:>11}{:>6}{:>10}{:>9}  {}\n", s.get("name").as_string(),
               s.get("pid").as_int(), s.get("state").as_string(), s.get("generation").as_int(),
               s.get("restarts").as_int(), time_text(s.get("uptime_ms").as_int()),
               s.get("last_exit").as_int(), size_text(s.get("rss_bytes").as_int()), s.get("cpu_ms").as_int(),
               s.get("engine").as_string());
  }
  fmt::print("\n{:<12}{:<20}{:>10}{:>10}{:>10}{:>10}{:>7}{:>8}{:>6}\n", "RING", "FROM -> TO", "USED",
             "CAPACITY", "HIGHEST", "FRAMES", "DROPS", "POISON", "LATE");
  const json::View rings = root.get("rings");
  for (std::size_t i = 0; i < rings.size(); ++i) {
    const json::View r = rings.at(i);
    fmt::print("{:<12}{:<20}{:>10}{:>10}{:>10}{:>10}{:>7}{:>8}{:>6}\n", r.get("name").as_string(),
               fmt::format("{} -> {}", r.get("from").as_string(), r.get("to").as_string()),
               size_text(r.get("used_bytes").as_int()), size_text(r.get("capacity_bytes").as_int()),
               size_text(r.get("high_water_bytes").as_int()), r.get("frames").as_int(),
               r.get("drops").as_int(), r.get("poison_frames").as_int(), r.get("late_wakes").as_int());
  }
}

void print_line(const json::Document& message, bool with_stage) {
  if (with_stage) fmt::print("{:<8} ", message.get("stage").as_string());
  fmt::print("{}\n", message.get("line").as_string());
}

// The instance is gone: its files are still there.
int print_log_files(const CliRequest& request, const InstancePaths& paths) {
  std::error_code error;
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(paths.state / "log", error))
    if (entry.path().extension() == ".log") names.push_back(entry.path().stem().string());
  std::sort(names.begin(), names.end());
  bool found = false;
  for (const std::string& name : names) {
    if (!request.stage.empty() && name != request.stage) continue;
    found = true;
    for (const std::string& line : tail_of_file(paths.state / "log" / (name + ".log"), request.lines)) {
      if (request.stage.empty()) fmt::print("{:<8} ", name);
      fmt::print("{}\n", line);
    }
  }
  if (!found) throw Error("instance '" + paths.instance + "' is not running and has left no log", 3);
  return 0;
}

}  // namespace

int command_down(const CliRequest& request) {
  stage::ControlClient client(instance_paths(request.instance));
  std::string reply = client.call(request.now ? R"({"cmd":"down","now":true})" : R"({"cmd":"down"})");
  for (;;) {
    const json::Document message = checked(reply);
    if (message.get("ok").as_bool()) {
      const std::int64_t drained = message.get("drained").as_int(-1);
      const std::int64_t deferred = message.get("deferred").as_int(-1);
      if (drained >= 0) fmt::print("DRAINED={} DEFERRED={}\n", drained, deferred);
      return deferred > 0 ? kDeferred : 0;
    }
    fmt::print(stderr, "prot: {}\n", message.get("progress").as_string());
    if (!client.next(reply)) throw Error("the supervisor ended before the drain was over");
  }
}

int command_status(const CliRequest& request) {
  stage::ControlClient client(instance_paths(request.instance));
  const std::string reply = client.call(R"({"cmd":"status"})");
  const json::Document document = checked(reply);
  if (request.json) {
    fmt::print("{}\n", reply);
  } else {
    print_status(document.root());
  }
  return 0;
}

int command_logs(const CliRequest& request) {
  const InstancePaths paths = instance_paths(request.instance);
  std::unique_ptr<stage::ControlClient> client;
  try {
    client = std::make_unique<stage::ControlClient>(paths);
  } catch (const Error& e) {
    if (request.follow || e.exit_code() != 3) throw;
    return print_log_files(request, paths);
  }
  json::Writer ask;
  ask.begin_object()
      .member("cmd", "logs")
      .member("stage", request.stage)
      .member("lines", request.lines)
      .member("follow", request.follow)
      .end_object();
  stage::send_message(client->fd(), ask.str());
  std::string reply;
  while (client->next(reply)) {
    print_line(checked(reply), request.stage.empty());
    if (request.follow && std::fflush(stdout) != 0) return 0;  // nobody reads any more
  }
  return 0;
}

int command_program(const CliRequest& request) {
  stage::ControlClient client(instance_paths(request.instance));
  json::Writer ask;
  ask.begin_object().member("cmd", request.command).member("stage", request.stage).end_object();
  checked(client.call(ask.str()));
  return 0;
}

int command_wait(const CliRequest& request) {
  stage::ControlClient client(instance_paths(request.instance));
  json::Writer ask;
  ask.begin_object()
      .member("cmd", "wait")
      .member("for", request.text)
      .member("timeout_ms", static_cast<std::int64_t>(request.timeout_s * 1000))
      .end_object();
  checked(client.call(ask.str()));
  return 0;
}

int command_check(const CliRequest& request) {
  const InstancePaths paths = instance_paths(request.instance);
  const std::string file = request.config_file.empty() ? paths.config.string() : request.config_file;
  const stage::Config config = stage::Config::load(file, request.overrides);
  for (const std::string& name : programs_of(config))
    if (name != "db" && name != "llm") static_cast<void>(find_program("prot-" + name));
  const bool exists = std::filesystem::exists(file);
  fmt::print("{}: {}\n", file, exists ? "good" : "is not there; the defaults are used");
  return 0;
}

int command_top(const CliRequest& request) {
  const std::string path = find_program("prot-top");
  ::setenv("PROT_INSTANCE", request.instance.c_str(), 1);
  std::vector<std::string> arguments = {"prot-top"};
  arguments.insert(arguments.end(), request.passed_on.begin(), request.passed_on.end());
  std::vector<char*> argv;
  argv.reserve(arguments.size() + 1);
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  ::execv(path.c_str(), argv.data());
  throw errno_error("cannot start " + path);
}

}  // namespace prot::supervisor
