#include "desk/import_lines.hpp"

#include <algorithm>
#include <charconv>

#include "base/error.hpp"
#include "knowledge/facts.hpp"
#include "recall/recall.hpp"
#include "safety/plain_letters.hpp"
#include "text/utf8.hpp"

namespace prot::memory {
namespace {

constexpr std::size_t kNameBytes = 200;
constexpr std::size_t kObjectBytes = 400;
constexpr std::size_t kStatementBytes = 600;
constexpr std::size_t kSummaryBytes = 600;
constexpr std::size_t kKeyBytes = 32;
constexpr std::int64_t kMostReads = 1'000'000;

/// As it may stand in a block.
std::string text_of(const json::View& row, std::string_view name, std::size_t most) {
  return quotable(storable_text(row.get(name).as_string()), most);
}

std::string key_of(const json::View& value) {
  const std::string_view key = value.as_string();
  const auto is_digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  if (!key.empty() && (key.size() != kKeyBytes || !std::all_of(key.begin(), key.end(), is_digit)))
    throw UsageError("a key has 32 hexadecimal digits");
  return std::string(key);
}

std::string the_key(const json::View& value) {
  std::string key = key_of(value);
  if (key.empty()) throw UsageError("a fact is named by its key");
  return key;
}

template <typename F>
auto each(const json::View& list, F&& read) {
  std::vector<decltype(read(list))> out;
  for (std::size_t i = 0; i < list.size(); ++i) out.push_back(read(list.at(i)));
  return out;
}

std::string alias_of(const json::View& value) {
  std::string alias = normalized_name(storable_text(value.as_string()));
  if (alias.empty()) throw UsageError("a name is empty");
  return alias;
}

Keeper::ImportedMessage message_of(const json::View& row) {
  Keeper::ImportedMessage out;
  Message& message = out.message;
  message.key.conversation = conversation_of(row);
  message.key.sequence = static_cast<std::uint64_t>(number_of(row.get("id"), "a message's id"));
  const std::string_view role = row.get("role").as_string();
  if (role != "user" && role != "assistant") throw UsageError("a message's role is user or assistant");
  message.role = role == "user" ? Role::kUser : Role::kAssistant;
  message.channel = row.get("channel").as_string() == "text" ? wire::Channel::kText : wire::Channel::kVoice;
  message.at_ns = time_of(row.get("at_us"), "a message's at_us");
  message.text = storable_text(row.get("text").as_string());
  message.interrupted = row.get("interrupted").as_bool();
  out.pending = row.get("pending").as_bool();
  return out;
}

FactStatus status_of(std::string_view name) {
  if (name == "active") return FactStatus::kActive;
  if (name == "superseded") return FactStatus::kSuperseded;
  if (name == "quarantined") return FactStatus::kQuarantined;
  if (name == "rejected") return FactStatus::kForgotten;
  throw UsageError("a fact's status is active, superseded, quarantined or rejected");
}

Origin origin_of(std::string_view name) {
  for (const Origin origin : {Origin::kUser, Origin::kAssistant, Origin::kTool, Origin::kWeb})
    if (name == to_string(origin)) return origin;
  return Origin::kImport;
}

Keeper::ImportedFact fact_of(const json::View& row) {
  Keeper::ImportedFact out;
  Fact& fact = out.fact;
  fact.subject = text_of(row, "subject", kNameBytes);
  fact.predicate = canonical_predicate(storable_text(row.get("predicate").as_string()));
  fact.object = text_of(row, "object", kObjectBytes);
  fact.statement = text_of(row, "statement", kStatementBytes);
  fact.suspicion = text_of(row, "suspicion", kKeyBytes);
  fact.valid_from = time_of(row.get("valid_from_us"), "a fact's valid_from_us");
  if (row.get("valid_to_us")) fact.valid_to = time_of(row.get("valid_to_us"), "a fact's valid_to_us");
  fact.status = status_of(row.get("status").as_string());
  fact.origin = origin_of(row.get("origin").as_string());
  if (row.get("reads"))
    fact.reads =
        static_cast<int>(std::min<std::int64_t>(number_of(row.get("reads"), "a fact's reads"), kMostReads));
  if (row.get("read_at_us")) fact.read_at = time_of(row.get("read_at_us"), "a fact's read_at_us");
  out.key = key_of(row.get("key"));
  out.confirmed = row.get("confirmed").as_bool();
  out.sources = each(row.get("sources"), [](const json::View& source) {
    return MessageKey{conversation_of(source),
                      static_cast<std::uint64_t>(number_of(source.get("id"), "a source's id"))};
  });
  if (out.sources.empty() || normalized_name(fact.subject).empty() || fact.statement.empty())
    throw UsageError("a fact has a subject, a statement and a source");
  fact.source = out.sources.front();
  return out;
}

Keeper::ImportedEntity entity_of(const json::View& row) {
  Keeper::ImportedEntity out;
  out.entity.name = text_of(row, "name", kNameBytes);
  out.entity.type = text_of(row, "kind", kKeyBytes);
  out.entity.description = text_of(row, "description", kObjectBytes);
  out.aliases = each(row.get("aliases"), [](const json::View& alias) {
    return Keeper::ImportedEntity::Alias{alias_of(alias.get("name")),
                                         std::string(alias.get("kind").as_string())};
  });
  if (out.entity.name.empty()) throw UsageError("an entity has a name");
  return out;
}

}  // namespace

std::int64_t number_of(const json::View& value, const char* what) {
  const std::string shown = value.is_number() ? value.to_json() : std::string();
  const std::string_view text = value.is_number() ? std::string_view(shown) : value.as_string();
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size() || number < 0)
    throw UsageError(std::string(what) + " is a number, not '" + std::string(text::truncate_utf8(text, 40)) +
                     "'");
  return number;
}

Nanos time_of(const json::View& value, const char* what) {
  const std::int64_t micros = number_of(value, what);
  if (micros > INT64_MAX / kMicrosecond) throw UsageError(std::string(what) + " is beyond all time");
  return micros * kMicrosecond;
}

wire::ConversationId conversation_of(const json::View& row) {
  try {
    return parse_uuid(row.get("conversation").as_string());
  } catch (const Error& e) {
    throw UsageError(std::string("a conversation is ") + e.what());
  }
}

Keeper::Rows import_lines(const json::View& lines) {
  Keeper::Rows rows;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const json::View line = lines.at(i);
    const std::string_view type = line.get("type").as_string();
    if (type == "message") {
      rows.messages.push_back(message_of(line));
    } else if (type == "fact") {
      rows.facts.push_back(fact_of(line));
    } else if (type == "entity") {
      rows.entities.push_back(entity_of(line));
    } else if (type == "succession") {
      rows.successions.push_back({the_key(line.get("fact")), the_key(line.get("by"))});
    } else if (type == "merge") {
      rows.merges.push_back(
          {alias_of(line.get("name")), alias_of(line.get("into")), each(line.get("ended"), the_key)});
    } else if (type == "community") {
      rows.communities.push_back({text_of(line, "summary", kSummaryBytes),
                                  each(line.get("members"), alias_of), each(line.get("facts"), the_key)});
    } else {
      throw UsageError("a row is of the type message, fact, entity, succession, merge or community");
    }
  }
  return rows;
}

}  // namespace prot::memory
