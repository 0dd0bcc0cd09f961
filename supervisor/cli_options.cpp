#include "cli_options.hpp"

#include <CLI/CLI.hpp>
#include <string>
#include <string_view>

#include "cli.hpp"

namespace prot::supervisor {

void describe_cli(CLI::App& app, CliRequest& request) {
  app.set_version_flag("--version", std::string("prot ") + PROT_VERSION);
  app.require_subcommand(1);
  app.add_option("--instance", request.instance, "which prot, when several run (PROT_INSTANCE)")
      ->capture_default_str();
  app.footer(
      "Exit codes: 0 ok, 1 failure, 2 usage or configuration, 3 not running, 4 unknown stage, 5 timeout,\n"
      "6 degraded (status), 7 stopped, and some work is left for the next start.");
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
    command->add_option("--env-file", request.env_file, "names of the environment, instead of .env here");
    return command;
  };
  CLI::App* up = configured(add("up", "Start, and show the conversation; Ctrl-C stops"));
  up->add_flag("-d,--detach", request.detach, "start in the background; returns when everything is ready");
  up->add_option("-t,--timeout", request.up_timeout_s, "with -d: seconds to wait for that")
      ->capture_default_str();
  up->add_option("STAGE", request.stages, "only these parts; the others are for prot start");
  up->add_option("--report-fd", request.report_fd)->group("");
  CLI::App* down = add("down", "Stop: what was said is answered and stored first");
  down->add_flag("--now", request.now, "cut the reply that is under way");
  down->add_option("--timeout", request.down_timeout_s,
                   "seconds; then exit code 5, and the stop goes on; with --now every part is killed");
  CLI::App* status = add("status", "What runs, and how full the rings are; exit code 6: not all is well");
  status->add_flag("--json", request.json, "for programs");
  status->add_flag("-v,--verbose", request.verbose, "also who holds a part, errors, what it gave up");
  status->add_flag("--watch", request.watch, "again each second");
  for (const char* name : {"restart", "start", "stop"}) {
    CLI::App* command = add(name, "... parts; nothing that was said is lost");
    command->add_option("STAGE", request.stages, "db, llm, memory, player, tts, brain, stt or capture")
        ->required();
    if (std::string_view(name) == "stop") continue;
    CLI::Option* no_wait = command->add_flag("--no-wait", request.no_wait, "return before they are ready");
    command->add_flag("--wait", request.wait, "return when they are ready (the default)")->excludes(no_wait);
    if (std::string_view(name) == "start") continue;
    CLI::Option* drain =
        command->add_flag("--drain", request.drain, "first let each work off what its input rings hold");
    command
        ->add_option("-t,--timeout", request.drain_timeout_s,
                     "with --drain: seconds for that; then exit code 5, and it is not restarted")
        ->capture_default_str()
        ->needs(drain);
  }
  CLI::App* logs = add("logs", "What the parts print");
  logs->add_flag("-f,--follow", request.follow, "go on");
  logs->add_option("-n,--lines", request.lines, "newest lines to begin with")->capture_default_str();
  logs->add_flag("--json", request.json, "one JSON object a line");
  logs->add_option("STAGE", request.stage, "one part, or supervisor; without it: all");
  CLI::App* level = add("log-level", "How much the parts say, from now on");
  level->add_option("LEVEL", request.text, "debug, info, warn, error, or configured")
      ->required()
      ->check(CLI::IsMember({"debug", "info", "warn", "error", "configured"}));
  level->add_option("STAGE", request.stage, "one part, or supervisor; without it: all");
  CLI::App* crash = app.add_subcommand("crash", "Reports of deaths that nobody asked for");
  crash->require_subcommand(1);
  crash->fallthrough();
  const auto add_crash = [&](const char* name, const char* command, const char* help) {
    CLI::App* sub = crash->add_subcommand(name, help);
    sub->fallthrough();
    sub->callback([&request, command] { request.command = command; });
    sub->add_flag("--json", request.json, "for programs");
    return sub;
  };
  add_crash("list", "crash list", "All of them, newest first");
  add_crash("show", "crash show", "One of them, with backtrace, frame in hand, rings and last lines")
      ->add_option("ID", request.text, "which one; without it: the newest");
  add("say", "Send one message and print the reply")
      ->add_option("TEXT", request.words, "the message; several words are joined")
      ->required();
  add("chat", "Talk by keyboard");
  describe_memory(app, request);
  CLI::App* wait = add("wait", "Wait until everything is ready, or nothing runs");
  wait->add_option("WHAT", request.text, "ready or down")
      ->required()
      ->check(CLI::IsMember({"ready", "down"}));
  wait->add_option("-t,--timeout", request.timeout_s, "seconds")->capture_default_str();
  CLI::App* config = app.add_subcommand("config", "The configuration file");
  config->require_subcommand(1);
  config->fallthrough();
  config->add_subcommand("example", "Print one with every key and its default")->callback([&request] {
    request.command = "config example";
  });
  config->add_subcommand("table", "Print all keys as Markdown")->callback([&request] {
    request.command = "config table";
  });
  CLI::App* keys = configured(
      config->add_subcommand("keys", "Which services have a key, where it comes from, and which are in use"));
  keys->fallthrough();
  keys->add_flag("--json", request.json, "for programs");
  keys->callback([&request] { request.command = "config keys"; });
  configured(add("check", "Check the configuration and that every part is there"))
      ->add_flag("--json", request.json, "for programs");
  CLI::App* doctor = configured(add("doctor", "What keeps prot from working well here, and how to mend it"));
  doctor->add_flag("--json", request.json, "for programs");
  CLI::Option* echo =
      doctor->add_flag("--echo", request.echo,
                       "play a sound for some seconds and measure how much of it the microphone keeps");
  doctor
      ->add_flag(
          "--services", request.services,
          "ask each service that is in use one small question: is it there, takes it the key, how fast")
      ->excludes(echo);
  CLI::App* reload = add("reload", "Read the configuration again; restarts only what a change touches");
  reload->add_option("--env-file", request.env_file, "names of the environment, from now on");
  reload->add_flag("--json", request.json, "for programs");
  using Tool = DebugRequest::Tool;
  CLI::App* debug =
      add("debug", "A debugger on one part while the others go on; leaving it gives the part back");
  debug->add_option("STAGE", request.stage, "memory, player, tts, brain, stt, capture, db or llm")
      ->required();
  debug->add_flag("--launch", request.debug.launch, "its next process, from the first instruction");
  debug->add_flag("--wait", request.debug.wait,
                  "the same, and the one that runs is left alone until it ends");
  const auto tool = [&](const char* name, Tool which, const char* help) {
    return debug->add_flag_callback(
        name, [&request, which] { request.debug.tool = which; }, help);
  };
  CLI::Option* valgrind = tool("--valgrind", Tool::kValgrind, "its next process under valgrind");
  CLI::Option* rr = tool("--rr", Tool::kRr, "its next process, recorded by rr")->excludes(valgrind);
  debug->add_option("--server", request.debug.port, "gdbserver on this port of 127.0.0.1 instead of gdb")
      ->check(CLI::Range(1, 65535))
      ->excludes(valgrind)
      ->excludes(rr);
  debug->footer("What stands behind -- is given to the debugger: prot debug stt -- -batch -ex bt");
  add("top", "Rings and stages, live (prot-top, and its options)");
}

}  // namespace prot::supervisor
