#include <algorithm>
#include <set>

#include "base/error.hpp"
#include "knowledge/facts.hpp"
#include "safety/mentions.hpp"
#include "stores/postgres_entities.hpp"
#include "stores/postgres_rewording.hpp"

/// Forgetting: one transaction, so that nothing of it is ever half done.
namespace prot::memory {
namespace {

using pg::at;
using pg::run;

struct StoredMessage {
  std::int64_t id;
  MessageKey key;
  std::string uuid;
  bool by_user;
  std::string text;
};

/// What goes, as it is found, and then its end.
class Forgetting {
 public:
  Forgetting(pqxx::work& tx, Nanos now) : tx_(&tx), now_(now) {}

  Forgotten run(const ForgetTarget& target) {
    const std::vector<std::string> names = pg::all_aliases(*tx_);
    keeps_others_ = target.kind == ForgetTarget::Kind::kFact || target.kind == ForgetTarget::Kind::kEntity;
    switch (target.kind) {
      case ForgetTarget::Kind::kMessages:
        find_range(target);
        break;
      case ForgetTarget::Kind::kTime:
        add(read("WHERE at >= " + at(1) + " AND at < " + at(2), pg::micros(target.from),
                 pg::micros(target.until)));
        break;
      case ForgetTarget::Kind::kFact:
        find_fact(target.fact);
        break;
      case ForgetTarget::Kind::kEntity:
        find_entity(target.name);
        break;
      case ForgetTarget::Kind::kEverything:
        add(read("WHERE true"));
        end_everything();
        pg::bury_names(*tx_, names, now_);
        return std::move(forgotten_);
    }
    const std::string ended = ended_facts();
    const std::vector<std::int64_t> worded = worded_facts();
    end_facts();
    end_jobs();
    end_messages();
    for (std::string& statement : pg::reword_facts(*tx_, worded, gone()))
      forgotten_.texts.push_back(std::move(statement));
    reopen(ended);
    end_entities();
    pg::bury_names(*tx_, names, now_);
    return std::move(forgotten_);
  }

 private:
  std::string ended_facts() {
    std::vector<std::int64_t> facts;
    for (const auto& row :
         tx_->exec("SELECT id FROM fact WHERE status = 'superseded' AND superseded_by IS NOT NULL"))
      facts.push_back(row[0].as<std::int64_t>());
    return pg::array_of(facts);
  }

  /// Of these what was ended by a fact that is gone holds again, the newest of its kind, unless another
  /// holds.
  void reopen(const std::string& ended) {
    pg::run(*tx_,
            "UPDATE fact SET status = 'active', valid_to = NULL WHERE id IN (SELECT DISTINCT ON (f.subject, "
            "f.predicate) f.id FROM fact f WHERE f.id = ANY($1::bigint[]) AND f.status = 'superseded' AND "
            "f.superseded_by IS NULL AND NOT EXISTS (SELECT 1 FROM fact a WHERE a.status = 'active' AND "
            "a.predicate = f.predicate AND (a.subject = f.subject OR a.subject_entity = f.subject_entity)) "
            "ORDER BY f.subject, f.predicate, f.valid_from DESC, f.id DESC)",
            ended);
  }

  /// Those that stay, but may have words of what goes.
  std::vector<std::int64_t> worded_facts() {
    std::vector<std::int64_t> facts = quoting_;
    for (const auto& row :
         pg::run(*tx_,
                 "SELECT DISTINCT fact_id FROM fact_source WHERE message_id = ANY($1::bigint[]) AND fact_id "
                 "<> ALL($2::bigint[])",
                 ids(), pg::array_of(facts_)))
      facts.push_back(row[0].as<std::int64_t>());
    return facts;
  }

  [[nodiscard]] std::string gone() const {
    std::string all;
    for (const std::string& text : forgotten_.texts) all += normalized_name(text) + "\n";
    return all;
  }

  template <typename... Args>
  std::vector<StoredMessage> read(const std::string& where, const Args&... args) {
    std::vector<StoredMessage> messages;
    const pqxx::result rows = pg::run(
        *tx_,
        "SELECT id, conversation_id::text, seq, role = 'user', text || coalesce((SELECT string_agg(' ' || "
        "s.text, '') FROM message_segment s WHERE s.message_id = message.id AND message.open), '') FROM "
        "message " +
            where + " ORDER BY conversation_id, seq",
        args...);
    for (const auto& row : rows) {
      const std::string uuid = row[1].c_str();
      messages.push_back({row[0].as<std::int64_t>(),
                          {parse_uuid(uuid), static_cast<std::uint64_t>(row[2].as<std::int64_t>())},
                          uuid,
                          row[3].as<bool>(),
                          row[4].c_str()});
    }
    return messages;
  }

  void add(std::vector<StoredMessage> messages) {
    for (StoredMessage& message : messages) {
      if (!ids_.insert(message.id).second) continue;
      forgotten_.messages.push_back(message.key);
      if (!message.text.empty()) forgotten_.texts.push_back(message.text);
      messages_.push_back(std::move(message));
    }
  }

  void find_range(const ForgetTarget& target) {
    const std::string uuid = to_uuid(target.conversation);
    tombstone(uuid, target.first, target.last);
    add(read("WHERE conversation_id = $1::uuid AND seq BETWEEN $2::bigint AND $3::bigint", uuid,
             pg::signed_seq(target.first), pg::signed_seq(target.last)));
  }

  void find_fact(std::int64_t number) {
    const pqxx::result rows =
        pg::run(*tx_,
                "SELECT f.id, f.spo_key, f.statement, f.object FROM fact f WHERE spo_key = "
                "(SELECT spo_key FROM fact WHERE id = $1::bigint)",
                number);
    if (rows.empty()) return;
    for (const auto& row : rows) facts_.push_back(row[0].as<std::int64_t>());
    const std::string object = normalized_name(rows[0][3].c_str());
    forgotten_.texts.emplace_back(rows[0][2].c_str());
    forgotten_.texts.emplace_back(rows[0][3].c_str());
    add(read("WHERE id IN (SELECT message_id FROM fact_source WHERE fact_id = ANY($1::bigint[]))",
             pg::array_of(facts_)));
    // What prot said of it itself; nothing was ever taken from that.
    constexpr std::size_t kTelling = 3;  // bytes: less stands everywhere
    if (object.size() >= kTelling) add_mentions({object}, true);
  }

  void find_entity(const std::string& name) {
    std::vector<std::string> names = {normalized_name(name)};
    const pg::EntityBook book(*tx_);
    const std::int64_t entity = book.find(name, "", "");
    if (entity != 0) {
      const std::string group = book.group(entity);
      for (const auto& row :
           pg::run(*tx_, "SELECT entity_id, alias_norm FROM entity_alias WHERE entity_id = ANY($1::bigint[])",
                   group))
        names.emplace_back(row[1].c_str());
      for (const auto& row : pg::run(*tx_, "SELECT id FROM entity WHERE id = ANY($1::bigint[])", group))
        named_.push_back(row[0].as<std::int64_t>());
    }
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    std::erase(names, std::string());
    for (const auto& row : tx_->exec("SELECT id, subject, object, statement, coalesce(subject_entity, 0), "
                                     "coalesce(object_entity, 0), replace(predicate, '_', ' ') FROM fact")) {
      const std::string statement = normalized_name(row[3].c_str());
      const std::string parts = normalized_name(row[1].c_str()) + "\n" + normalized_name(row[2].c_str()) +
                                "\n" + normalized_name(row[6].c_str());
      const auto told_in = [&](std::string_view text) {
        return std::any_of(names.begin(), names.end(),
                           [&](const std::string& n) { return mentions(text, n); });
      };
      const auto is_end = [&](std::int64_t end) {
        return std::find(named_.begin(), named_.end(), end) != named_.end();
      };
      const bool linked = is_end(row[4].as<std::int64_t>()) || is_end(row[5].as<std::int64_t>());
      if (!linked && !told_in(parts)) {
        if (!told_in(statement)) continue;
        if (is_quoting(row[3].c_str())) {  // of something else, in the same breath
          quoting_.push_back(row[0].as<std::int64_t>());
          continue;
        }
      }
      facts_.push_back(row[0].as<std::int64_t>());
      forgotten_.texts.emplace_back(row[3].c_str());
    }
    add(read("WHERE id IN (SELECT message_id FROM fact_source WHERE fact_id = ANY($1::bigint[]))",
             pg::array_of(facts_)));
    add_mentions(names, false);
    if (forgotten_.messages.empty() && facts_.empty() && named_.empty() && quoting_.empty()) return;
    for (const std::string& n : names) forgotten_.texts.push_back(n);
    forgotten_.texts.push_back(name);
  }

  void add_mentions(const std::vector<std::string>& names, bool replies_only) {
    std::vector<StoredMessage> found = read(replies_only ? "WHERE role = 'assistant'" : "WHERE true");
    std::erase_if(found, [&](const StoredMessage& message) {
      const std::string text = normalized_name(message.text);
      return std::none_of(names.begin(), names.end(),
                          [&](const std::string& n) { return mentions(text, n); });
    });
    add(std::move(found));
  }

  void tombstone(const std::string& uuid, std::uint64_t first, std::uint64_t last) {
    pg::run(
        *tx_,
        "INSERT INTO forgotten_message (conversation_id, first_seq, last_seq) VALUES ($1::uuid, $2::bigint, "
        "$3::bigint) ON CONFLICT DO NOTHING",
        uuid, pg::signed_seq(first), pg::signed_seq(last));
  }

  [[nodiscard]] std::string ids() const { return pg::array_of(std::vector(ids_.begin(), ids_.end())); }

  void end_facts() {
    pg::run(
        *tx_,
        "INSERT INTO forgotten_fact (spo_key, at) SELECT DISTINCT spo_key, " + at(2) +
            " FROM fact WHERE id = ANY($1::bigint[]) ON CONFLICT (spo_key) DO UPDATE SET at = EXCLUDED.at",
        pg::array_of(facts_), pg::micros(now_));
    forgotten_.facts =
        pg::run(*tx_, "DELETE FROM fact WHERE id = ANY($1::bigint[])", pg::array_of(facts_)).affected_rows();
  }

  /// Jobs of these messages end. An answer of their conversations that is under way, or waits to be applied,
  /// may have seen them: it is nobody's, and what it was about is asked again without them. Those that were
  /// applied lose their text.
  void end_jobs() {
    const std::string here =
        "conversation_id IN (SELECT m.conversation_id FROM message m WHERE m.id = ANY($1::bigint[]))";
    pg::run(*tx_,
            "UPDATE memory_job SET state = 'ready', lease_token = NULL, lease_until = NULL WHERE state = "
            "'leased' AND " +
                here,
            ids());
    pg::run(*tx_,
            "UPDATE memory_job e SET state = 'ready' WHERE e.kind = 'extract' AND e.state = 'done' AND "
            "EXISTS (SELECT 1 "
            "FROM memory_job a WHERE a.kind = 'apply' AND a.state <> 'done' AND a.conversation_id = "
            "e.conversation_id "
            "AND e.first_seq BETWEEN a.first_seq AND a.last_seq) AND e." +
                here,
            ids());
    pg::run(*tx_, "DELETE FROM memory_job WHERE kind = 'apply' AND state <> 'done' AND " + here, ids());
    pg::run(*tx_,
            "DELETE FROM memory_job j USING message m WHERE m.id = ANY($1::bigint[]) AND j.conversation_id = "
            "m.conversation_id AND j.first_seq = m.seq",
            ids());
    pg::run(*tx_, "UPDATE memory_job SET result = NULL, last_error = NULL WHERE " + here, ids());
  }

  /// A message that still bears out a fact stays, without its words.
  void end_messages() {
    const std::uint64_t before = count_facts();
    if (keeps_others_) {
      const pqxx::result kept = pg::run(
          *tx_,
          "UPDATE message SET text = '', open = false WHERE id = ANY($1::bigint[]) AND EXISTS (SELECT 1 "
          "FROM fact_source s WHERE s.message_id = message.id) RETURNING id",
          ids());
      for (const auto& row : kept) ids_.erase(row[0].as<std::int64_t>());
      for (const auto& row : kept)
        pg::run(*tx_, "DELETE FROM message_segment WHERE message_id = $1::bigint", row[0].as<std::int64_t>());
    }
    for (const StoredMessage& message : messages_)
      if (ids_.contains(message.id)) tombstone(message.uuid, message.key.sequence, message.key.sequence);
    for (const auto& row :
         pg::run(*tx_,
                 "SELECT statement FROM fact f WHERE EXISTS (SELECT 1 FROM fact_source s WHERE "
                 "s.fact_id = f.id) AND NOT EXISTS (SELECT 1 FROM fact_source s WHERE s.fact_id "
                 "= f.id AND s.message_id <> ALL($1::bigint[]))",
                 ids()))
      forgotten_.texts.emplace_back(row[0].c_str());
    pg::run(*tx_, "DELETE FROM message WHERE id = ANY($1::bigint[])", ids());
    tx_->exec(
        "DELETE FROM conversation c WHERE NOT EXISTS (SELECT 1 FROM message m WHERE m.conversation_id = "
        "c.id)");
    forgotten_.facts += before - count_facts();
  }

  /// A name that only what is forgotten spoke of goes as well; of others the description goes, since nobody
  /// knows where it is from.
  void end_entities() {
    std::set<std::int64_t> spoken_of;
    const std::string all = gone();
    for (const auto& row : tx_->exec("SELECT entity_id, alias_norm FROM entity_alias"))
      if (mentions(all, row[1].c_str())) spoken_of.insert(row[0].as<std::int64_t>());
    pg::run(*tx_,
            "DELETE FROM community WHERE id IN (SELECT community_id FROM community_member WHERE entity_id = "
            "ANY($1::bigint[]))",
            pg::array_of(named_));
    const std::string these = pg::array_of(std::vector(spoken_of.begin(), spoken_of.end()));
    forgotten_.entities =
        pg::run(*tx_,
                "DELETE FROM entity e WHERE id = ANY($2::bigint[]) OR (id = ANY($1::bigint[]) AND NOT EXISTS "
                "(SELECT 1 FROM fact f WHERE f.subject_entity = e.id OR f.object_entity = e.id))",
                these, pg::array_of(named_))
            .affected_rows();
    pg::run(*tx_, "UPDATE entity SET description = '' WHERE id = ANY($1::bigint[]) AND description <> ''",
            these);
    pg::end_aliases(*tx_, these, all);
  }

  void end_everything() {
    forgotten_.everything = true;
    forgotten_.facts = count_facts();
    forgotten_.entities = tx_->exec("SELECT 1 FROM entity").size();
    for (const auto& row : tx_->exec("SELECT statement FROM fact"))
      forgotten_.texts.emplace_back(row[0].c_str());
    // A message's number is the microsecond in which it was given: what is on its way is covered too.
    pg::run(*tx_,
            "INSERT INTO forgotten_message (conversation_id, first_seq, last_seq) SELECT conversation_id, 0, "
            "greatest(max(seq), $1::bigint) FROM message GROUP BY conversation_id ON CONFLICT DO NOTHING",
            pg::micros(now_));
    for (const char* table :
         {"community", "fact", "entity", "memory_job", "message", "conversation", "forgotten_fact"})
      tx_->exec(std::string("DELETE FROM ") + table);
  }

  std::uint64_t count_facts() { return tx_->exec("SELECT count(*) FROM fact")[0][0].as<std::uint64_t>(); }

  pqxx::work* tx_;
  Nanos now_;
  bool keeps_others_ = false;  // facts that a message bears out as well
  Forgotten forgotten_;
  std::vector<StoredMessage> messages_;
  std::set<std::int64_t> ids_;  // of messages
  std::vector<std::int64_t> facts_;
  std::vector<std::int64_t> named_;    // entities
  std::vector<std::int64_t> quoting_;  // facts that only quote a name
};

struct DryRun {
  Forgotten forgotten;
};

}  // namespace

Forgotten PostgresStore::forget(const ForgetTarget& target, Nanos now, bool dry_run) {
  count_again();
  try {
    return transaction("forgetting", [&](pqxx::work& tx) {
      pg::take_time(tx);
      Forgotten forgotten = Forgetting(tx, now).run(target);
      if (dry_run) throw DryRun{std::move(forgotten)};  // past the commit
      return forgotten;
    });
  } catch (DryRun& dry) {
    return std::move(dry.forgotten);
  }
}

}  // namespace prot::memory
