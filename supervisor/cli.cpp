#include "cli.hpp"
#include "cli_options.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <sstream>
#include <string_view>

#include "base/error.hpp"
#include "base/log.hpp"
#include "cli_print.hpp"
#include "environment_names.hpp"
#include "stage/config.hpp"

namespace prot::supervisor {
namespace {

constexpr int kUsage = 2;

std::string default_instance() {
  const char* name = std::getenv("PROT_INSTANCE");
  return name != nullptr && name[0] != '\0' ? name : "default";
}

/// How many arguments are prot's own: what stands behind `top` is prot-top's, behind `debug ... --` gdb's.
int own_arguments(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--instance")
      ++i;
    else if (argument == "debug")
      return static_cast<int>(std::find(argv + i, argv + argc, std::string_view("--")) - argv);
    else if (!argument.starts_with('-'))
      return argument == "top" ? i + 1 : argc;
  }
  return argc;
}

int command_config_example(const CliRequest& request, char** argv) {
  static_cast<void>(request);
  static_cast<void>(argv);
  fmt::print("{}", stage::Config::example());
  return 0;
}

int command_config_table(const CliRequest& request, char** argv) {
  static_cast<void>(request);
  static_cast<void>(argv);
  fmt::print("{}{}", stage::Config::table(), environment_tables());
  return 0;
}

struct Command {
  std::string_view name;
  int (*run)(const CliRequest& request, char** argv);
};
constexpr Command kCommands[] = {
    {"up", command_up},
    {"down", command_down},
    {"status", command_status},
    {"restart", command_program},
    {"start", command_program},
    {"stop", command_program},
    {"logs", command_logs},
    {"log-level", command_log_level},
    {"crash list", command_crash_list},
    {"crash show", command_crash_show},
    {"say", command_say},
    {"chat", command_chat},
    {"wait", command_wait},
    {"check", command_check},
    {"doctor", command_doctor},
    {"reload", command_reload},
    {"top", command_top},
    {"debug", command_debug},
    {"memory", command_memory},
    {"config example", command_config_example},
    {"config table", command_config_table},
    {"config keys", command_config_keys},
};

int run(const CliRequest& request, char** argv) {
  for (const Command& command : kCommands)
    if (command.name == request.command) return command.run(request, argv);
  throw UsageError("bug: no program for the command '" + request.command + "'");
}

}  // namespace

int run_cli(int argc, char** argv) {
  CliRequest request;
  request.instance = default_instance();
  CLI::App app{"prot: a voice assistant that keeps talking when its parts crash", "prot"};
  describe_cli(app, request);
  const int own = own_arguments(argc, argv);
  request.passed_on.assign(argv + own, argv + argc);
  try {
    app.parse(own, argv);
  } catch (const CLI::ParseError& e) {
    if (e.get_exit_code() == 0) return app.exit(e);  // --help, --version
    const bool no_command = argc > 1 && argv[1][0] != '-' && app.get_subcommands().empty();
    const std::string what = no_command ? fmt::format("there is no command '{}'", argv[1]) : e.what();
    print_shown(stderr, "prot: {} (see: prot --help)\n", what);
    return kUsage;
  }
  try {
    init_log("prot");
    return run(request, argv);
  } catch (const Error& e) {
    std::istringstream lines(full_message(e));
    for (std::string line; std::getline(lines, line);) print_shown(stderr, "prot: {}\n", line);
    return e.exit_code();
  } catch (const std::exception& e) {
    print_shown(stderr, "prot: {}\n", e.what());
    return 1;
  }
}

}  // namespace prot::supervisor
