#include "stores/in_memory.hpp"

#include <algorithm>

#include "extraction/extraction.hpp"
#include "text/normalize.hpp"

namespace prot::memory {
namespace {
constexpr Nanos kDay = 86'400 * kSecond;
}

void InMemoryStore::need() const {
  if (away_ || !connected_) throw StoreError(StoreError::Kind::kAway, "ram: not connected");
}

void InMemoryStore::connect() {
  if (away_) throw StoreError(StoreError::Kind::kAway, "ram: away");
  connected_ = true;
}

ModelUse InMemoryStore::model_use(Nanos now) {
  need();
  return model_use_[now / kDay];
}

void InMemoryStore::add_model_use(const ModelUse& more, Nanos now) {
  need();
  ModelUse& use = model_use_[now / kDay];
  use.calls += more.calls;
  use.tokens += more.tokens;
}

InMemoryStore::StoredMessage* InMemoryStore::find(const MessageKey& key) {
  const auto found = std::find_if(messages_.begin(), messages_.end(),
                                  [&](const StoredMessage& m) { return m.message.key == key; });
  return found == messages_.end() ? nullptr : &*found;
}

void InMemoryStore::add_job(JobKind kind, const MessageKey& key, std::uint64_t last_seq, Nanos due,
                            std::string result) {
  if (!job_keys_
           .insert(std::string(to_string(kind)) + to_uuid(key.conversation) + std::to_string(key.sequence))
           .second)
    return;
  StoredJob job;
  job.job.id = static_cast<std::int64_t>(jobs_.size()) + 1;
  job.job.kind = kind;
  job.job.conversation = key.conversation;
  job.job.first_seq = key.sequence;
  job.job.last_seq = last_seq;
  job.job.result = std::move(result);
  job.due = due;
  jobs_.push_back(std::move(job));
}

void InMemoryStore::append(std::span<const TurnRecord> records, Nanos now) {
  need();
  for (const TurnRecord& record : records)
    if (record.kind != TurnRecord::Kind::kForget && !is_forgotten(record.key)) append(record, now);
}

void InMemoryStore::append(const TurnRecord& record, Nanos now) {
  StoredMessage* known = find(record.key);
  if (known == nullptr) {
    Message message;
    message.key = record.key;
    message.role = record.kind == TurnRecord::Kind::kUser ? Role::kUser : Role::kAssistant;
    message.channel = record.channel;
    message.at_ns = record.wall_ns;
    message.open = record.kind != TurnRecord::Kind::kUser;
    if (record.kind == TurnRecord::Kind::kUser) message.text = record.text;
    messages_.push_back({std::move(message), {}});
    known = &messages_.back();
  }
  if (record.kind == TurnRecord::Kind::kUser) {
    add_job(JobKind::kExtract, record.key, record.key.sequence, now + kExchangePatience, {});
    return;
  }
  if (!known->message.open) return;
  if (record.kind == TurnRecord::Kind::kSegment) {
    known->segments.emplace(record.segment, record.text);
    known->message.text.clear();
    for (const auto& [number, text] : known->segments) {
      if (!known->message.text.empty()) known->message.text += ' ';
      known->message.text += text.substr(0, text.find_last_not_of(' ') + 1);
    }
    return;
  }
  known->message.text = record.text;
  known->message.interrupted = record.interrupted;
  known->message.open = false;
  known->segments.clear();
  std::uint64_t user = 0;
  bool any = false;
  for (const StoredMessage& m : messages_)
    if (m.message.key.conversation == record.key.conversation && m.message.role == Role::kUser &&
        m.message.key.sequence < record.key.sequence && (!any || m.message.key.sequence > user)) {
      user = m.message.key.sequence;
      any = true;
    }
  for (StoredJob& job : jobs_)
    if (any && job.job.kind == JobKind::kExtract && job.state == State::kReady &&
        job.job.conversation == record.key.conversation && job.job.first_seq == user) {
      job.job.last_seq = std::max(job.job.last_seq, record.key.sequence);
      job.due = std::min(job.due, now);
    }
}

std::vector<Message> InMemoryStore::next_messages(std::int64_t* cursor, int limit) {
  need();
  std::vector<Message> page;
  while (static_cast<std::size_t>(*cursor) < messages_.size() &&
         page.size() < static_cast<std::size_t>(limit)) {
    const Message& message = messages_[static_cast<std::size_t>((*cursor)++)].message;
    if (!message.open && !message.text.empty()) page.push_back(message);
  }
  return page;
}

std::vector<Message> InMemoryStore::find_messages(std::span<const std::string> words, Nanos before,
                                                  int limit) {
  need();
  std::vector<std::pair<std::ptrdiff_t, Message>> found;
  for (auto m = messages_.rbegin(); m != messages_.rend(); ++m) {
    if (m->message.open || m->message.at_ns > before) continue;
    const std::vector<std::string> own = text::words(m->message.text);
    const auto held = std::count_if(words.begin(), words.end(), [&](const std::string& word) {
      return std::any_of(own.begin(), own.end(), [&](const std::string& o) { return o.starts_with(word); });
    });
    if (held > 0) found.emplace_back(held, m->message);
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  std::vector<Message> messages;
  for (auto& [held, message] : found)
    if (messages.size() < static_cast<std::size_t>(limit)) messages.push_back(std::move(message));
  return messages;
}

std::vector<Message> InMemoryStore::history(const wire::ConversationId& conversation, int limit) {
  need();
  std::vector<Message> messages;
  for (const StoredMessage& m : messages_)
    if (m.message.key.conversation == conversation) messages.push_back(m.message);
  std::sort(messages.begin(), messages.end(),
            [](const Message& a, const Message& b) { return a.key.sequence < b.key.sequence; });
  if (messages.size() > static_cast<std::size_t>(limit))
    messages.erase(messages.begin(), messages.end() - limit);
  return messages;
}

bool InMemoryStore::is_due(const StoredJob& job, Nanos now) {
  return job.due <= now || job.due > now + kFarAhead;
}

std::optional<Job> InMemoryStore::claim(JobKind kind, Nanos now, Nanos lease, bool ignore_due) {
  need();
  StoredJob* best = nullptr;
  for (StoredJob& job : jobs_)
    if (job.job.kind == kind && job.state == State::kReady && (ignore_due || is_due(job, now)) &&
        (best == nullptr || job.due < best->due))
      best = &job;
  if (best == nullptr) return std::nullopt;
  best->state = State::kLeased;
  best->lease_until = now + lease;
  best->job.token = "lease" + std::to_string(++leases_);
  ++best->job.attempts;
  Job job = best->job;
  fill(job);
  return job;
}

/// With what the model is asked about.
void InMemoryStore::fill(Job& job) {
  job.context.clear();
  for (const Message& message : history(job.conversation, INT32_MAX))
    if (message.key.sequence >= job.first_seq && message.key.sequence <= job.last_seq) {
      job.context.push_back(message);
    } else if (message.key.sequence < job.first_seq && !message.open) {
      job.context.assign(1, message);
    }
  if (job.kind == JobKind::kExtract) job.offered = offered(said_in(job));
}

void InMemoryStore::claim_more(Job* job, Nanos now, Nanos lease, bool ignore_due, int most) {
  need();
  std::map<std::uint64_t, StoredJob*> following;
  for (StoredJob& stored : jobs_)
    if (stored.job.kind == JobKind::kExtract && stored.job.conversation == job->conversation &&
        stored.job.first_seq > job->first_seq)
      following[stored.job.first_seq] = &stored;
  for (const auto& [first, next] : following) {
    if (job->exchanges >= most || next->state != State::kReady || next->job.attempts != job->attempts - 1 ||
        (!ignore_due && !is_due(*next, now)))
      break;
    next->state = State::kLeased;
    next->lease_until = now + lease;
    next->job.token = job->token;
    ++next->job.attempts;
    ++job->exchanges;
    job->last_seq = std::max(job->last_seq, next->job.last_seq);
  }
  fill(*job);
}

/// All that the lease holds.
template <typename F>
void InMemoryStore::for_lease(const Job& job, F&& f) {
  for (StoredJob& stored : jobs_)
    if (stored.state == State::kLeased && stored.job.token == job.token) f(stored);
}

InMemoryStore::StoredJob* InMemoryStore::owned(const Job& job) {
  need();
  for (StoredJob& stored : jobs_)
    if (stored.job.id == job.id && stored.state == State::kLeased && stored.job.token == job.token)
      return &stored;
  return nullptr;
}

bool InMemoryStore::finish_extract(const Job& job, const std::string& answer, Nanos now) {
  if (owned(job) == nullptr) return false;
  if (refusing_) throw StoreError(StoreError::Kind::kRejected, "ram: refused");
  for_lease(job, [](StoredJob& stored) { stored.state = State::kDone; });
  const std::size_t before = jobs_.size();
  add_job(JobKind::kApply, {job.conversation, job.first_seq}, job.last_seq, now, answer);
  if (jobs_.size() > before) jobs_.back().job.offered = job.offered;
  return true;
}

bool InMemoryStore::give_back(const Job& job, Nanos due) {
  if (owned(job) == nullptr) return false;
  for_lease(job, [&](StoredJob& stored) {
    stored.state = State::kReady;
    stored.job.attempts = std::max(0, stored.job.attempts - 1);
    stored.due = std::min(stored.due, due);
  });
  return true;
}

bool InMemoryStore::fail(const Job& job, const std::string& error, Nanos due, bool dead) {
  if (owned(job) == nullptr) return false;
  for_lease(job, [&](StoredJob& stored) {
    stored.state = dead ? State::kDead : State::kReady;
    stored.error = error;
    stored.due = due;
  });
  return true;
}

int InMemoryStore::drop_old_dead(int most, Nanos before) {
  need();
  std::vector<StoredJob*> dead;
  for (StoredJob& job : jobs_)
    if (job.state == State::kDead) dead.push_back(&job);
  std::stable_sort(dead.begin(), dead.end(), [](const auto* a, const auto* b) { return a->due > b->due; });
  int dropped = 0;
  for (std::size_t i = 0; i < dead.size(); ++i)
    if (i >= static_cast<std::size_t>(most) || dead[i]->due < before) {
      dead[i]->state = State::kDone;
      ++dropped;
    }
  return dropped;
}

bool InMemoryStore::renew(const std::string& token, Nanos until) {
  need();
  bool any = false;
  for (StoredJob& job : jobs_)
    if (job.state == State::kLeased && job.job.token == token) {
      job.lease_until = until;
      any = true;
    }
  return any;
}

int InMemoryStore::reap(Nanos now, Freed which, const std::string& held) {
  need();
  int freed = 0;
  for (StoredJob& job : jobs_) {
    if (job.state != State::kLeased || job.job.token == held) continue;
    const bool over = job.lease_until < now || job.lease_until > now + kFarAhead;
    if (which == Freed::kOver && !over) continue;
    if (which == Freed::kStray && job.job.kind == JobKind::kExtract)
      job.job.attempts = std::max(0, job.job.attempts - 1);
    job.state = State::kReady;
    ++freed;
  }
  return freed;
}

Counts InMemoryStore::counts() {
  need();
  Counts counts;
  counts.messages = messages_.size();
  for (const StoredJob& job : jobs_) {
    counts.jobs_ready += job.state == State::kReady ? 1 : 0;
    counts.jobs_leased += job.state == State::kLeased ? 1 : 0;
    counts.jobs_dead += job.state == State::kDead ? 1 : 0;
  }
  for (const auto& [key, known] : facts_) {
    counts.facts += known.fact.status == FactStatus::kActive ? 1 : 0;
    counts.quarantined += known.fact.status == FactStatus::kQuarantined ? 1 : 0;
  }
  return counts;
}

std::unique_ptr<MemoryStore> make_in_memory_store() { return std::make_unique<InMemoryStore>(); }

}  // namespace prot::memory
