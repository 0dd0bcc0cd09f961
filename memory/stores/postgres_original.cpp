#include "knowledge/facts.hpp"
#include "recall/recall.hpp"
#include "safety/quarantine.hpp"
#include "stores/postgres_import.hpp"

/// What comes from the tables of the Python original.
namespace prot::memory {
namespace {

using pg::run;

constexpr std::size_t kNameBytes = 160;
constexpr std::size_t kObjectBytes = 300;
constexpr std::size_t kStatementBytes = 500;

bool has_table(pqxx::work& tx, const char* name) {
  return !run(tx, "SELECT 1 WHERE to_regclass($1) IS NOT NULL", std::string(name)).empty();
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
    const pg::TakenIn taken = pg::import_message(tx, message);
    if (taken.id == 0) ++imported.forgotten;
    imported.messages += taken.added ? 1 : 0;
  }
}

/// As an answer of a model is taken: nobody knows what the original's had been told to write.
Fact fact_of(const pqxx::row& row) {
  Fact fact;
  fact.subject = canonical_subject(quotable(row[0].c_str(), kNameBytes));
  fact.predicate = canonical_predicate(row[1].c_str());
  fact.object = quotable(row[2].c_str(), kObjectBytes);
  fact.statement = quotable(row[3].c_str(), kStatementBytes);
  if (fact.statement.empty()) fact.statement = plain_statement(fact);
  screen(fact);
  fact.origin = Origin::kImport;
  return fact;
}

/// In the order in which it learnt them, so that what holds once ends what held before.
void import_original_relationships(pqxx::work& tx, Keeper::Imported& imported) {
  pg::EntityBook book(tx);
  const bool careful = pg::anything_forgotten(tx);
  for (const auto& row :
       tx.exec("SELECT name, entity_type, description FROM entities ORDER BY created_at, id")) {
    Entity entity{quotable(row[0].c_str(), kNameBytes), row[1].c_str(),
                  quotable(row[2].c_str(), kObjectBytes)};
    if (suspicion_of(entity.name) != Suspicion::kNone) continue;
    if (suspicion_of(entity.description) != Suspicion::kNone || careful) entity.description.clear();
    if (run(tx, "SELECT 1 FROM forgotten_fact WHERE spo_key = $1", name_key(normalized_name(entity.name)))
            .empty())
      (void)book.id_of(entity, "");
  }
  for (const auto& row : tx.exec(kOriginalRelationships)) {
    Fact fact = fact_of(row);
    if (normalized_name(fact.subject).empty()) continue;
    const Message said = original_statement(row[4].as<std::int64_t>(), fact.statement);
    fact.valid_from = said.at_ns;
    fact.source = said.key;
    const pg::TakenIn taken = pg::import_message(tx, said);
    imported.messages += taken.added ? 1 : 0;
    imported.forgotten += taken.id == 0 ? 1 : 0;
    if (taken.id != 0) imported.facts += pg::apply_fact(tx, book, fact, taken.id, fact.statement) ? 1 : 0;
  }
}

}  // namespace

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
    pg::drop_empty_conversations(tx);
    return imported;
  });
}

}  // namespace prot::memory
