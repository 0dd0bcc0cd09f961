#include "tests/memory/eval/memory_path.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "json/json.hpp"
#include "memory/extraction/extraction.hpp"
#include "memory/recall/terms.hpp"

namespace prot::eval {
namespace {

// Questions are asked in a conversation of their own: nothing is left out because a history holds it.
const wire::ConversationId kAsking{0x6576616CU, 0};

std::string without_nul(std::string text) {
  std::erase(text, '\0');
  return text;
}

}  // namespace

MemoryPath::MemoryPath(std::unique_ptr<memory::MemoryStore> store, memory::DenseLeg::Parts dense)
    : store_(std::move(store)),
      task_(*store_, {folder_.path() / "memory", folder_.path() / "brain"}, wall_now) {
  constexpr std::size_t kBytes = 1U << 30U;
  if (dense.documents)
    dense_ = std::make_unique<memory::DenseLeg>(std::move(dense), kBytes, [this] { news_.release(); });
  std::vector<memory::Told> told;
  task_.tick(monotonic_now(), told);
  hear(told);
  if (!task_.up()) throw Error(std::string(store_->name()) + ": cannot be reached");
  work({memory::ask::LoadMore{}});
}

void MemoryPath::work(std::vector<memory::Ask> asks) {
  std::vector<memory::Told> told;
  task_.handle(std::move(asks), told);
  hear(told);
  if (!task_.up()) throw Error(std::string(store_->name()) + ": the connection broke");
}

void MemoryPath::hear(std::vector<memory::Told>& told) {
  for (memory::Told& item : told) {
    if (const auto* stored = std::get_if<memory::told::Stored>(&item)) {
      for (const memory::Message& message : stored->messages) recall_.put(message);
      if (dense_) dense_->stored(stored->messages);
      for (const memory::Message& message : stored->messages)
        if (message.text.find_first_not_of(" \t\r\n") != std::string::npos)
          awaited_.push_back(memory::VectorKey::of(message.key));
    } else if (auto* facts = std::get_if<memory::told::Facts>(&item)) {
      known_ = std::move(facts->facts);
    } else if (auto* claimed = std::get_if<memory::told::Claimed>(&item)) {
      job_ = std::move(claimed->job);
      claimed_ = true;
    }
  }
}

void MemoryPath::take(const Message& message) {
  const memory::MessageKey key{{0x70726F74U, static_cast<std::uint64_t>(message.session) + 1},
                               ids_.size() + 1};
  if (!keys_.emplace(message.id, key).second)
    throw Error("the message '" + message.id + "' is there twice in its conversation");
  ids_.push_back(message.id);
  facts_.emplace_back();
  memory::TurnRecord record;
  const bool assistant = message.speaker == "assistant";
  record.kind = assistant ? memory::TurnRecord::Kind::kEnd : memory::TurnRecord::Kind::kUser;
  record.key = key;
  record.wall_ns = message.at;
  record.channel = wire::Channel::kText;
  record.text = without_nul(message.text);
  if (!assistant && message.speaker != "user" && !message.speaker.empty() && !record.text.empty())
    record.text = without_nul(message.speaker) + ": " + record.text;
  work({memory::ask::Store{ids_.size(), std::move(record)}});
  waiting_ = true;
}

void MemoryPath::take(const Facts& facts) {
  for (const Facts::Item& item : facts.items) {
    std::vector<std::string>& sources = sources_[item.text];
    sources.insert(sources.end(), item.sources.begin(), item.sources.end());
    for (const std::string& source : item.sources)
      if (const auto known = keys_.find(source); known != keys_.end())
        facts_[known->second.sequence - 1].push_back(item);
  }
  waiting_ = true;
}

void MemoryPath::take(const Forget& forget) {
  const auto known = keys_.find(forget.id);
  if (known == keys_.end()) throw Error("the message '" + forget.id + "' to forget is not there");
  extract();
  recall_.forget(known->second);
  if (dense_) (void)votes("");  // its vector may still come
  if (dense_) dense_->forget(known->second);
  std::erase(awaited_, memory::VectorKey::of(known->second));
  std::erase_if(known_, [&](const memory::Fact& fact) { return fact.source == known->second; });
  for (auto& [statement, sources] : sources_) std::erase(sources, forget.id);
  recall_.set_facts(known_);
}

/// As a model would write it that copies its objects from what was said.
std::string MemoryPath::answer(const memory::Job& job) const {
  json::Writer out;
  out.begin_object().key("entities").begin_array().end_array().key("facts").begin_array();
  const auto said = std::find_if(job.context.begin(), job.context.end(), [&](const memory::Message& message) {
    return message.key.sequence == job.first_seq;
  });
  if (said != job.context.end()) {
    const std::vector<std::string> words = memory::distinct_words(memory::told_part(said->text));
    for (const Facts::Item& item : facts_[job.first_seq - 1]) {
      std::string object;
      for (const memory::ContentWord& word : memory::content_words(item.text))
        if (std::binary_search(words.begin(), words.end(), word.stem)) object += word.spelled + " ";
      out.begin_object().member("subject", "user").member("predicate", "told");
      out.member("object", object).member("statement", item.text).end_object();
    }
  }
  out.end_array().end_object();
  return out.str();
}

void MemoryPath::extract() {
  if (!std::exchange(waiting_, false)) return;
  for (claimed_ = false;; claimed_ = false) {
    work({memory::ask::Claim{true}});
    if (!claimed_ || !job_) break;
    const memory::Job job = *std::exchange(job_, std::nullopt);
    work({memory::ask::Finish{job, answer(job)}});
  }
  if (dense_) dense_->set_facts(known_);
  recall_.set_facts(known_);
}

std::vector<memory::TurnIndex::Vote> MemoryPath::votes(const std::string& question) {
  if (!dense_ || awaited_.empty()) return {};
  constexpr std::uint64_t kRequest = 1;
  // A text may be read before the last of them is there: what counts is that none is missing.
  const auto missing = [&](const memory::VectorKey& key) { return !dense_->index().has(key); };
  for (dense_->poll(); !dense_->ready() || std::any_of(awaited_.begin(), awaited_.end(), missing);
       dense_->poll())
    news_.acquire();
  if (question.empty()) return {};
  if (const auto near = dense_->near_at_once(question); near) return dense_->votes(*near);
  std::optional<memory::DenseLeg::Answer> answer;
  for (dense_->ask(kRequest, question); !(answer = dense_->take_answer());) news_.acquire();
  return dense_->votes(answer->near);
}

const std::string& MemoryPath::id_of(const memory::MessageKey& key) const {
  return ids_.at(key.sequence - 1);
}

/// All that a fact comes from: memory itself names the newest.
void MemoryPath::add_sources(const std::string& statement, std::vector<std::string>& ids) const {
  const auto known = sources_.find(statement);
  if (known != sources_.end()) ids.insert(ids.end(), known->second.begin(), known->second.end());
}

Findings MemoryPath::ask(const Question& question, std::size_t k, std::size_t tokens) {
  extract();
  Findings findings;
  const std::vector<memory::TurnIndex::Vote> dense = votes(question.text);
  for (const memory::Recall::Found& found : recall_.search(question.text, kAsking, k, {{}, dense})) {
    findings.ranked.push_back(id_of(found.source));
    if (found.fact) add_sources(found.text, findings.ranked);
  }
  const Nanos begin = monotonic_now();
  const memory::RecallResult result = recall_.answer(question.text, kAsking, tokens, {{}, dense});
  findings.ms = static_cast<double>(monotonic_now() - begin) / static_cast<double>(kMillisecond);
  for (const memory::MessageKey& source : result.sources) findings.in_block.insert(id_of(source));
  std::vector<std::string> sources;
  for (const std::int64_t id : result.facts)
    for (const memory::Fact& fact : known_)
      if (fact.id == id) add_sources(fact.statement, sources);
  findings.in_block.insert(sources.begin(), sources.end());
  return findings;
}

}  // namespace prot::eval
