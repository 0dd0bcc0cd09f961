#include "extraction/extraction.hpp"

#include <algorithm>

#include "knowledge/facts.hpp"
#include "recall/recall.hpp"
#include "recall/terms.hpp"

namespace prot::memory {
namespace {

constexpr std::size_t kContextBytes = 200;  // of a reply
constexpr std::size_t kUserBytes = 1200;
constexpr std::size_t kShortReply = 3;  // words that matter
constexpr std::size_t kNameBytes = 60;

bool is_told_in(const Message& message, const Job& job) {
  return message.role == Role::kUser && message.key.sequence >= job.first_seq &&
         message.key.sequence <= job.last_seq;
}

std::string offer(const Job& job) {
  std::string out;
  for (std::size_t i = 0; i < std::min(job.offered.size(), kMaxOffered); ++i) {
    const KnownEntity& entity = job.offered[i];
    out += out.empty() ? "Known: " : ", ";
    out += std::to_string(i + 1) + " " + quotable(entity.name, kNameBytes);
    if (!entity.type.empty()) out += " (" + quotable(entity.type, kNameBytes) + ")";
  }
  return out.empty() ? out : out + "\n";
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
  std::string told_lines;
  const Message* reply = nullptr;
  for (const Message& message : job.context) {
    if (message.role == Role::kAssistant) reply = &message;
    if (!is_told_in(message, job)) continue;
    const std::string told = told_part(message.text);
    // A short reply ("Teal.") is told only together with what it answers; else context costs more than it
    // gives.
    const std::size_t words = terms_of(told).words.size();
    if (words == 0) continue;
    if (words <= kShortReply && reply != nullptr)
      told_lines += "Assistant: " + quotable(reply->text, kContextBytes) + "\n";
    told_lines += "User: " + quotable(told, kUserBytes) + "\n";
    reply = nullptr;
  }
  return told_lines.empty() ? told_lines : offer(job) + told_lines + "JSON:";
}

std::string repair_question(const Job& job, std::string_view problem) {
  return extraction_question(job) +
         "\nYour last answer could not be used: " + quotable(problem, kContextBytes) +
         "\nAnswer with the JSON alone.\nJSON:";
}

std::string extraction_schema(bool offered, int exchanges) {
  const std::string most = std::to_string(4 * exchanges);
  const char* known = offered ? R"(,"known":{"type":"integer","minimum":0,"maximum":6})" : "";
  return R"({"type":"object","properties":{"facts":{"type":"array","maxItems":)" + most +
         R"(,"items":{"type":"object","properties":{)"
         R"("subject":{"type":"string","maxLength":40},"predicate":{"type":"string","maxLength":40},)"
         R"("object":{"type":"string","maxLength":80},"statement":{"type":"string","maxLength":140}},)"
         R"("required":["subject","predicate","object","statement"],"additionalProperties":false}},)"
         R"("entities":{"type":"array","maxItems":)" +
         most +
         R"(,"items":{"type":"object","properties":{)"
         R"("name":{"type":"string","maxLength":40},)"
         R"("type":{"type":"string","enum":["person","place","organization","thing","event","concept"]},)"
         R"("description":{"type":"string","maxLength":60})" +
         known +
         R"(},"required":["name","type","description"],"additionalProperties":false}}},)"
         R"("required":["facts","entities"],"additionalProperties":false})";
}

bool worth_asking(const Job& job) {
  return std::any_of(job.context.begin(), job.context.end(), [&](const Message& message) {
    return is_told_in(message, job) && !terms_of(told_part(message.text)).words.empty();
  });
}

std::string said_in(const Job& job) {
  std::string said;
  for (const Message& message : job.context)
    if (is_told_in(message, job)) said += message.text + "\n";
  return said;
}

}  // namespace prot::memory
