#include "extraction.hpp"

#include <algorithm>
#include <array>
#include <ctime>

#include "base/error.hpp"
#include "facts.hpp"
#include "json/json.hpp"
#include "recall.hpp"
#include "terms.hpp"
#include "text/utf8.hpp"

namespace prot::memory {
namespace {

constexpr std::size_t kMaxItems = 20;       // of one exchange, whatever the server lets pass
constexpr std::size_t kContextBytes = 200;  // of a reply
constexpr std::size_t kUserBytes = 1200;
constexpr double kBorneOut = 0.5;           // share of a name's terms that the user must have said
constexpr double kStatementBorneOut = 0.3;  // of a statement's, which may be worded anew

constexpr std::array kUserNames = std::to_array<std::string_view>(
    {"user", "the user", "i", "me", "my", "myself", "speaker", "you", "나", "내", "저", "사용자"});

const Message* find(const Job& job, std::uint64_t sequence) {
  for (const Message& message : job.context)
    if (message.key.sequence == sequence) return &message;
  return nullptr;
}

const Message* user_message(const Job& job) { return find(job, job.first_seq); }

double share_of(const std::vector<std::string>& terms, const std::vector<std::string>& said) {
  if (terms.empty()) return 0.0;
  const auto found = std::count_if(terms.begin(), terms.end(), [&](const std::string& term) {
    return std::find(said.begin(), said.end(), term) != said.end();
  });
  return static_cast<double>(found) / static_cast<double>(terms.size());
}

bool borne_out(std::string_view text, const Terms& said, double share = kBorneOut) {
  const Terms terms = terms_of(text);
  if (terms.words.empty()) return false;
  return share_of(terms.words, said.words) >= share || share_of(terms.grams, said.grams) >= share;
}

std::string field(json::View object, std::string_view name, std::size_t max_bytes) {
  return quotable(object.get(name).as_string(), max_bytes);
}

std::string canonical_subject(const std::string& subject) {
  const std::string name = normalized_name(subject);
  return std::find(kUserNames.begin(), kUserNames.end(), name) != kUserNames.end() ? "user" : subject;
}

}  // namespace

std::string_view extraction_instructions() noexcept {
  return "You note lasting facts that the user tells about themselves, their people, things, places, likes "
         "and plans. Take only what the user says; the assistant's words are context. Questions, requests "
         "and small talk are no facts: then both lists are empty. Subject is \"user\" or a name. Predicate: "
         "a short verb phrase such as favorite_color, lives_in, has_sister. Statement: one short sentence in "
         "the third person (\"The user's favorite color is teal.\") in the user's language. Entities: the "
         "named people and places only.";
}

std::string extraction_question(const Job& job) {
  std::string out;
  const Message* user = user_message(job);
  for (const Message& message : job.context)
    if (message.key.sequence < job.first_seq && message.role == Role::kAssistant)
      out += "Assistant before: " + quotable(message.text, kContextBytes) + "\n";
  if (user != nullptr) {
    const std::time_t seconds = user->at_ns / kSecond;
    std::tm parts{};
    ::localtime_r(&seconds, &parts);
    char date[16];
    std::strftime(date, sizeof(date), "%Y-%m-%d", &parts);
    out += "User on " + std::string(date) + ": " + quotable(user->text, kUserBytes) + "\n";
  }
  return out + "Facts as JSON:";
}

std::string_view extraction_schema() noexcept {
  return R"({"type":"object","properties":{)"
         R"("facts":{"type":"array","maxItems":4,"items":{"type":"object","properties":{)"
         R"("subject":{"type":"string","maxLength":40},"predicate":{"type":"string","maxLength":40},)"
         R"("object":{"type":"string","maxLength":80},"statement":{"type":"string","maxLength":140}},)"
         R"("required":["subject","predicate","object","statement"],"additionalProperties":false}},)"
         R"("entities":{"type":"array","maxItems":4,"items":{"type":"object","properties":{)"
         R"("name":{"type":"string","maxLength":40},)"
         R"("type":{"type":"string","enum":["person","place","organization","thing","event","concept"]},)"
         R"("description":{"type":"string","maxLength":80}},)"
         R"("required":["name","type","description"],"additionalProperties":false}}},)"
         R"("required":["facts","entities"],"additionalProperties":false})";
}

bool worth_asking(const Job& job) {
  const Message* user = user_message(job);
  if (user == nullptr || terms_of(user->text).words.empty()) return false;
  return !is_question(user->text) || speaks_of_self(user->text);
}

Extraction parse_answer(std::string_view answer, const Job& job) {
  const json::Document document = json::parse(answer);
  const json::View facts = document.get("facts");
  const json::View entities = document.get("entities");
  if (!facts.is_array() || !entities.is_array())
    throw Error("the answer has no lists 'facts' and 'entities'");
  Extraction extraction;
  const Message* user = user_message(job);
  if (user == nullptr) return extraction;
  const Terms said = terms_of(user->text);
  for (std::size_t i = 0; i < std::min(facts.size(), kMaxItems); ++i) {
    Fact fact;
    fact.subject = canonical_subject(field(facts.at(i), "subject", 160));
    fact.predicate = canonical_predicate(field(facts.at(i), "predicate", 160));
    fact.object = field(facts.at(i), "object", 300);
    fact.statement = field(facts.at(i), "statement", 500);
    fact.valid_from = user->at_ns;
    fact.source = user->key;
    if (fact.subject.empty() || fact.statement.empty() || !borne_out(fact.object, said)) continue;
    if (fact.subject != "user" && !borne_out(fact.subject, said)) continue;
    if (!borne_out(fact.statement, said, kStatementBorneOut)) continue;
    extraction.facts.push_back(std::move(fact));
  }
  for (std::size_t i = 0; i < std::min(entities.size(), kMaxItems); ++i) {
    Entity entity{field(entities.at(i), "name", 160), field(entities.at(i), "type", 40),
                  field(entities.at(i), "description", 300)};
    if (borne_out(entity.name, said)) extraction.entities.push_back(std::move(entity));
  }
  return extraction;
}

}  // namespace prot::memory
