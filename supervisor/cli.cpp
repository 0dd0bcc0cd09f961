#include "cli.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <string_view>

#include "base/error.hpp"
#include "base/log.hpp"
#include "stage/config.hpp"

namespace prot::supervisor {
namespace {

constexpr int kUsage = 2;

std::string default_instance() {
  const char* name = std::getenv("PROT_INSTANCE");
  return name != nullptr && name[0] != '\0' ? name : "default";
}

/// Builds the parser over `request`; every option of every command is named here.
void describe(CLI::App& app, CliRequest& request) {
  app.set_version_flag("--version", std::string("prot ") + PROT_VERSION);
  app.require_subcommand(1);
  app.add_option("--instance", request.instance, "which prot, when several run (PROT_INSTANCE)")
      ->capture_default_str();
  app.footer(
      "Exit codes: 0 ok, 1 failure, 2 usage or configuration, 3 not running, 4 unknown stage, 5 timeout,\n"
      "7 stopped, and some work is left for the next start.");
  const auto add = [&](const char* name, const char* help) {
    CLI::App* command = app.add_subcommand(name, help);
    command->fallthrough();  // --instance may stand before or behind the command
    command->callback([&request, name] { request.command = name; });
    return command;
  };
  const auto configured = [&](CLI::App* command) {
    command->add_option("--config", request.config_file,
                        "configuration file instead of the user's prot.toml");
    command->add_option("--set", request.overrides, "KEY=VALUE: changes one key of the configuration")
        ->take_all()
        ->expected(1);
    return command;
  };
  CLI::App* up = configured(add("up", "Start, and show the conversation; Ctrl-C stops"));
  up->add_flag("-d,--detach", request.detach, "start in the background; returns when everything is ready");
  up->add_option("--report-fd", request.report_fd)->group("");
  CLI::App* down = add("down", "Stop: what was said is answered and stored first");
  down->add_flag("--now", request.now, "cut the reply that is under way");
  add("status", "What runs, and how full the rings are")->add_flag("--json", request.json, "for programs");
  for (const char* name : {"restart", "start", "stop"})
    add(name, "... one part; nothing that was said is lost")
        ->add_option("STAGE", request.stage, "db, llm, memory, player, tts, brain, stt or capture")
        ->required();
  CLI::App* logs = add("logs", "What the parts print");
  logs->add_flag("-f,--follow", request.follow, "go on");
  logs->add_option("-n,--lines", request.lines, "newest lines to begin with")->capture_default_str();
  logs->add_option("STAGE", request.stage, "one part; without it: all");
  add("say", "Send one message and print the reply")
      ->add_option("TEXT", request.text, "the message")
      ->required();
  add("chat", "Talk by keyboard");
  CLI::App* wait = add("wait", "Wait until everything is ready");
  wait->add_option("WHAT", request.text, "ready")->required()->check(CLI::IsMember({"ready"}));
  wait->add_option("-t,--timeout", request.timeout_s, "seconds")->capture_default_str();
  CLI::App* config = app.add_subcommand("config", "The configuration file");
  config->require_subcommand(1);
  config->add_subcommand("example", "Print one with every key and its default")->callback([&request] {
    request.command = "config example";
  });
  configured(add("check", "Check the configuration and that every part is there"));
  add("top", "Rings and stages, live (prot-top, and its options)");
}

/// How many arguments are prot's own: what stands behind `top` is prot-top's.
int own_arguments(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--instance")
      ++i;
    else if (!argument.starts_with('-'))
      return argument == "top" ? i + 1 : argc;
  }
  return argc;
}

int run(const CliRequest& request, char** argv) {
  if (request.command == "up") return command_up(request, argv);
  if (request.command == "down") return command_down(request);
  if (request.command == "status") return command_status(request);
  if (request.command == "logs") return command_logs(request);
  if (request.command == "say") return command_say(request);
  if (request.command == "chat") return command_chat(request);
  if (request.command == "wait") return command_wait(request);
  if (request.command == "check") return command_check(request);
  if (request.command == "top") return command_top(request);
  if (request.command == "config example") {
    fmt::print("{}", stage::Config::example());
    return 0;
  }
  return command_program(request);
}

}  // namespace

int run_cli(int argc, char** argv) {
  CliRequest request;
  request.instance = default_instance();
  CLI::App app{"prot: a voice assistant that keeps talking when its parts crash", "prot"};
  describe(app, request);
  const int own = own_arguments(argc, argv);
  request.passed_on.assign(argv + own, argv + argc);
  try {
    app.parse(own, argv);
  } catch (const CLI::ParseError& e) {
    if (e.get_exit_code() == 0) return app.exit(e);  // --help, --version
    const bool no_command = argc > 1 && argv[1][0] != '-' && app.get_subcommands().empty();
    const std::string what = no_command ? fmt::format("there is no command '{}'", argv[1]) : e.what();
    fmt::print(stderr, "prot: {} (see: prot --help)\n", what);
    return kUsage;
  }
  try {
    init_log("prot");
    return run(request, argv);
  } catch (const Error& e) {
    fmt::print(stderr, "prot: {}\n", full_message(e));
    return e.exit_code();
  } catch (const std::exception& e) {
    fmt::print(stderr, "prot: {}\n", e.what());
    return 1;
  }
}

}  // namespace prot::supervisor
