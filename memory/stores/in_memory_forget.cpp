#include <algorithm>
#include <utility>

#include "knowledge/facts.hpp"
#include "safety/mentions.hpp"
#include "stores/in_memory.hpp"

namespace prot::memory {

/// Of an entity it knows only the name; a fact has no number here.
bool InMemoryStore::wanted(const ForgetTarget& target, const Message& message) {
  switch (target.kind) {
    case ForgetTarget::Kind::kMessages:
      return message.key.conversation == target.conversation && message.key.sequence >= target.first &&
             message.key.sequence <= target.last;
    case ForgetTarget::Kind::kTime:
      return message.at_ns >= target.from && message.at_ns < target.until;
    case ForgetTarget::Kind::kEntity:
      return mentions(normalized_name(message.text), normalized_name(target.name));
    case ForgetTarget::Kind::kFact:
      return false;
    case ForgetTarget::Kind::kEverything:
      return true;
  }
  return false;
}

Forgotten InMemoryStore::forget(const ForgetTarget& target, Nanos, bool dry_run) {
  need();
  if (refusing_) throw StoreError(StoreError::Kind::kRejected, "ram: refused");
  Forgotten forgotten;
  forgotten.everything = target.kind == ForgetTarget::Kind::kEverything;
  if (target.kind == ForgetTarget::Kind::kMessages && !dry_run)
    forgotten_.push_back({to_uuid(target.conversation), target.first, target.last});
  std::set<std::pair<std::string, std::uint64_t>> gone;
  for (const StoredMessage& stored : messages_) {
    if (!wanted(target, stored.message)) continue;
    forgotten.messages.push_back(stored.message.key);
    if (!stored.message.text.empty()) forgotten.texts.push_back(stored.message.text);
    gone.insert({to_uuid(stored.message.key.conversation), stored.message.key.sequence});
  }
  const auto is_gone = [&](const std::pair<std::string, std::uint64_t>& source) {
    return gone.contains(source);
  };
  for (auto& [key, known] : facts_) {
    if (!std::all_of(known.sources.begin(), known.sources.end(), is_gone)) continue;
    ++forgotten.facts;
    forgotten.texts.push_back(known.fact.statement);
  }
  if (dry_run) return forgotten;
  for (const auto& [conversation, sequence] : gone) forgotten_.push_back({conversation, sequence, sequence});
  std::erase_if(messages_, [&](const StoredMessage& stored) { return wanted(target, stored.message); });
  std::erase_if(jobs_, [&](const StoredJob& job) {
    return gone.contains({to_uuid(job.job.conversation), job.job.first_seq});
  });
  for (StoredJob& job : jobs_)  // an answer under way may have seen it
    if (job.state == State::kLeased && std::any_of(gone.begin(), gone.end(), [&](const auto& one) {
          return one.first == to_uuid(job.job.conversation);
        })) {
      job.state = State::kReady;
      job.job.token.clear();
    }
  std::string lost;
  for (const std::string& text : forgotten.texts) lost += text + "\n";
  for (auto& [key, known] : facts_) {
    if (std::erase_if(known.sources, is_gone) == 0) continue;
    std::string left;
    for (const StoredMessage& stored : messages_)
      if (known.sources.contains({to_uuid(stored.message.key.conversation), stored.message.key.sequence}))
        left += stored.message.text + "\n";
    std::string statement = statement_without(known.fact, lost, left);
    if (statement == known.fact.statement) continue;
    forgotten.texts.push_back(std::exchange(known.fact.statement, std::move(statement)));
  }
  std::erase_if(facts_, [](const auto& one) { return one.second.sources.empty(); });
  return forgotten;
}

bool InMemoryStore::is_forgotten(const MessageKey& key) const {
  const std::string uuid = to_uuid(key.conversation);
  return std::any_of(forgotten_.begin(), forgotten_.end(), [&](const Range& range) {
    return range.conversation == uuid && key.sequence >= range.first && key.sequence <= range.last;
  });
}

}  // namespace prot::memory
