#include <algorithm>
#include <array>
#include <optional>

#include "base/error.hpp"
#include "extraction/dates.hpp"
#include "extraction/extraction.hpp"
#include "json/json.hpp"
#include "knowledge/facts.hpp"
#include "recall/recall.hpp"
#include "recall/terms.hpp"
#include "safety/plain_letters.hpp"
#include "safety/quarantine.hpp"
#include "text/utf8.hpp"

namespace prot::memory {
namespace {

constexpr std::size_t kMaxAnswer = 256U << 10U;
constexpr std::size_t kMaxItems = 80;  // looked at, whatever the server lets pass
constexpr std::size_t kStatementBytes = 300;
constexpr double kBorneOut = 0.5;           // share of a name's terms that the user must have said
constexpr double kStatementBorneOut = 0.3;  // of a statement's, which may be worded anew

constexpr std::array kVague = std::to_array<std::string_view>(
    {"somewhere", "someone", "something", "unknown", "none", "null", "n/a", "nothing", "anything", "user"});

/// A user's turn of the job, as far as it tells something.
struct Told {
  const Message* message;
  Terms terms;
  std::size_t facts = 0;
};

double share_of(const std::vector<std::string>& terms, const std::vector<std::string>& said) {
  if (terms.empty()) return 0.0;
  const auto found = std::count_if(terms.begin(), terms.end(), [&](const std::string& term) {
    return std::find(said.begin(), said.end(), term) != said.end();
  });
  return static_cast<double>(found) / static_cast<double>(terms.size());
}

/// How much of the text the user said, by words or by letters; 0 when it says nothing.
double borne(std::string_view text, const Terms& said) {
  const Terms terms = terms_of(text);
  if (terms.words.empty()) return 0.0;
  return std::max(share_of(terms.words, said.words), share_of(terms.grams, said.grams));
}

/// Words of a model that has nothing to say and must say something.
bool is_vague(const std::string& object) {
  const std::string name = normalized_name(object);
  return std::find(kVague.begin(), kVague.end(), name) != kVague.end();
}

std::string field(json::View object, std::string_view name, std::size_t max_bytes) {
  // Cut before it is cleaned: a field may be a megabyte.
  return quotable(text::truncate_utf8(object.get(name).as_string(), 4 * max_bytes), max_bytes);
}

std::vector<Told> told_in(const Job& job) {
  std::vector<Told> told;
  for (const Message& message : job.context)
    if (message.role == Role::kUser && message.key.sequence >= job.first_seq &&
        message.key.sequence <= job.last_seq)
      told.push_back({&message, terms_of(told_part(message.text))});
  return told;
}

/// Of {subject, predicate, object, statement}, or of the original's {source, type, target, description}.
Fact read_fact(json::View item) {
  const bool related = item.get("source").is_string();
  Fact fact;
  fact.subject = canonical_subject(field(item, related ? "source" : "subject", 160));
  const std::string relation = field(item, related ? "type" : "predicate", 160);
  fact.predicate = canonical_predicate(relation);
  fact.object = field(item, related ? "target" : "object", 300);
  fact.statement = field(item, related ? "description" : "statement", 500);
  if (related && fact.statement.empty()) {
    std::string spaced = relation;
    std::replace(spaced.begin(), spaced.end(), '_', ' ');
    fact.statement = fact.subject + " " + spaced + " " + fact.object;
  }
  return fact;
}

/// The turn that says it best, the later of two; null: none does.
Told* source_of(const Fact& fact, std::vector<Told>& told) {
  Told* best = nullptr;
  double most = 0.0;
  for (Told& turn : told) {
    const double object = borne(fact.object, turn.terms);
    const double subject = fact.subject == "user" ? 1.0 : borne(fact.subject, turn.terms);
    if (object < kBorneOut || subject < kBorneOut) continue;
    const double score = object + subject + borne(fact.statement, turn.terms);
    if (score < most) continue;
    most = score;
    best = &turn;
  }
  return best;
}

void take_facts(json::View items, std::vector<Told>& told, Extraction& extraction) {
  for (std::size_t i = 0; i < std::min(items.size(), kMaxItems); ++i) {
    Fact fact = read_fact(items.at(i));
    if (fact.subject.empty() || fact.statement.empty() || is_vague(fact.object)) continue;
    Told* turn = source_of(fact, told);
    if (turn == nullptr || turn->facts == kFactsOfTurn) continue;
    ++turn->facts;
    fact.source = turn->message->key;
    fact.valid_from = turn->message->at_ns;
    // Screened as the model wrote it, too: what it made of an instruction is one.
    screen(fact);
    // In other words or another language than the user's: theirs then, since nobody can check it.
    if (borne(fact.statement, turn->terms) < kStatementBorneOut)
      fact.statement = quoting_statement(quotable(turn->message->text, kStatementBytes));
    fact.statement = with_dates(fact.statement, fact.valid_from);
    screen(fact);
    extraction.facts.push_back(std::move(fact));
  }
}

void take_entities(json::View items, const Job& job, const std::vector<Told>& told, Extraction& extraction) {
  for (std::size_t i = 0; i < std::min(items.size(), kMaxItems); ++i) {
    Entity entity{field(items.at(i), "name", 160), field(items.at(i), "type", 40),
                  field(items.at(i), "description", 300)};
    const auto said = [&](std::string_view text, double share) {
      return std::any_of(told.begin(), told.end(),
                         [&](const Told& turn) { return borne(text, turn.terms) >= share; });
    };
    if (!said(entity.name, kBorneOut) || suspicion_of(entity.name) != Suspicion::kNone) continue;
    if (!said(entity.description, kStatementBorneOut) || suspicion_of(entity.description) != Suspicion::kNone)
      entity.description.clear();
    const std::int64_t number = items.at(i).get("known").as_int();
    if (number > 0 && number <= static_cast<std::int64_t>(job.offered.size()))
      entity.known = job.offered[static_cast<std::size_t>(number - 1)].id;
    extraction.entities.push_back(std::move(entity));
    if (extraction.entities.size() == kFactsOfTurn) break;
  }
}

}  // namespace

std::string_view object_in(std::string_view answer) noexcept {
  const std::size_t begin = answer.find('{');
  const std::size_t end = answer.rfind('}');
  if (begin == std::string_view::npos || end == std::string_view::npos || end < begin) return answer;
  return answer.substr(begin, end + 1 - begin);
}

std::string storable_answer(std::string_view answer) {
  if (answer.size() > kMaxAnswer) throw Error("the answer has " + std::to_string(answer.size()) + " bytes");
  return storable_text(answer);
}

Extraction parse_answer(std::string_view answer, const Job& job) {
  const json::Document document = json::parse(object_in(answer));
  const json::View facts = document.get("facts");
  const json::View relationships = document.get("relationships");
  const json::View entities = document.get("entities");
  if (!(facts.is_array() || relationships.is_array()) || !entities.is_array())
    throw Error("the answer has no lists 'facts' and 'entities'");
  Extraction extraction;
  std::vector<Told> told = told_in(job);
  if (facts.is_array()) take_facts(facts, told, extraction);
  if (relationships.is_array()) take_facts(relationships, told, extraction);
  take_entities(entities, job, told, extraction);
  return extraction;
}

}  // namespace prot::memory
