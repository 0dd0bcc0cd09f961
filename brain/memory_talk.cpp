#include "memory_talk.hpp"

#include <algorithm>
#include <utility>

#include "base/error.hpp"
#include "base/log.hpp"
#include "memory_words.hpp"

namespace prot::brain {
namespace {

constexpr int kMostFacts = 20;  // that are asked about in one go

std::string in_quotes(std::string_view text) { return "\"" + shortened(text) + "\""; }

std::string fact_command(std::string_view command, std::int64_t fact) {
  json::Writer out;
  return out.begin_object().member("cmd", command).member("fact", fact).end_object().str();
}

std::string look_command() {
  json::Writer out;
  out.begin_object().member("cmd", "facts").member("waiting", true);
  return out.member("limit", kMostFacts).end_object().str();
}

std::string names_command(std::string_view name, std::string_view other, bool same, bool dry_run) {
  json::Writer out;
  out.begin_object().member("cmd", same ? "merge" : "unmerge").member("name", name).member("into", other);
  return out.member("dry_run", dry_run).end_object().str();
}

const char* is_it_true(bool korean) { return korean ? "이게 맞나요?" : "Is that true?"; }
const char* out_of_reach(bool korean) {
  return korean ? "지금은 제 기억을 볼 수 없어요." : "I cannot look into my memory right now.";
}

std::string how_many(std::size_t count, bool korean) {
  const std::string number =
      std::to_string(count) + (count == kMostFacts ? (korean ? "개 넘게" : " or more") : "");
  if (korean)
    return count == 1 ? "확인할 것이 하나 있어요."
                      : "확인할 것이 " + number + (count == kMostFacts ? " 있어요." : "개 있어요.") +
                            " 가장 새로운 것은,";
  return count == 1 ? "One thing waits for you." : number + " things wait for you. The newest is this.";
}

}  // namespace

Nanos MemoryTalk::next_deadline() const noexcept {
  if (!pending_) return state_ == State::kNone ? kNever : until_;
  return pending_->until + (pending_->late ? kAnswer : 0);
}

void MemoryTalk::drop() {
  state_ = State::kNone;
  facts_.clear();
  names_.reset();
  pending_.reset();
}

void MemoryTalk::tick(Nanos now) {
  if (state_ != State::kNone && now >= until_) drop();
  if (!pending_ || now < pending_->until) return;
  pending_->late = true;
  if (now >= pending_->until + kAnswer) drop();  // whoever said it does not offer it any more
}

void MemoryTalk::ask(Nanos now) {
  state_ = State::kAsked;
  until_ = now + kToHear;
}

void MemoryTalk::over(bool heard, Nanos now) {
  if (state_ != State::kAsked) return;
  if (!heard) return drop();
  state_ = State::kHeard;
  until_ = now + kTime;
}

MemoryTalk::Result MemoryTalk::take(std::string_view words, std::string_view language, Nanos said,
                                    Nanos now) {
  const bool korean = language == "ko";
  if (pending_ && pending_->words != words) drop();  // they were given up
  if (!pending_) {
    left_ = false;
    pending_ = understand(words, said);
    if (left_) return {Taken::kSay, {korean ? "그대로 둘게요." : "I will leave them as they are."}};
    if (!pending_) return {};
    pending_->words = words;
    pending_->request = memory_->request_desk(pending_->command);
    pending_->until = now + kAnswer;
    if (pending_->request == 0) {
      drop();
      return {};
    }
  }
  const std::optional<std::string> line = memory_->take_desk_answer(pending_->request);
  if (!line && now < pending_->until) return {Taken::kLater, {}};
  const Pending pending = *std::exchange(pending_, std::nullopt);
  try {
    const json::Document answer = json::parse(line.value_or("{}"));
    return answered(pending, answer.root(), korean, now);
  } catch (const Error& error) {
    log_warn("memory's answer to a person's wish cannot be read: {}", error.what());
    return {Taken::kSay, {out_of_reach(korean)}};
  }
}

std::optional<MemoryTalk::Pending> MemoryTalk::understand(std::string_view words, Nanos said) {
  if (state_ == State::kHeard && said < until_) {
    if (std::optional<Pending> decision = decide(words); decision || left_) return decision;
  }
  drop();
  if (asks_what_waits(words)) return Pending{Step::kLook, {}, look_command()};
  if (says_remember(words)) return Pending{Step::kLookOnly, {}, look_command()};
  if (const std::optional<TwoNames> two = two_names(words))
    return Pending{Step::kResolve,
                   {},
                   names_command(two->first, two->second, two->same, true),
                   false,
                   {{}, {}, two->same}};
  return std::nullopt;
}

// The question is answered, whatever comes of it.
std::optional<MemoryTalk::Pending> MemoryTalk::decide(std::string_view words) {
  const bool yes = says_true(words);
  if (!yes && !says_untrue(words)) return std::nullopt;
  state_ = State::kNone;
  if (names_) {
    const Names names = *std::exchange(names_, std::nullopt);
    left_ = !yes;
    if (!yes) return std::nullopt;
    return Pending{Step::kJoin, {}, names_command(names.name, names.into, names.same, false), true, names};
  }
  const Fact fact = std::move(facts_.front());
  facts_.pop_front();
  return Pending{Step::kDecide, {}, fact_command(yes ? "confirm" : "reject", fact.id), yes};
}

MemoryTalk::Result MemoryTalk::answered(const Pending& pending, const json::View& answer, bool korean,
                                        Nanos now) {
  constexpr int kNothing = 4;  // as the command line ends
  const bool ok = answer.get("ok").as_bool();
  const bool nothing = answer.get("code").as_int() == kNothing;
  switch (pending.step) {
    case Step::kLook:
    case Step::kLookOnly:
      return looked(pending, answer, korean, now);
    case Step::kResolve:
      if (!ok) return {};  // who is meant memory does not know: something that a person tells
      return resolved({std::string(answer.get("name").as_string()),
                       std::string(answer.get("into").as_string()), pending.names.same},
                      answer.get("one").as_bool(), korean, now);
    case Step::kJoin:
      if (!ok) return {Taken::kSay, {out_of_reach(korean)}};
      if (pending.names.same)
        return {Taken::kSay, {korean ? "이제 하나로 기억할게요." : "They are one now."}};
      return {Taken::kSay, {korean ? "이제 따로 기억할게요." : "I keep them apart now."}};
    case Step::kDecide:
      break;
  }
  Result result{Taken::kSay, {}};
  if (!ok && !nothing) {
    facts_.clear();
    result.pieces.emplace_back(out_of_reach(korean));
    return result;
  }
  if (!ok)
    result.pieces.emplace_back(korean ? "그건 더 기다리지 않아요." : "That does not wait any more.");
  else if (pending.yes)
    result.pieces.emplace_back(korean ? "기억할게요." : "I will remember that.");
  else
    result.pieces.emplace_back(korean ? "기억하지 않을게요." : "I will not remember that.");
  if (!facts_.empty()) {
    result.pieces.emplace_back(korean ? "다음은," : "And this.");
    ask_fact(result.pieces, korean, now);
  }
  return result;
}

MemoryTalk::Result MemoryTalk::looked(const Pending& pending, const json::View& answer, bool korean,
                                      Nanos now) {
  const bool asked = pending.step == Step::kLook;
  if (!answer.get("ok").as_bool()) return asked ? Result{Taken::kSay, {out_of_reach(korean)}} : Result{};
  const json::View facts = answer.get("facts");
  for (std::size_t i = 0; i < facts.size(); ++i)
    facts_.push_back({facts.at(i).get("id").as_int(), std::string(facts.at(i).get("statement").as_string())});
  if (facts_.empty())
    return asked ? Result{Taken::kSay, {korean ? "확인할 것이 없어요." : "Nothing waits for you."}}
                 : Result{};
  Result result{Taken::kSay, {how_many(facts_.size(), korean)}};
  ask_fact(result.pieces, korean, now);
  return result;
}

MemoryTalk::Result MemoryTalk::resolved(Names names, bool one, bool korean, Nanos now) {
  if (names.same == one) {
    if (one) return {Taken::kSay, {korean ? "이미 하나로 기억하고 있어요." : "They are one already."}};
    return {Taken::kSay, {korean ? "이미 따로 기억하고 있어요." : "I keep them apart already."}};
  }
  Result result{Taken::kSay, {in_quotes(names.name) + ", " + in_quotes(names.into) + "."}};
  if (names.same)
    result.pieces.emplace_back(korean ? "둘을 하나로, 뒤의 이름으로 기억할까요?"
                                      : "Shall I keep both as one, by the second name?");
  else
    result.pieces.emplace_back(korean ? "둘을 다시 따로 기억할까요?" : "Shall I keep the two apart again?");
  names_ = std::move(names);
  ask(now);
  return result;
}

void MemoryTalk::ask_fact(std::vector<std::string>& pieces, bool korean, Nanos now) {
  std::string_view statement = facts_.front().statement;
  while (statement.ends_with('.')) statement.remove_suffix(1);  // the quotes' end is the sentence's
  pieces.push_back(in_quotes(statement) + ".");
  pieces.emplace_back(is_it_true(korean));
  ask(now);
}

MemoryTalk::Result MemoryTalks::take(const wire::ConversationId& conversation, std::string_view words,
                                     std::string_view language, Nanos said, Nanos now) {
  const auto talk = talks_.try_emplace(key(conversation), *memory_).first;
  MemoryTalk::Result result = talk->second.take(words, language, said, now);
  if (talk->second.idle()) talks_.erase(talk);
  return result;
}

void MemoryTalks::over(const wire::ConversationId& conversation, bool heard, Nanos now) {
  const auto talk = talks_.find(key(conversation));
  if (talk != talks_.end()) talk->second.over(heard, now);
}

bool MemoryTalks::asks(const wire::ConversationId& conversation) const {
  const auto talk = talks_.find(key(conversation));
  return talk != talks_.end() && talk->second.asks();
}

void MemoryTalks::tick(Nanos now) {
  for (auto& one : talks_) one.second.tick(now);
  std::erase_if(talks_, [](const auto& one) { return one.second.idle(); });
}

Nanos MemoryTalks::next_deadline() const {
  Nanos deadline = kNever;
  for (const auto& one : talks_) deadline = std::min(deadline, one.second.next_deadline());
  return deadline;
}

}  // namespace prot::brain
