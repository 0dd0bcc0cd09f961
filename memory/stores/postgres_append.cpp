#include <map>
#include <utility>

#include "stores/array_text.hpp"
#include "stores/postgres_store.hpp"

/// What was said, as it comes, and as a spool brings it: however many records, a few statements.
namespace prot::memory {
namespace {

using pg::ArrayText;
using pg::at;
using pg::run;

const char* channel_name(wire::Channel channel) { return channel == wire::Channel::kText ? "text" : "voice"; }

/// What several records make of one message, as if they had come one after the other: the first says what it
/// is; the first end of a reply takes the place of its segments, and nothing changes it after that.
struct Folded {
  const TurnRecord* first;
  const TurnRecord* end = nullptr;
  std::vector<const TurnRecord*> segments;  // of a reply that stays open

  [[nodiscard]] bool reply() const { return first->kind != TurnRecord::Kind::kUser; }
  [[nodiscard]] bool open() const { return reply() && end == nullptr; }
  [[nodiscard]] std::string_view text() const {
    if (!reply()) return first->text;
    return end != nullptr ? std::string_view(end->text) : std::string_view();
  }
};

/// In the order in which the messages begin.
std::vector<Folded> rows_of(std::span<const TurnRecord> records) {
  std::vector<Folded> rows;
  std::map<std::pair<std::string, std::uint64_t>, std::size_t> places;
  for (const TurnRecord& record : records) {
    if (record.kind == TurnRecord::Kind::kForget) continue;  // forget()
    const auto [place, fresh] =
        places.try_emplace({to_uuid(record.key.conversation), record.key.sequence}, rows.size());
    if (fresh) rows.push_back({&record, nullptr, {}});
    Folded& row = rows[place->second];
    if (!row.open()) continue;
    if (record.kind == TurnRecord::Kind::kEnd) row.end = &record;
    if (record.kind == TurnRecord::Kind::kSegment) row.segments.push_back(&record);
  }
  return rows;
}

// $1 to $8: the messages, $9: when the questions among them are due. Conversation, message and job are there
// together or not at all; what is there already stays, what was forgotten does not come back.
const pg::Statement kStore = {
    "store_messages",
    "WITH said AS (SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::text[], $5::bigint[], "
    "$6::text[], $7::boolean[], $8::boolean[]) WITH ORDINALITY AS s (conversation, seq, role, channel, at, "
    "text, interrupted, open, place) WHERE NOT EXISTS (SELECT 1 FROM forgotten_message f WHERE "
    "f.conversation_id = s.conversation AND s.seq BETWEEN f.first_seq AND f.last_seq)), "
    "begun AS (INSERT INTO conversation (id, channel, started_at) SELECT DISTINCT ON (conversation) "
    "conversation, channel, to_timestamp(at / 1000000.0) FROM said ORDER BY conversation, place ON CONFLICT "
    "(id) DO NOTHING), "
    "stored AS (INSERT INTO message (conversation_id, seq, role, channel, text, at, interrupted, open) "
    "SELECT conversation, seq, role, channel, text, to_timestamp(at / 1000000.0), interrupted, open FROM "
    "said ORDER BY place ON CONFLICT (conversation_id, seq) DO UPDATE SET text = EXCLUDED.text, interrupted "
    "= EXCLUDED.interrupted, open = false WHERE message.open AND NOT EXCLUDED.open AND EXCLUDED.role = "
    "'assistant' RETURNING id, conversation_id, seq, role, text, open), "
    "ended AS (DELETE FROM message_segment s USING stored WHERE s.message_id = stored.id AND NOT "
    "stored.open), "
    "queued AS (INSERT INTO memory_job (kind, dedupe_key, conversation_id, first_seq, last_seq, run_after) "
    "SELECT 'extract', 'extract:' || conversation_id || ':' || seq || ':1', conversation_id, seq, seq, "
    "to_timestamp($9::bigint / 1000000.0) FROM stored WHERE role = 'user' AND text <> '' ORDER BY id ON "
    "CONFLICT (dedupe_key) DO NOTHING) "
    "SELECT EXISTS (SELECT 1 FROM stored WHERE role = 'assistant' AND NOT open)"};

/// Are there replies among them that have ended now?
bool store_rows(pqxx::work& tx, std::span<const Folded> rows, Nanos due) {
  ArrayText conversations;
  ArrayText sequences;
  ArrayText roles;
  ArrayText channels;
  ArrayText times;
  ArrayText texts;
  ArrayText interrupted;
  ArrayText open;
  for (const Folded& row : rows) {
    conversations.add(to_uuid(row.first->key.conversation));
    sequences.add_number(pg::signed_seq(row.first->key.sequence));
    roles.add(row.reply() ? "assistant" : "user");
    channels.add(channel_name(row.first->channel));
    times.add_number(pg::micros(row.first->wall_ns));
    texts.add(row.text());
    interrupted.add_flag(row.end != nullptr && row.end->interrupted);
    open.add_flag(row.open());
  }
  return run(tx, kStore, conversations.str(), sequences.str(), roles.str(), channels.str(), times.str(),
             texts.str(), interrupted.str(), open.str(), pg::micros(due))[0][0]
      .as<bool>();
}

// Not prepared: how they are done best depends on how many jobs and messages there are.

void grow_replies(pqxx::work& tx, std::span<const Folded> rows) {
  ArrayText conversations;
  ArrayText sequences;
  ArrayText numbers;
  ArrayText texts;
  for (const Folded& row : rows) {
    if (!row.open()) continue;
    for (const TurnRecord* segment : row.segments) {
      conversations.add(to_uuid(segment->key.conversation));
      sequences.add_number(pg::signed_seq(segment->key.sequence));
      numbers.add_number(segment->segment);
      texts.add(segment->text);
    }
  }
  if (texts.empty()) return;
  // The new ones are not in the table yet, as this statement sees it.
  run(tx,
      "WITH fresh AS (INSERT INTO message_segment (message_id, segment, text) SELECT m.id, s.segment, s.text "
      "FROM unnest($1::uuid[], $2::bigint[], $3::integer[], $4::text[]) AS s (conversation, seq, segment, "
      "text) JOIN message m ON m.conversation_id = s.conversation AND m.seq = s.seq AND m.open ON CONFLICT "
      "DO NOTHING RETURNING message_id, segment, text) UPDATE message SET text = (SELECT "
      "string_agg(rtrim(a.text), ' ' ORDER BY a.segment) FROM (SELECT segment, text FROM message_segment "
      "WHERE message_id = message.id UNION ALL SELECT segment, text FROM fresh WHERE message_id = "
      "message.id) a) WHERE id IN (SELECT message_id FROM fresh)",
      conversations.str(), sequences.str(), numbers.str(), texts.str());
}

/// The question before it is due, and the reply belongs to it.
void end_replies(pqxx::work& tx, std::span<const Folded> rows, Nanos now) {
  ArrayText conversations;
  ArrayText sequences;
  for (const Folded& row : rows) {
    if (row.end == nullptr) continue;
    conversations.add(to_uuid(row.end->key.conversation));
    sequences.add_number(pg::signed_seq(row.end->key.sequence));
  }
  // By the key, which has an index: after an outage thousands of jobs are ready.
  run(tx,
      "UPDATE memory_job j SET last_seq = e.seq, run_after = least(j.run_after, " + at(3) +
          // Pairs are compared so that the index is walked backwards from the reply, whatever is known of the
          // tables: with a condition for each, all of a long conversation is read for each reply.
          ") FROM (SELECT conversation, said, max(seq) AS seq FROM (SELECT r.conversation, r.seq, (SELECT "
          "CASE WHEN u.conversation_id = r.conversation THEN u.seq END FROM message u WHERE "
          "(u.conversation_id, u.seq) < (r.conversation, r.seq) AND u.role = 'user' ORDER BY "
          "u.conversation_id DESC, u.seq DESC LIMIT 1) AS said FROM unnest($1::uuid[], $2::bigint[]) AS r "
          "(conversation, seq) JOIN message m ON "
          "m.conversation_id = r.conversation AND m.seq = r.seq AND NOT m.open) r GROUP BY conversation, "
          "said) e WHERE j.dedupe_key = 'extract:' || e.conversation || ':' || e.said || ':1' AND j.state = "
          "'ready' AND j.last_seq < e.seq",
      conversations.str(), sequences.str(), pg::micros(now));
}

}  // namespace

void PostgresStore::append(std::span<const TurnRecord> records, Nanos now) {
  const std::vector<Folded> rows = rows_of(records);
  if (rows.empty()) return;
  transaction("storing messages", [&](pqxx::work& tx) {
    const bool ended = store_rows(tx, rows, now + kExchangePatience);
    grow_replies(tx, rows);
    if (ended) end_replies(tx, rows, now);
  });
}

}  // namespace prot::memory
