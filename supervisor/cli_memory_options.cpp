#include <CLI/CLI.hpp>

#include "cli.hpp"
#include "cli_memory.hpp"

namespace prot::supervisor {

void describe_memory(CLI::App& app, CliRequest& request) {
  MemoryRequest& memory = request.memory;
  CLI::App* group = app.add_subcommand("memory", "What is remembered: look at it, forget it, take it along");
  group->require_subcommand(1);
  group->fallthrough();
  group->footer(
      "Exit codes: 0 ok, 1 failure (also: the database is away), 2 usage, 3 not running, 4 there is no such "
      "message,\n"
      "fact, name, day or job, 5 no answer in time.");
  const auto add = [&](const char* name, const char* help) {
    CLI::App* command = group->add_subcommand(name, help);
    command->fallthrough();
    command->callback([&request, name] {
      request.command = "memory";
      request.memory.action = name;
    });
    command->add_flag("--json", request.json, "for programs");
    return command;
  };
  const auto limited = [&](CLI::App* command) {
    command->add_option("-n,--limit", memory.limit, "how many at most")->check(CLI::Range(1, 1000));
    return command;
  };
  const auto of_conversation = [&](CLI::App* command) {
    command->add_option("--conversation", memory.conversation, "which one, when several have such a message");
  };
  limited(add("search", "Messages and facts that have any of the words, best first"))
      ->add_option("WORD", memory.words, "what to look for")
      ->required();
  CLI::App* show =
      limited(add("show", "What was said on a day, or one message with its reply and its facts"));
  show->add_option("WHAT", memory.words,
                   "2026-11-26, today, yesterday, or a message's number; without it: today")
      ->expected(0, 1);
  of_conversation(show);
  CLI::App* facts = limited(add("facts", "What was learnt, newest first"));
  facts->add_flag("--all", memory.all, "what is no longer true as well, and what waits for a confirmation");
  facts->add_flag("--waiting", memory.waiting, "only what waits for a confirmation");
  const auto of_fact = [&](CLI::App* command) {
    command->add_option("FACT", memory.words, "its number")->required()->expected(1);
  };
  of_fact(add("why", "Who said so: a fact, the messages that it is from, and what held before and after it"));
  of_fact(add("confirm", "A fact that waits is true"));
  of_fact(add("reject", "A fact that waits is not true; nobody is asked about it again"));
  limited(add("entities", "Names, and what else they are called"))
      ->add_option("NAME", memory.words, "only this one")
      ->expected(0, 1);
  add("merge", "Two names mean the same")
      ->add_option("NAME", memory.words, "a name, and the one to keep")
      ->required()
      ->expected(2);
  add("unmerge", "They do not, after all")
      ->add_option("NAME", memory.words, "the name that was not kept")
      ->required()
      ->expected(1);
  CLI::App* forget = add("forget", "Forget for good, in the database and in every file");
  forget
      ->add_option("WHAT", memory.what,
                   "message NUMBER (with its reply), fact NUMBER, entity NAME, day DATE, or everything")
      ->required()
      ->check(CLI::IsMember({"message", "fact", "entity", "day", "everything"}));
  forget->add_option("WHICH", memory.words, "its number, name or date");
  forget->add_flag("--dry-run", memory.dry_run, "only say what that would be");
  forget->add_flag("--yes", memory.yes, "everything: you are sure");
  of_conversation(forget);
  add("export", "Everything as JSON, one message, fact or name a line")
      ->add_option("FILE", memory.file, "where to; without it: standard output");
  CLI::App* import = add("import", "Take in what was exported; what was forgotten stays so");
  import->add_option("FILE", memory.file, "of prot memory export");
  import->add_flag("--original", memory.original,
                   "copy the tables of the Python original in DATABASE_URL; they are only read");
  CLI::App* dead = limited(add("dead", "Jobs that failed for good: what no fact could be taken from"));
  dead->add_option("ACTION", memory.what, "list, retry or drop; without it: list")
      ->check(CLI::IsMember({"list", "retry", "drop"}));
  dead->add_option("JOB", memory.words, "their numbers, or all");
  add("stats", "How much there is, and what waits");
  add("record", "Off the record: nothing that is said is kept until it is on again")
      ->add_option("ACTION", memory.what, "off or on; without it: which it is")
      ->check(CLI::IsMember({"on", "off"}));
}

}  // namespace prot::supervisor
