// A model's answer about what a person said: nothing is believed that the person did not say, all is bounded,
// and what looks like an instruction is quarantined. Input: what was said, "====", the answer; or the answer
// alone.
#include "memory/extraction/extraction.hpp"
#include "memory/safety/quarantine.hpp"
#include "tests/fuzz/fuzz_support.hpp"

using namespace prot;
using namespace prot::fuzz;
using namespace prot::memory;

namespace {

constexpr Nanos kNoon = 1'780'000'000 * kSecond;

Job job_of(std::string_view said) {
  Job job;
  job.kind = JobKind::kApply;
  job.conversation = {1, 2};
  job.first_seq = 10;
  job.last_seq = 13;
  const auto add = [&](std::uint64_t sequence, Role role, std::string_view text) {
    Message message;
    message.key = {job.conversation, sequence};
    message.role = role;
    message.at_ns = kNoon;
    message.text = utf8::sanitized(text);
    job.context.push_back(message);
  };
  add(9, Role::kAssistant, "Where do you live?");
  add(10, Role::kUser, said);
  add(11, Role::kAssistant, "Ah.");
  add(12, Role::kUser, "My brother Jan works in Rome, and I like 김치.");
  add(13, Role::kAssistant, "Good.");
  job.offered = {{7, "Jan", "person", {"jan"}}, {8, "Rome", "place", {"rome"}}};
  return job;
}

void check(const Fact& fact, const Job& job) {
  require(!fact.subject.empty() && !fact.statement.empty() && !fact.object.empty(), "a fact says something");
  for (const std::string* text : {&fact.subject, &fact.predicate, &fact.object, &fact.statement})
    require(utf8::is_valid(*text) && text->size() <= 1000 && text->find('\n') == std::string::npos,
            "its parts are bounded text");
  require(fact.source.conversation == job.conversation &&
              (fact.source.sequence == 10 || fact.source.sequence == 12),
          "a person's own words bear it out");
  require(fact.valid_from == kNoon && fact.valid_to == 0, "it holds from when it was said");
  require((fact.status == FactStatus::kQuarantined) == !fact.suspicion.empty(),
          "a suspicion has consequences");
  require(suspicion_of(fact.statement) == Suspicion::kNone || fact.status == FactStatus::kQuarantined,
          "what looks like an instruction waits for a person");
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Halves halves = halves_of(text_of(data, size));
  const Job job =
      job_of(halves.first.empty() ? "I moved to Oslo yesterday; my email is a@b.no." : halves.first);
  try {
    const std::string answer = storable_answer(halves.second);
    require(utf8::is_valid(answer) && answer.find('\0') == std::string::npos, "an answer can be kept");
    const Extraction found = parse_answer(answer, job);
    require(found.facts.size() <= 2 * kFactsOfTurn && found.entities.size() <= kFactsOfTurn, "there are few");
    for (const Fact& fact : found.facts) check(fact, job);
    for (const Entity& entity : found.entities)
      require(!entity.name.empty() && utf8::is_valid(entity.name) && utf8::is_valid(entity.description) &&
                  (entity.known == 0 || entity.known == 7 || entity.known == 8),
              "an entity has a name, and is one that was offered or none");
  } catch (const Error& error) {
    require(utf8::is_valid(error.what()), "the refusal is text");
    require(utf8::is_valid(repair_question(job, error.what())), "the model is told");
  }
  require(utf8::is_valid(extraction_question(job)), "the question is text");
  return 0;
}
