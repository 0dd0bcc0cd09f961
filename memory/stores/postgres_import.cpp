#include "stores/postgres_import.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "base/error.hpp"
#include "knowledge/facts.hpp"
#include "safety/quarantine.hpp"
#include "text/utf8.hpp"

/// What comes from a file of `prot memory export`.
namespace prot::memory {
namespace pg {
namespace {

constexpr std::size_t kMostText = 262'144;  // as the schema has it
constexpr std::size_t kMostName = 200;

/// Its user's message has an answer that a model may read with it.
void end_exchange(pqxx::work& tx, const std::string& uuid, std::int64_t seq) {
  run(tx,
      "UPDATE memory_job SET last_seq = $2::bigint WHERE kind = 'extract' AND conversation_id = $1::uuid AND "
      "state = 'ready' AND last_seq < $2::bigint AND first_seq = (SELECT max(seq) FROM message WHERE "
      "conversation_id = $1::uuid AND role = 'user' AND seq < $2::bigint)",
      uuid, seq);
}

void add_job(pqxx::work& tx, const std::string& uuid, std::int64_t seq, Nanos now) {
  run(tx,
      "INSERT INTO memory_job (kind, dedupe_key, conversation_id, first_seq, last_seq, run_after) VALUES "
      "('extract', $1, $2::uuid, $3::bigint, $3::bigint, " +
          at(4) + ") ON CONFLICT (dedupe_key) DO NOTHING",
      "extract:" + uuid + ":" + std::to_string(seq) + ":1", uuid, seq, micros(now));
}

std::vector<std::int64_t> known_sources(pqxx::work& tx, const Keeper::ImportedFact& imported) {
  std::vector<std::int64_t> sources;
  const std::string spo = spo_key(imported.fact);
  for (const MessageKey& key : imported.sources)
    for (const auto& row :
         run(tx,
             "SELECT id FROM message m WHERE conversation_id = $1::uuid AND seq = $2::bigint AND NOT EXISTS "
             "(SELECT 1 FROM forgotten_fact f WHERE f.spo_key = $3 AND f.at >= m.at)",
             to_uuid(key.conversation), signed_seq(key.sequence), spo))
      sources.push_back(row[0].as<std::int64_t>());
  return sources;
}

std::int64_t entity_called(pqxx::work& tx, const std::string& alias) {
  const pqxx::result known = run(tx, "SELECT entity_id FROM entity_alias WHERE alias_norm = $1", alias);
  return known.empty() ? 0 : known[0][0].as<std::int64_t>();
}

bool add_alias(pqxx::work& tx, std::int64_t entity, const std::string& alias, const std::string& kind) {
  if (alias.empty() || alias.size() > kMostName) return false;
  return run(tx,
             "INSERT INTO entity_alias (alias_norm, entity_id, kind) SELECT $1, $2::bigint, $3 WHERE NOT "
             "EXISTS (SELECT 1 FROM forgotten_fact WHERE spo_key = $4) ON CONFLICT DO NOTHING",
             alias, entity, std::string(kind == "variant" ? "variant" : "name"), name_key(alias))
             .affected_rows() > 0;
}

/// Made when it is not there; 0: no name, or one that was forgotten.
std::int64_t entity_of(pqxx::work& tx, const Entity& entity) {
  const std::string norm = normalized_name(entity.name);
  if (norm.empty() || norm.size() > kMostName) return 0;
  if (const std::int64_t known = entity_called(tx, norm); known != 0) return known;
  if (!run(tx, "SELECT 1 FROM forgotten_fact WHERE spo_key = $1", name_key(norm)).empty()) return 0;
  const auto id =
      run(tx,
          "INSERT INTO entity (name, type, description) VALUES (left($1, 200), left($2, 60), left($3, 400)) "
          "RETURNING id",
          entity.name, entity.type, entity.description)[0][0]
          .as<std::int64_t>();
  (void)add_alias(tx, id, norm, "name");
  return id;
}

std::int64_t fact_with(pqxx::work& tx, const std::string& key) {
  const pqxx::result known = run(tx, "SELECT id FROM fact WHERE fact_key = $1", key);
  return known.empty() ? 0 : known[0][0].as<std::int64_t>();
}

/// As an answer of a model is: what a file says of itself counts for nothing but a person's own confirmation.
Fact screened(const Keeper::ImportedFact& imported) {
  Fact fact = imported.fact;
  const bool held = fact.status == FactStatus::kActive || fact.status == FactStatus::kSuperseded;
  if (held && !imported.confirmed) {
    const Origin origin = std::exchange(fact.origin, Origin::kUser);
    screen(fact);
    fact.origin = origin;
  }
  if (fact.status == FactStatus::kQuarantined && fact.suspicion.empty()) fact.suspicion = "imported";
  return fact;
}

std::int64_t insert_imported(pqxx::work& tx, const Fact& fact, const std::string& key, const Place& place,
                             std::int64_t subject, Nanos confirmed) {
  const std::int64_t object = entity_called(tx, normalized_name(fact.object));
  const bool later = fact.status == FactStatus::kActive && place.after != 0;
  const std::int64_t until = later ? place.until : std::max(micros(fact.valid_to), micros(fact.valid_from));
  const pqxx::result made =
      run(tx,
          "INSERT INTO fact (fact_key, spo_key, subject, predicate, object, subject_entity, object_entity, "
          "statement, origin, status, suspicion, valid_from, valid_to, superseded_by, confirmed_at, "
          "read_count, read_at) VALUES ($1, "
          "$2, left($3, 200), left($4, 200), left($5, 400), nullif($6::bigint, 0), nullif($7::bigint, 0), "
          "left($8, 600), $9, $10, left($11, 60), " +
              at(12) + ", CASE WHEN $13::bigint = 0 THEN NULL ELSE " + at(13) +
              " END, nullif($14::bigint, 0), CASE WHEN $15::bigint = 0 THEN NULL ELSE " + at(15) +
              " END, $16::integer, CASE WHEN $17::bigint = 0 THEN NULL ELSE " + at(17) +
              " END) ON CONFLICT DO NOTHING RETURNING id",
          key, spo_key(fact), fact.subject, fact.predicate, fact.object, subject, object, fact.statement,
          std::string(to_string(fact.origin)), std::string(later ? "superseded" : to_string(fact.status)),
          fact.suspicion, micros(fact.valid_from), later || fact.valid_to != 0 ? until : 0,
          later ? place.after : 0, micros(confirmed), static_cast<std::int64_t>(fact.reads),
          micros(fact.read_at));
  return made.empty() ? 0 : made[0][0].as<std::int64_t>();
}

}  // namespace

TakenIn import_message(pqxx::work& tx, const Message& message) {
  const std::string uuid = to_uuid(message.key.conversation);
  const std::int64_t seq = signed_seq(message.key.sequence);
  const std::string channel = message.channel == wire::Channel::kText ? "text" : "voice";
  run(tx,
      "INSERT INTO conversation (id, channel, started_at) VALUES ($1::uuid, $2, " + at(3) +
          ") ON CONFLICT (id) DO NOTHING",
      uuid, channel, micros(message.at_ns));
  const pqxx::result made = run(
      tx,
      "INSERT INTO message (conversation_id, seq, role, channel, text, at, interrupted) SELECT $1::uuid, "
      "$2::bigint, $3, $4, $5, " +
          at(6) +
          ", $7::boolean WHERE NOT EXISTS (SELECT 1 FROM forgotten_message f WHERE f.conversation_id = "
          "$1::uuid AND $2::bigint BETWEEN f.first_seq AND f.last_seq) ON CONFLICT (conversation_id, seq) DO "
          "NOTHING RETURNING id",
      uuid, seq, std::string(to_string(message.role)), channel,
      std::string(text::truncate_utf8(message.text, kMostText)), micros(message.at_ns), message.interrupted);
  if (!made.empty()) {
    if (message.role == Role::kAssistant) end_exchange(tx, uuid, seq);
    return {made[0][0].as<std::int64_t>(), true};
  }
  const pqxx::result known =
      run(tx,
          "SELECT id FROM message WHERE conversation_id = $1::uuid AND seq = $2::bigint AND (text <> '' OR "
          "$3 = '')",
          uuid, seq, message.text);
  return {known.empty() ? 0 : known[0][0].as<std::int64_t>(), false};
}

void drop_empty_conversations(pqxx::work& tx) {
  tx.exec(
      "DELETE FROM conversation c WHERE NOT EXISTS (SELECT 1 FROM message m WHERE m.conversation_id = c.id)");
}

bool import_fact(pqxx::work& tx, const Keeper::ImportedFact& imported, Nanos now) {
  const std::vector<std::int64_t> sources = known_sources(tx, imported);
  if (sources.empty()) return false;
  Fact fact = screened(imported);
  fact.subject = normalized_name(fact.subject);
  const std::string key = imported.key.empty() ? fact_key(fact) : imported.key;
  std::int64_t id = fact_with(tx, key);
  if (id == 0 && fact.status == FactStatus::kActive) id = with_status(tx, spo_key(fact), "active");
  const bool added = id == 0;
  if (added) {
    const std::int64_t subject = fact.status == FactStatus::kQuarantined
                                     ? entity_called(tx, fact.subject)
                                     : entity_of(tx, {fact.subject, "", ""});
    const bool active = fact.status == FactStatus::kActive;
    const Place place = active ? place_of(tx, fact, "{" + std::to_string(subject) + "}") : Place{};
    id = insert_imported(tx, fact, key, place, subject, imported.confirmed ? now : 0);
    if (id == 0) return false;
    if (active) take_place(tx, place, id, fact.valid_from);
  }
  for (const std::int64_t source : sources) add_source(tx, id, source);
  return added;
}

bool anything_forgotten(pqxx::work& tx) {
  return !tx.exec(
                "(SELECT 1 FROM forgotten_fact LIMIT 1) UNION ALL (SELECT 1 FROM forgotten_message LIMIT 1)")
              .empty();
}

void import_entity(pqxx::work& tx, const Keeper::ImportedEntity& imported) {
  Entity entity = imported.entity;
  for (std::string* text : {&entity.name, &entity.description})
    if (suspicion_of(*text) != Suspicion::kNone) text->clear();
  if (anything_forgotten(tx)) entity.description.clear();
  std::int64_t id = 0;
  for (const auto& alias : imported.aliases)
    if (id == 0) id = entity_called(tx, alias.name);
  if (id == 0) id = entity_of(tx, entity);
  if (id == 0) return;
  // A fact that came before it knows only the name, in small letters.
  run(tx,
      "UPDATE entity SET name = left($2, 200), type = left($3, 60), description = left($4, 400) WHERE id = "
      "$1::bigint AND type = '' AND description = '' AND lower(name) = lower($2)",
      id, entity.name, entity.type, entity.description);
  for (const auto& alias : imported.aliases)
    if (suspicion_of(alias.name) == Suspicion::kNone) (void)add_alias(tx, id, alias.name, alias.kind);
}

void link_objects(pqxx::work& tx) {
  std::map<std::string, std::int64_t, std::less<>> called;
  for (const auto& row : tx.exec("SELECT alias_norm, entity_id FROM entity_alias"))
    called[row[0].c_str()] = row[1].as<std::int64_t>();
  for (const auto& row : tx.exec("SELECT id, object FROM fact WHERE object_entity IS NULL AND object <> ''"))
    if (const auto found = called.find(normalized_name(row[1].c_str())); found != called.end())
      run(tx, "UPDATE fact SET object_entity = $2::bigint WHERE id = $1::bigint", row[0].as<std::int64_t>(),
          found->second);
}

void import_succession(pqxx::work& tx, const Keeper::ImportedSuccession& imported) {
  run(tx,
      "UPDATE fact SET superseded_by = n.id FROM fact n WHERE fact.fact_key = $1 AND n.fact_key = $2 AND "
      "fact.superseded_by IS NULL AND fact.status = 'superseded' AND n.id <> fact.id",
      imported.fact, imported.by);
}

void import_merge(pqxx::work& tx, const Keeper::ImportedMerge& imported) {
  const std::int64_t under = entity_called(tx, imported.name);
  const std::int64_t top = entity_called(tx, imported.into);
  const EntityBook book(tx);
  if (under == 0 || top == 0 || book.root(top) == book.root(under)) return;
  if (run(tx, "UPDATE entity SET merged_into = $2::bigint WHERE id = $1::bigint AND merged_into IS NULL",
          under, top)
          .affected_rows() == 0)
    return;
  for (const std::string& key : imported.ended)
    run(tx,
        "UPDATE fact SET ended_by_merge = $2::bigint WHERE fact_key = $1 AND status = 'superseded' AND "
        "ended_by_merge IS NULL",
        key, under);
}

}  // namespace pg

Keeper::Imported PostgresStore::import_rows(const Rows& rows, Nanos now) {
  return transaction("importing", [&](pqxx::work& tx) {
    Imported imported;
    for (const ImportedMessage& one : rows.messages) {
      const pg::TakenIn taken = pg::import_message(tx, one.message);
      if (taken.id == 0) ++imported.forgotten;
      imported.messages += taken.added ? 1 : 0;
      if (taken.added && one.pending && one.message.role == Role::kUser)
        pg::add_job(tx, to_uuid(one.message.key.conversation), pg::signed_seq(one.message.key.sequence), now);
    }
    for (const ImportedFact& one : rows.facts) imported.facts += pg::import_fact(tx, one, now) ? 1 : 0;
    for (const ImportedEntity& one : rows.entities) pg::import_entity(tx, one);
    if (!rows.entities.empty()) pg::link_objects(tx);
    for (const ImportedSuccession& one : rows.successions) pg::import_succession(tx, one);
    for (const ImportedMerge& one : rows.merges) pg::import_merge(tx, one);
    for (const ImportedCommunity& one : rows.communities) pg::import_community(tx, one);
    pg::drop_empty_conversations(tx);
    return imported;
  });
}

}  // namespace prot::memory
