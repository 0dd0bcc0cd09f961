#include <algorithm>

#include "base/error.hpp"
#include "knowledge/facts.hpp"
#include "stores/postgres_store.hpp"
#include "text/utf8.hpp"

/// What comes from a file of `prot memory export`, and from the tables of the Python original.
namespace prot::memory {
namespace {

using pg::at;
using pg::run;

constexpr std::size_t kMostText = 262'144;  // as the schema has it

/// 0: refused, since it was forgotten; else the message's number. `added`: it was not there.
std::int64_t import_message(pqxx::work& tx, const Message& message, bool& added) {
  const std::string uuid = to_uuid(message.key.conversation);
  const std::int64_t seq = pg::signed_seq(message.key.sequence);
  const std::string channel = message.channel == wire::Channel::kText ? "text" : "voice";
  run(tx,
      "INSERT INTO conversation (id, channel, started_at) VALUES ($1::uuid, $2, " + at(3) +
          ") ON CONFLICT (id) DO NOTHING",
      uuid, channel, pg::micros(message.at_ns));
  const pqxx::result made = run(
      tx,
      "INSERT INTO message (conversation_id, seq, role, channel, text, at, interrupted) SELECT $1::uuid, "
      "$2::bigint, $3, $4, $5, " +
          at(6) +
          ", $7::boolean WHERE NOT EXISTS (SELECT 1 FROM forgotten_message f WHERE f.conversation_id = "
          "$1::uuid "
          "AND $2::bigint BETWEEN f.first_seq AND f.last_seq) ON CONFLICT (conversation_id, seq) DO NOTHING "
          "RETURNING id",
      uuid, seq, std::string(to_string(message.role)), channel,
      std::string(text::truncate_utf8(message.text, kMostText)), pg::micros(message.at_ns),
      message.interrupted);
  added = !made.empty();
  if (added) return made[0][0].as<std::int64_t>();
  const pqxx::result known =
      run(tx, "SELECT id FROM message WHERE conversation_id = $1::uuid AND seq = $2::bigint AND text <> ''",
          uuid, seq);
  return known.empty() ? 0 : known[0][0].as<std::int64_t>();
}

std::vector<std::int64_t> known_sources(pqxx::work& tx, const Keeper::ImportedFact& imported) {
  std::vector<std::int64_t> sources;
  const std::string spo = spo_key(imported.fact);
  for (const MessageKey& key : imported.sources)
    for (const auto& row :
         run(tx,
             "SELECT id FROM message m WHERE conversation_id = $1::uuid AND seq = $2::bigint AND text <> '' "
             "AND "
             "NOT EXISTS (SELECT 1 FROM forgotten_fact f WHERE f.spo_key = $3 AND f.at >= m.at)",
             to_uuid(key.conversation), pg::signed_seq(key.sequence), spo))
      sources.push_back(row[0].as<std::int64_t>());
  return sources;
}

std::int64_t entity_of(pqxx::work& tx, const std::string& name, const std::string& type,
                       const std::string& description) {
  const std::string norm = normalized_name(name);
  if (norm.empty() || norm.size() > 200) return 0;
  const pqxx::result known = run(tx, "SELECT entity_id FROM entity_alias WHERE alias_norm = $1", norm);
  if (!known.empty()) return known[0][0].as<std::int64_t>();
  const pqxx::result made =
      run(tx,
          "INSERT INTO entity (name, type, description) VALUES (left($1, 200), left($2, "
          "60), left($3, 400)) RETURNING id",
          name, type, description);
  const auto id = made[0][0].as<std::int64_t>();
  run(tx, "INSERT INTO entity_alias (alias_norm, entity_id) VALUES ($1, $2::bigint)", norm, id);
  return id;
}

/// True: it was not there.
bool import_fact(pqxx::work& tx, const Keeper::ImportedFact& imported, const std::string& origin) {
  const Fact& fact = imported.fact;
  const std::vector<std::int64_t> sources = known_sources(tx, imported);
  if (sources.empty()) return false;
  const pqxx::result made = run(
      tx,
      "INSERT INTO fact (fact_key, spo_key, subject, predicate, object, subject_entity, statement, origin, "
      "status, suspicion, valid_from, valid_to) VALUES ($1, $2, left($3, 200), left($4, 200), left($5, 400), "
      "nullif($6::bigint, 0), left($7, 600), $8, $9, CASE $9 WHEN 'quarantined' THEN 'imported' ELSE '' "
      "END, " +
          at(10) + ", CASE WHEN $11::bigint = 0 THEN NULL ELSE " + at(11) +
          " END) ON CONFLICT DO NOTHING RETURNING id",
      fact_key(fact), spo_key(fact), normalized_name(fact.subject), fact.predicate, fact.object,
      entity_of(tx, fact.subject, "", ""), fact.statement, origin, imported.status,
      pg::micros(fact.valid_from), pg::micros(imported.valid_to));
  const pqxx::result known =
      made.empty()
          ? run(tx, "SELECT id FROM fact WHERE fact_key = $1 OR (spo_key = $2 AND status = 'active')",
                fact_key(fact), spo_key(fact))
          : made;
  if (known.empty()) return false;
  for (const std::int64_t source : sources)
    run(tx,
        "INSERT INTO fact_source (fact_id, message_id) VALUES ($1::bigint, $2::bigint) ON CONFLICT DO "
        "NOTHING",
        known[0][0].as<std::int64_t>(), source);
  return !made.empty();
}

bool has_table(pqxx::work& tx, const char* name) {
  return !run(tx, "SELECT 1 WHERE to_regclass($1) IS NOT NULL", std::string(name)).empty();
}

void drop_empty_conversations(pqxx::work& tx) {
  tx.exec(
      "DELETE FROM conversation c WHERE NOT EXISTS (SELECT 1 FROM message m WHERE m.conversation_id = c.id)");
}

/// One conversation of ours for what the original knew without a message.
const std::string kOriginalConversation = "6f726967-696e-616c-0000-70726f740000";

Message original_statement(std::int64_t micros, const std::string& text) {
  Message message;
  message.key = {parse_uuid(kOriginalConversation), static_cast<std::uint64_t>(micros)};
  message.role = Role::kUser;
  message.channel = wire::Channel::kText;
  message.at_ns = micros * kMicrosecond;
  message.text = text;
  return message;
}

/// (role, conversation, microseconds made unique, text) of each message.
constexpr const char* kOriginalMessages =
    "SELECT role, conversation_id::text, (extract(epoch FROM created_at) * 1000000)::bigint + row_number() "
    "OVER "
    "(PARTITION BY conversation_id, created_at ORDER BY id) - 1, content FROM conversation_messages WHERE "
    "role IN "
    "('user', 'assistant') AND content <> '' ORDER BY created_at, id";
constexpr const char* kOriginalRelationships =
    "SELECT a.name, r.relation_type, b.name, r.description, (extract(epoch FROM r.created_at) * "
    "1000000)::bigint + "
    "row_number() OVER (PARTITION BY r.created_at ORDER BY r.id) - 1 FROM relationships r JOIN entities a ON "
    "a.id = "
    "r.source_id JOIN entities b ON b.id = r.target_id ORDER BY r.created_at, r.id";

void import_original_messages(pqxx::work& tx, Keeper::Imported& imported) {
  for (const auto& row : tx.exec(kOriginalMessages)) {
    Message message;
    message.key = {parse_uuid(row[1].c_str()), static_cast<std::uint64_t>(row[2].as<std::int64_t>())};
    message.role = std::string(row[0].c_str()) == "user" ? Role::kUser : Role::kAssistant;
    message.at_ns = row[2].as<std::int64_t>() * kMicrosecond;
    message.text = row[3].c_str();
    bool added = false;
    if (import_message(tx, message, added) == 0) ++imported.forgotten;
    imported.messages += added ? 1 : 0;
  }
}

void import_original_relationships(pqxx::work& tx, Keeper::Imported& imported) {
  for (const auto& row :
       tx.exec("SELECT name, entity_type, description FROM entities ORDER BY created_at, id"))
    (void)entity_of(tx, row[0].c_str(), row[1].c_str(), row[2].c_str());
  for (const auto& row : tx.exec(kOriginalRelationships)) {
    Keeper::ImportedFact one;
    one.fact.subject = row[0].c_str();
    one.fact.predicate = canonical_predicate(row[1].c_str());
    one.fact.object = row[2].c_str();
    one.fact.statement = row[3].c_str();
    if (one.fact.statement.empty())
      one.fact.statement = one.fact.subject + " " + std::string(row[1].c_str()) + " " + one.fact.object;
    if (normalized_name(one.fact.subject).empty()) continue;
    const Message said = original_statement(row[4].as<std::int64_t>(), one.fact.statement);
    one.fact.valid_from = said.at_ns;
    one.fact.source = said.key;
    one.status = "active";
    one.sources = {said.key};
    bool added = false;
    if (import_message(tx, said, added) == 0) {
      ++imported.forgotten;
      continue;
    }
    imported.messages += added ? 1 : 0;
    imported.facts += import_fact(tx, one, "import") ? 1 : 0;
  }
}

}  // namespace

Keeper::Imported PostgresStore::import_rows(std::span<const Message> messages,
                                            std::span<const ImportedFact> facts, Nanos) {
  return transaction("importing", [&](pqxx::work& tx) {
    Imported imported;
    for (const Message& message : messages) {
      bool added = false;
      if (import_message(tx, message, added) == 0) ++imported.forgotten;
      imported.messages += added ? 1 : 0;
    }
    for (const ImportedFact& fact : facts) imported.facts += import_fact(tx, fact, "import") ? 1 : 0;
    drop_empty_conversations(tx);
    return imported;
  });
}

Keeper::Imported PostgresStore::import_original(Nanos) {
  return transaction("importing the original's tables", [&](pqxx::work& tx) {
    const bool messages = has_table(tx, "conversation_messages");
    const bool graph = has_table(tx, "entities") && has_table(tx, "relationships");
    if (!messages && !graph)
      throw StoreError(StoreError::Kind::kRejected,
                       "the database has no tables of the original (conversation_messages, entities, "
                       "relationships)");
    Imported imported;
    if (messages) import_original_messages(tx, imported);
    if (graph) import_original_relationships(tx, imported);
    drop_empty_conversations(tx);
    return imported;
  });
}

}  // namespace prot::memory
