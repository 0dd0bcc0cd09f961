#include "desk/commands.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "desk/import_lines.hpp"
#include "knowledge/facts.hpp"
#include "recall/terms.hpp"
#include "text/utf8.hpp"

namespace prot::memory {
namespace {

using Look = Keeper::Look;

constexpr std::int64_t kMostRows = 1000;
constexpr std::size_t kPageBytes = 1U << 20U;
constexpr std::int64_t kPageRows = 200;
constexpr int kMostEntities = 100'000;

/// Of an export, in its order.
struct Page {
  std::string_view name;
  Look look;
};
constexpr Page kPages[] = {{"messages", Look::kAllMessages}, {"facts", Look::kAllFacts},
                           {"entities", Look::kAllEntities}, {"successions", Look::kAllSuccessions},
                           {"merges", Look::kAllMerges},     {"communities", Look::kAllCommunities}};

std::string limit_of(const json::View& request, std::int64_t fallback) {
  return std::to_string(std::clamp<std::int64_t>(request.get("limit").as_int(fallback), 1, kMostRows));
}

std::string joined(const std::vector<Keeper::Row>& rows) {
  std::string out = "[";
  for (const Keeper::Row& row : rows) out += (out.size() > 1 ? "," : "") + row.json;
  return out + "]";
}

std::string lists(std::string_view name, const std::string& rows, std::string_view other = {},
                  const std::string& others = {}) {
  json::Writer out;
  out.begin_object().member("ok", true).key(name).raw(rows);
  if (!other.empty()) out.key(other).raw(others);
  return out.end_object().str();
}

}  // namespace

std::string refusal(std::string_view why, int code) {
  json::Writer out;
  return out.begin_object().member("ok", false).member("error", why).member("code", code).end_object().str();
}

std::string Commands::answer(const std::string& request, Changed& changed) {
  try {
    const json::Document document = json::parse(request);
    return run(document.root(), changed);
  } catch (const StoreError& e) {
    if (e.kind() == StoreError::Kind::kAway) throw;
    return refusal(e.what(), kCommandFailed);
  } catch (const Error& e) {
    return refusal(e.what(), e.exit_code());
  }
}

std::string Commands::run(const json::View& request, Changed& changed) {
  const std::string_view command = request.get("cmd").as_string();
  if (command == "search") return search(request);
  if (command == "show") return show(request);
  if (command == "facts") return facts(request);
  if (command == "why") return why(request);
  if (command == "forget") return forget(request);
  if (command == "dead") return dead(request, changed);
  if (command == "export") return page(request);
  if (command == "stats") return stats();
  if (command == "confirm" || command == "reject") return decide(request, changed);
  if (command == "entities") return entities(request);
  if (command == "merge" || command == "unmerge") return merge(request, changed);
  if (command == "import") {
    // What is known is read anew once, behind the last of many rows.
    if (!request.get("more").as_bool()) changed = Changed::kEverything;
    return import(request);
  }
  throw UsageError("memory knows no command '" + std::string(text::truncate_utf8(command, 40)) + "'");
}

bool asks_for_stats(const std::string& request) noexcept {
  try {
    return json::parse(request).get("cmd").as_string() == "stats";
  } catch (const std::exception&) {
    return false;
  }
}

std::string stats_away(std::uint64_t spooled, bool spool_fails) {
  json::Writer out;
  out.begin_object().member("ok", true).member("database", "away");
  return out.member("spooled", spooled).member("spool_fails", spool_fails).end_object().str();
}

std::string Commands::stats() {
  json::Writer out;
  out.begin_object().member("ok", true).member("database", "up").member("spooled", 0);
  out.member("refused", refused_ == nullptr ? 0 : refused_->count());
  out.member("replayed", replayed_).key("stats").raw(keeper().look(Look::kSizes, {}).at(0).json);
  return out.end_object().str();
}

Keeper& Commands::keeper() {
  Keeper* const keeper = store_->keeper();
  if (keeper == nullptr) throw Error("memory.store = ram keeps nothing that could be looked at");
  return *keeper;
}

std::string Commands::rows(Look what, const std::vector<std::string>& arguments) {
  return joined(keeper().look(what, arguments));
}

std::string Commands::search(const json::View& request) {
  const std::string query = any_of_words(word_beginnings(request.get("query").as_string()));
  if (query.empty()) throw UsageError("there is no word to search for");
  const std::string limit = limit_of(request, 10);
  return lists("messages", rows(Look::kFind, {query, limit}), "facts",
               rows(Look::kFindFacts, {query, limit}));
}

MessageKey Commands::message_of(const json::View& request) {
  const std::int64_t id = number_of(request.get("id"), "a message's id");
  const std::string conversation(request.get("conversation").as_string());
  if (!conversation.empty()) (void)conversation_of(request);
  const std::string found = rows(Look::kMessage, {std::to_string(id), conversation});
  const json::Document document = json::parse(found);
  if (document.root().size() == 0) throw Error("there is no message " + std::to_string(id), kCommandNothing);
  if (document.root().size() > 1)
    throw UsageError("several conversations have a message " + std::to_string(id) +
                     ": say which (--conversation)");
  return {parse_uuid(document.root().at(0).get("conversation").as_string()), static_cast<std::uint64_t>(id)};
}

std::string Commands::show(const json::View& request) {
  if (request.get("from_us")) {
    const auto from = number_of(request.get("from_us"), "from_us");
    const auto until = number_of(request.get("until_us"), "until_us");
    return lists("messages",
                 rows(Look::kTime, {std::to_string(from), std::to_string(until), limit_of(request, 200)}));
  }
  const MessageKey key = message_of(request);
  const std::vector<std::string> place = {to_uuid(key.conversation), std::to_string(key.sequence)};
  return lists("messages", rows(Look::kExchange, place), "facts", rows(Look::kFactsOf, place));
}

std::string Commands::facts(const json::View& request) {
  const std::string status = request.get("all").as_bool()       ? ""
                             : request.get("waiting").as_bool() ? "quarantined"
                                                                : "active";
  return lists("facts", rows(Look::kFacts, {status, limit_of(request, 200)}));
}

std::string Commands::why(const json::View& request) {
  const std::string number = std::to_string(number_of(request.get("fact"), "a fact"));
  const std::string fact = rows(Look::kFact, {number});
  if (fact == "[]") throw Error("there is no fact " + number, kCommandNothing);
  json::Writer out;
  out.begin_object()
      .member("ok", true)
      .key("facts")
      .raw(fact)
      .key("messages")
      .raw(rows(Look::kSources, {number}));
  return out.key("history").raw(rows(Look::kRivals, {number})).end_object().str();
}

std::string Commands::decide(const json::View& request, Changed& changed) {
  (void)keeper();
  const std::int64_t number = number_of(request.get("fact"), "a fact");
  const bool known = request.get("cmd").as_string() == "confirm" ? store_->confirm_fact(number, wall_())
                                                                 : store_->reject_fact(number);
  if (!known) throw Error("no fact " + std::to_string(number) + " waits for you", kCommandNothing);
  changed = Changed::kFacts;
  return lists("facts", rows(Look::kFact, {std::to_string(number)}));
}

std::string Commands::entities(const json::View& request) {
  const std::string name = normalized_name(request.get("name").as_string());
  const std::string found = rows(Look::kEntities, {name, limit_of(request, 200)});
  if (!name.empty() && found == "[]") throw Error("nothing is known by the name " + name, kCommandNothing);
  return lists("entities", found);
}

std::int64_t Commands::entity_called(std::string_view given) {
  const std::string name = normalized_name(given);
  if (name.empty()) throw UsageError("an entity has a name");
  const std::string found = rows(Look::kEntities, {name, "1"});
  const json::Document document = json::parse(found);
  if (document.root().size() == 0) throw Error("nothing is known by the name " + name, kCommandNothing);
  return document.root().at(0).get("id").as_int();
}

/// Of two names for one: that of the one which was merged into the other.
std::string Commands::merged_of(const SpokenEntity& first, const SpokenEntity& second) {
  for (const SpokenEntity& one : {first, second}) {
    const json::Document found = json::parse(rows(Look::kEntities, {one.alias, "1"}));
    if (!found.root().at(0).get("merged_into").is_null()) return one.alias;
  }
  throw Error("they were never two", kCommandNothing);
}

std::string Commands::merge_plan(const json::View& request) {
  const bool one = request.get("cmd").as_string() == "merge";
  const std::vector<KnownEntity> all = store_->entities(kMostEntities);
  const auto meant = [&](std::string_view name) {
    const std::optional<SpokenEntity> found = spoken_entity(all, name);
    if (!found) throw Error("nothing is known by the name " + normalized_name(name), kCommandNothing);
    return *found;
  };
  const SpokenEntity name = meant(request.get("name").as_string());
  const SpokenEntity into = meant(request.get("into").as_string());
  const bool are_one = name.entity == into.entity;
  const std::string under = !one && are_one ? merged_of(name, into) : name.alias;
  json::Writer out;
  out.begin_object().member("ok", true).member("dry_run", true).member("name", under);
  out.member("into", under == into.alias ? name.alias : into.alias);
  return out.member("one", are_one).end_object().str();
}

std::string Commands::merge(const json::View& request, Changed& changed) {
  (void)keeper();
  if (request.get("dry_run").as_bool()) return merge_plan(request);
  const bool one = request.get("cmd").as_string() == "merge";
  const std::int64_t under = entity_called(request.get("name").as_string());
  const bool done = one ? store_->merge_entities(entity_called(request.get("into").as_string()), under)
                        : store_->undo_merge(under);
  if (!done) throw Error(one ? "they are one already" : "that is one by itself", kCommandNothing);
  changed = Changed::kFacts;
  return entities(request);
}

ForgetTarget Commands::target_of(const json::View& request) {
  using Kind = ForgetTarget::Kind;
  ForgetTarget target;
  const std::string_view what = request.get("what").as_string();
  if (what == "message") {
    const MessageKey key = message_of(request);
    const json::Document exchange =
        json::parse(rows(Look::kExchange, {to_uuid(key.conversation), std::to_string(key.sequence)}));
    target.conversation = key.conversation;
    target.first = target.last = key.sequence;
    // A reply says again what was asked: it goes with the question; by itself it goes alone.
    const json::View messages = exchange.root();
    if (messages.at(0).get("role").as_string() == "user")
      target.last = static_cast<std::uint64_t>(messages.at(messages.size() - 1).get("id").as_int());
  } else if (what == "fact") {
    target.kind = Kind::kFact;
    target.fact = number_of(request.get("fact"), "a fact");
  } else if (what == "entity") {
    target.kind = Kind::kEntity;
    target.name = request.get("name").as_string();
    if (normalized_name(target.name).empty()) throw UsageError("an entity has a name");
  } else if (what == "time") {
    target.kind = Kind::kTime;
    target.from = time_of(request.get("from_us"), "from_us");
    target.until = time_of(request.get("until_us"), "until_us");
  } else if (what == "everything") {
    target.kind = Kind::kEverything;
  } else {
    throw UsageError("what is to be forgotten? message, fact, entity, time or everything");
  }
  return target;
}

std::string Commands::forget(const json::View& request) {
  (void)keeper();
  const bool dry_run = request.get("dry_run").as_bool();
  const Forgotten forgotten = forget_(target_of(request), dry_run);
  if (forgotten.nothing() && !forgotten.everything)
    throw Error("memory knows nothing of that", kCommandNothing);
  json::Writer out;
  out.begin_object().member("ok", true).member("dry_run", dry_run);
  out.member("messages", forgotten.messages.size()).member("facts", forgotten.facts);
  if (!forgotten.problem.empty()) out.member("problem", forgotten.problem);
  return out.member("entities", forgotten.entities).end_object().str();
}

std::string Commands::dead(const json::View& request, Changed& changed) {
  const std::string_view action = request.get("action").as_string("list");
  if (action == "list")
    return lists("jobs", rows(Look::kDead, {limit_of(request, 100)}), "refused",
                 refused_rows(std::stoul(limit_of(request, 100))));
  std::vector<std::int64_t> jobs;
  for (std::size_t i = 0; i < request.get("jobs").size(); ++i)
    jobs.push_back(number_of(request.get("jobs").at(i), "a job"));
  if (jobs.empty() && !request.get("all").as_bool()) throw UsageError("which jobs? their numbers, or all");
  if (action != "retry" && action != "drop") throw UsageError("dead: list, retry or drop");
  const bool again = action == "retry";
  const int count = again ? keeper().retry_dead(jobs, wall_()) : keeper().drop_dead(jobs);
  int letters = 0;
  if (refused_ != nullptr)
    letters = again ? refused_->retry(jobs, jobs.empty()) : refused_->drop(jobs, jobs.empty());
  if (count + letters == 0 && !jobs.empty()) throw Error("there is no such dead job", kCommandNothing);
  if (again) changed = Changed::kEverything;
  json::Writer out;
  out.begin_object().member("ok", true).member("jobs", count).member("refused", letters);
  return out.end_object().str();
}

/// What the database did not take, as far as one line of a terminal shows it.
std::string Commands::refused_rows(std::size_t most) const {
  constexpr std::size_t kTextBytes = 200;
  json::Writer out;
  out.begin_array();
  for (const Refused::Letter& letter :
       refused_ == nullptr ? std::vector<Refused::Letter>() : refused_->newest(most)) {
    const bool wish = letter.record.kind == TurnRecord::Kind::kForget;
    out.begin_object().member("id", letter.number).member("kind", wish ? "forget" : "message");
    out.member("conversation", to_uuid(letter.record.key.conversation));
    out.member("message", letter.record.key.sequence);
    out.member("text", text::truncate_utf8(letter.record.text, kTextBytes)).end_object();
  }
  return out.end_array().str();
}

std::string Commands::page(const json::View& request) {
  const auto* const kind = std::find_if(std::begin(kPages), std::end(kPages), [&](const Page& page) {
    return page.name == request.get("of").as_string("messages");
  });
  if (kind == std::end(kPages)) throw UsageError("an export has no such lines");
  const std::int64_t after = request.get("after").as_int(0);
  std::vector<Keeper::Row> found =
      keeper().look(kind->look, std::vector{std::to_string(after), std::to_string(kPageRows)});
  std::size_t bytes = 0;
  const auto too_much = std::find_if(found.begin(), found.end(), [&](const Keeper::Row& row) {
    return (bytes += row.json.size()) > kPageBytes;
  });
  // One at least, else it would never end.
  if (too_much != found.end()) found.erase(too_much == found.begin() ? too_much + 1 : too_much, found.end());
  json::Writer out;
  out.begin_object().member("ok", true).key("rows").raw(joined(found));
  return out.member("next", found.empty() ? -1 : found.back().cursor).end_object().str();
}

std::string Commands::import(const json::View& request) {
  Keeper::Imported done;
  if (request.get("original").as_bool()) {
    done = keeper().import_original(wall_());
  } else {
    done = keeper().import_rows(import_lines(request.get("rows")), wall_());
  }
  json::Writer out;
  out.begin_object().member("ok", true).member("messages", done.messages).member("facts", done.facts);
  return out.member("forgotten", done.forgotten).end_object().str();
}

}  // namespace prot::memory
