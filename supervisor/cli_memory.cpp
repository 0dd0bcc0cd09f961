// prot memory: asks memory (memory.sock), and brain for the record (chat.sock).
#include "cli_memory.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <ctime>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/local_tm.hpp"
#include "base/paths.hpp"
#include "cli.hpp"
#include "cli_print.hpp"
#include "memory_files.hpp"
#include "memory_link.hpp"
#include "terminal_text.hpp"

namespace prot::supervisor {
namespace {

/// What people said may hold what commands a terminal.
std::string shown(std::string_view text) {
  return ::isatty(STDOUT_FILENO) == 1 ? TerminalText().push(text) : std::string(text);
}

std::string local_time(const json::View& us) {
  const std::tm parts = local_tm(us.as_int() * kMicrosecond);
  char text[24];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%d %H:%M", &parts)};
}

std::string local_day(const json::View& us) { return local_time(us).substr(0, 10); }

/// [midnight, midnight) of a day here, in microseconds. Throws UsageError.
std::pair<std::int64_t, std::int64_t> day_of(const std::string& text) {
  std::tm day = local_tm(wall_now());
  if (text != "today" && text != "yesterday") {
    int year = 0;
    int month = 0;
    int date = 0;
    int length = 0;
    const bool read = std::sscanf(text.c_str(), "%4d-%2d-%2d%n", &year, &month, &date, &length) == 3;
    if (!read || length != 10 || text.size() != 10 || month < 1 || month > 12 || date < 1 || date > 31)
      throw UsageError("a day is today, yesterday or like 2026-11-26, not '" + text + "'");
    day.tm_year = year - 1900;
    day.tm_mon = month - 1;
    day.tm_mday = date;
  }
  if (text == "yesterday") --day.tm_mday;
  day.tm_hour = day.tm_min = day.tm_sec = 0;
  day.tm_isdst = -1;
  std::tm next = day;
  ++next.tm_mday;
  const int wanted = day.tm_mday;
  const std::int64_t from = ::mktime(&day);
  if (text != "yesterday" && day.tm_mday != wanted) throw UsageError("there is no day " + text);
  return {from * 1'000'000, static_cast<std::int64_t>(::mktime(&next)) * 1'000'000};
}

bool is_day(const std::string& text) {
  return text == "today" || text == "yesterday" || text.find('-') != std::string::npos;
}

void print_messages(const json::View& messages) {
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const json::View m = messages.at(i);
    fmt::print("{}  {}  {:<9} {}{}\n", m.get("id").as_int(), local_time(m.get("at_us")),
               m.get("role").as_string(), shown(m.get("text").as_string()),
               m.get("interrupted").as_bool() ? " -- interrupted" : "");
  }
}

std::string state_of(const json::View& fact) {
  const std::string_view status = fact.get("status").as_string();
  if (status == "active") return "";
  const std::string_view why = status == "quarantined" ? fact.get("suspicion").as_string() : "";
  return why.empty() ? fmt::format(" ({})", status) : fmt::format(" ({}: {})", status, why);
}

void print_facts(const json::View& facts) {
  for (std::size_t i = 0; i < facts.size(); ++i) {
    const json::View f = facts.at(i);
    const std::string until = f.get("valid_to_us") ? " to " + local_day(f.get("valid_to_us")) : "";
    fmt::print("fact {}  {}{}  {}{}\n", f.get("id").as_int(), local_day(f.get("valid_from_us")), until,
               shown(f.get("statement").as_string()), state_of(f));
  }
}

void print_found(const json::Document& reply) {
  if (const auto block = reply.get("block"); reply.get("database").as_string() == "away") {
    fmt::print(stderr, "prot: the database is away; this is what is in memory:\n");
    fmt::print("{}{}", shown(block.as_string()), block.as_string().empty() ? "" : "\n");
    return;
  }
  print_messages(reply.get("messages"));
  print_facts(reply.get("facts"));
  if (reply.get("history").size() > 1) {
    fmt::print("over time:\n");
    print_facts(reply.get("history"));
  }
  if (reply.get("messages").size() + reply.get("facts").size() == 0) fmt::print(stderr, "prot: nothing\n");
}

void print_entities(const json::View& entities) {
  for (std::size_t i = 0; i < entities.size(); ++i) {
    const json::View e = entities.at(i);
    std::string aliases;
    for (std::size_t k = 0; k < e.get("aliases").size(); ++k)
      aliases += (k > 0 ? ", " : "") + std::string(e.get("aliases").at(k).get("name").as_string());
    const std::string_view kind = e.get("kind").as_string();
    const std::string_view into = e.get("merged_into").as_string();
    fmt::print("{}{}: {}{}\n", shown(e.get("name").as_string()),
               kind.empty() ? "" : fmt::format(" ({})", kind), shown(aliases),
               into.empty() ? "" : " = " + shown(into));
  }
}

void print_dead(const json::Document& reply) {
  const json::View jobs = reply.get("jobs");
  const json::View refused = reply.get("refused");
  if (jobs.is_number()) {
    fmt::print("{} jobs\n", jobs.as_int());
    if (refused.as_int() > 0) fmt::print("{} that the database had refused\n", refused.as_int());
    return;
  }
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    const json::View j = jobs.at(i);
    fmt::print("job {}  {}  message {}  tried {} times: {}\n", j.get("id").as_int(),
               j.get("kind").as_string(), j.get("message").as_int(), j.get("attempts").as_int(),
               shown(j.get("error").as_string()));
  }
  for (std::size_t i = 0; i < refused.size(); ++i) {
    const json::View r = refused.at(i);
    fmt::print("refused {}  {}  message {}: {}\n", r.get("id").as_int(), r.get("kind").as_string(),
               r.get("message").as_int(), shown(r.get("text").as_string()));
  }
}

void print_stats(const json::Document& reply) {
  const json::View stats = reply.get("stats");
  fmt::print("database {}, {} records in the spool\n", reply.get("database").as_string(),
             reply.get("spooled").as_int());
  if (reply.get("spool_fails").as_bool())
    fmt::print("the spool cannot be written: what is said waits in the ring (is the disk full?)\n");
  if (reply.get("refused").as_int() > 0)
    fmt::print("{} messages or wishes that the database refused (prot memory dead)\n",
               reply.get("refused").as_int());
  if (!stats) return;
  const json::View facts = stats.get("facts");
  const json::View jobs = stats.get("jobs");
  fmt::print("{} messages of {} conversations\n", stats.get("messages").as_int(),
             stats.get("conversations").as_int());
  fmt::print("{} facts, {} that were true once, {} that wait for a confirmation; {} names\n",
             facts.get("active").as_int(), facts.get("superseded").as_int(),
             facts.get("quarantined").as_int(), stats.get("entities").as_int());
  fmt::print("jobs: {} wait, {} under way, {} done, {} dead\n", jobs.get("ready").as_int(),
             jobs.get("leased").as_int(), jobs.get("done").as_int(), jobs.get("dead").as_int());
  fmt::print("{} KiB on disk, schema {}\n", stats.get("bytes").as_int() / 1024, stats.get("schema").as_int());
  const json::View pgvector = stats.get("pgvector");
  if (pgvector.is_null()) return fmt::print("pgvector not present\n");
  const std::int64_t vectors = pgvector.get("vectors").as_int();
  fmt::print("pgvector {} {}\n", pgvector.get("version").as_string(),
             vectors > 0 ? fmt::format("in use: {} vectors", vectors) : "present, not in use");
}

void print_forgotten(const json::Document& reply) {
  fmt::print("{}: {} messages, {} facts, {} names\n",
             reply.get("dry_run").as_bool() ? "would be forgotten" : "forgotten",
             reply.get("messages").as_int(), reply.get("facts").as_int(), reply.get("entities").as_int());
  if (const auto problem = reply.get("problem").as_string(); !problem.empty())
    fmt::print("but something of it may still stand in a file: {}\n", problem);
}

std::string the_one(const MemoryRequest& memory, const char* what) {
  if (memory.words.empty()) throw UsageError(std::string("which ") + what + "?");
  return fmt::format("{}", fmt::join(memory.words, " "));
}

void add_day(json::Writer& ask, const std::string& day) {
  const auto [from, until] = day_of(day);
  ask.member("from_us", from).member("until_us", until);
}

void add_forget(json::Writer& ask, const MemoryRequest& memory) {
  ask.member("what", memory.what == "day" ? "time" : memory.what).member("dry_run", memory.dry_run);
  if (memory.what == "message") ask.member("id", the_one(memory, "message"));
  if (memory.what == "fact") ask.member("fact", the_one(memory, "fact"));
  if (memory.what == "entity") ask.member("name", the_one(memory, "name"));
  if (memory.what == "day") add_day(ask, the_one(memory, "day"));
  if (memory.what != "everything") return;
  if (!memory.words.empty())
    throw UsageError("everything is everything: '" + memory.words.front() + "' says less");
  if (!memory.yes && !memory.dry_run)
    throw UsageError(
        "everything that is remembered would be gone for good: say --yes, or look first with --dry-run");
}

std::string question(const MemoryRequest& memory) {
  json::Writer ask;
  ask.begin_object().member("cmd", memory.action);
  if (memory.limit > 0) ask.member("limit", memory.limit);
  if (!memory.conversation.empty()) ask.member("conversation", memory.conversation);
  if (memory.action == "search") ask.member("query", the_one(memory, "words"));
  if (memory.action == "facts") ask.member("all", memory.all).member("waiting", memory.waiting);
  if (memory.action == "why" || memory.action == "confirm" || memory.action == "reject")
    ask.member("fact", the_one(memory, "fact"));
  if (memory.action == "entities" && !memory.words.empty()) ask.member("name", memory.words.front());
  if (memory.action == "merge" || memory.action == "unmerge") ask.member("name", memory.words.front());
  if (memory.action == "merge") ask.member("into", memory.words.back());
  if (memory.action == "forget") add_forget(ask, memory);
  if (memory.action == "show") {
    const std::string what = memory.words.empty() ? "today" : memory.words.front();
    if (is_day(what)) {
      add_day(ask, what);
    } else {
      ask.member("id", what);
    }
  }
  if (memory.action == "dead") {
    const bool all = memory.words.size() == 1 && memory.words.front() == "all";
    ask.member("action", memory.what.empty() ? "list" : memory.what)
        .member("all", all)
        .key("jobs")
        .begin_array();
    if (!all)
      for (const std::string& job : memory.words) ask.value(job);
    ask.end_array();
  }
  return ask.end_object().str();
}

int record(const CliRequest& request) {
  MemoryLink link(instance_paths(request.instance), "chat.sock", "the conversation");
  const std::string& what = request.memory.what;
  const json::Document reply = link.call(what.empty()   ? R"({"type":"record"})"
                                         : what == "on" ? R"({"type":"record","on":true})"
                                                        : R"({"type":"record","on":false})");
  if (request.json) {
    print_shown_json(link.reply());
  } else {
    fmt::print("{}\n",
               reply.get("on").as_bool() ? "on the record" : "off the record: nothing that is said is kept");
  }
  return 0;
}

}  // namespace

int command_memory(const CliRequest& request, char** /*argv*/) {
  const MemoryRequest& memory = request.memory;
  if (memory.action == "record") return record(request);
  // What is wrong with it is said before anything is asked.
  const std::string asked = question(memory);
  if (memory.action == "import" && memory.file.empty() == !memory.original)
    throw UsageError("import what? a file of prot memory export, or --original");
  MemoryLink link(instance_paths(request.instance), "memory.sock", "memory");
  if (memory.action == "export") return export_memory(link, memory.file);
  if (memory.action == "import") return import_memory(link, memory.file, request.json);
  const json::Document reply = link.call(asked);
  if (request.json) {
    print_shown_json(link.reply());
  } else if (memory.action == "forget") {
    print_forgotten(reply);
  } else if (memory.action == "stats") {
    print_stats(reply);
  } else if (memory.action == "dead") {
    print_dead(reply);
  } else if (reply.get("entities").is_array()) {
    print_entities(reply.get("entities"));
  } else {
    print_found(reply);
  }
  return 0;
}

}  // namespace prot::supervisor
