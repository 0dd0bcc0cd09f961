#include "extraction.hpp"

#include <algorithm>
#include <array>

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
constexpr std::size_t kShortReply = 3;  // words that matter
constexpr std::size_t kStatementBytes = 300;
constexpr double kBorneOut = 0.5;           // share of a name's terms that the user must have said
constexpr double kStatementBorneOut = 0.3;  // of a statement's, which may be worded anew

constexpr std::array kUserNames = std::to_array<std::string_view>(
    {"user", "the user", "i", "me", "my", "myself", "speaker", "you", "나", "내", "저", "사용자"});

constexpr std::array kVague = std::to_array<std::string_view>(
    {"somewhere", "someone", "something", "unknown", "none", "null", "n/a", "nothing", "anything", "user"});

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

/// Words of a model that has nothing to say and must say something.
bool is_vague(const std::string& object) {
  const std::string name = normalized_name(object);
  return std::find(kVague.begin(), kVague.end(), name) != kVague.end();
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

// Examples teach a small model more than rules do: without them it invents people. Their lists are compact
// because the model writes as it is shown, and every blank costs time.
std::string_view extraction_instructions() noexcept {
  return "You extract what the user tells about themselves, their people, things, places, likes and plans. "
         "Copy names and values from the user's words; never invent any. A question or small talk gives "
         "empty lists.\n"
         "User: I moved to Oslo, and my favourite fruit is mango.\n"
         R"(JSON: {"facts":[{"subject":"user","predicate":"lives_in","object":"Oslo","statement":)"
         R"("The user lives in Oslo."},{"subject":"user","predicate":"favorite_fruit","object":"mango",)"
         R"("statement":"The user's favorite fruit is mango."}],"entities":[{"name":"Oslo","type":"place",)"
         R"("description":""}]})"
         "\nUser: My brother Jan works in Rome.\n"
         R"(JSON: {"facts":[{"subject":"user","predicate":"has_brother","object":"Jan","statement":)"
         R"("The user's brother is Jan."},{"subject":"Jan","predicate":"works_in","object":"Rome",)"
         R"("statement":"The user's brother Jan works in Rome."}],"entities":[{"name":"Jan","type":)"
         R"("person","description":""},{"name":"Rome","type":"place","description":""}]})"
         "\nUser: Great, thanks! How high is Mount Everest?\n"
         R"(JSON: {"facts":[],"entities":[]})";
}

std::string extraction_question(const Job& job) {
  const Message* user = user_message(job);
  if (user == nullptr) return {};
  std::string out;
  // A short reply ("Teal.") is told only together with what it answers; else context costs more than it
  // gives.
  const std::string told = told_part(user->text);
  if (terms_of(told).words.size() <= kShortReply)
    for (const Message& message : job.context)
      if (message.key.sequence < job.first_seq && message.role == Role::kAssistant)
        out += "Assistant: " + quotable(message.text, kContextBytes) + "\n";
  return out + "User: " + quotable(told, kUserBytes) + "\nJSON:";
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
         R"("description":{"type":"string","maxLength":60}},)"
         R"("required":["name","type","description"],"additionalProperties":false}}},)"
         R"("required":["facts","entities"],"additionalProperties":false})";
}

bool worth_asking(const Job& job) {
  const Message* user = user_message(job);
  return user != nullptr && !terms_of(told_part(user->text)).words.empty();
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
  const Terms said = terms_of(told_part(user->text));
  for (std::size_t i = 0; i < std::min(facts.size(), kMaxItems); ++i) {
    Fact fact;
    fact.subject = canonical_subject(field(facts.at(i), "subject", 160));
    fact.predicate = canonical_predicate(field(facts.at(i), "predicate", 160));
    fact.object = field(facts.at(i), "object", 300);
    fact.statement = field(facts.at(i), "statement", 500);
    fact.valid_from = user->at_ns;
    fact.source = user->key;
    if (fact.subject.empty() || fact.statement.empty() || is_vague(fact.object) ||
        !borne_out(fact.object, said))
      continue;
    if (fact.subject != "user" && !borne_out(fact.subject, said)) continue;
    // In other words or another language than the user's: theirs then, since nobody can check it.
    if (!borne_out(fact.statement, said, kStatementBorneOut))
      fact.statement = "The user said: '" + quotable(user->text, kStatementBytes) + "'";
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
