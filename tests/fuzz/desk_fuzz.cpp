// Lines of memory.sock: each gets an answer of one line, the database is asked in a way that it understands,
// and what only looks changes nothing. The store is a real one in memory; the rows that a person sees are
// made up.
#include <algorithm>
#include <charconv>

#include "memory/desk/commands.hpp"
#include "memory/stores/in_memory.hpp"
#include "tests/fuzz/fuzz_support.hpp"

using namespace prot;
using namespace prot::fuzz;
using namespace prot::memory;

namespace prot::memory {
// The real one is with the database's client.
std::string any_of_words(std::span<const std::string> words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : " | ") + word;
  return out;
}
}  // namespace prot::memory

namespace {

constexpr Nanos kNow = 1'728'000'000 * kSecond;
const wire::ConversationId kConversation{1, 2};

std::int64_t number(const std::string& text) {
  std::int64_t value = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  require(error == std::errc{} && end == text.data() + text.size() && value >= 0, "a number is one");
  return value;
}

/// A row of each kind for small numbers, none for others.
class FalseKeeper final : public Keeper {
 public:
  std::vector<Row> look(Look what, std::span<const std::string> arguments) override {
    for (const std::string& argument : arguments)
      require(utf8::is_valid(argument), "the database is asked in text");
    const std::size_t count =
        what == Look::kSizes                                                                            ? 0
        : what == Look::kTime                                                                           ? 3
        : what == Look::kFact || what == Look::kSources || what == Look::kRivals || what == Look::kDead ? 1
                                                                                                        : 2;
    require(arguments.size() == count, "it gets what it wants to know");
    const bool limited = what == Look::kFind || what == Look::kFindFacts || what == Look::kTime ||
                         what == Look::kFacts || what == Look::kEntities || what == Look::kDead;
    if (limited) require(number(arguments.back()) >= 1 && number(arguments.back()) <= 1000, "a limit is one");
    if (what == Look::kMessage && number(arguments[0]) > 9) return {};
    if (what == Look::kMessage && number(arguments[0]) == 9 && arguments[1].empty())
      return {message(9), message(9)};
    if (what == Look::kMessage) return {message(number(arguments[0]))};
    if ((what == Look::kExchange || what == Look::kFactsOf) && number(arguments[1]) == 8) return {};
    if (what == Look::kExchange) return {message(number(arguments[1])), message(number(arguments[1]) + 1)};
    const bool fact = what == Look::kFact || what == Look::kSources || what == Look::kRivals;
    if (fact && number(arguments[0]) > 9) return {};
    if (what == Look::kEntities && !arguments[0].empty() && arguments[0].size() > 20) return {};
    if (what == Look::kEntities) return {{R"({"id":1,"name":"Kim","merged_into":null})", 1}};
    return {message(3), message(4)};
  }
  int retry_dead(std::span<const std::int64_t> jobs, Nanos /*now*/) override {
    return static_cast<int>(jobs.size() % 2);
  }
  int drop_dead(std::span<const std::int64_t> jobs) override { return static_cast<int>(jobs.size() % 3); }
  Imported import_rows(const Rows& rows, Nanos /*now*/) override {
    return {rows.messages.size(), rows.facts.size(), 0};
  }
  Imported import_original(Nanos /*now*/) override { throw Error("there is no original"); }

 private:
  static Row message(std::int64_t id) {
    return {R"({"id":)" + std::to_string(id) +
                R"(,"role":"user","conversation":"00000000-0000-0001-0000-000000000002","text":"Hi"})",
            id};
  }
};

class FalseStore final : public InMemoryStore {
 public:
  Keeper* keeper() noexcept override { return &keeper_; }

 private:
  FalseKeeper keeper_;
};

struct Bench {
  FalseStore store;

  Bench() {
    store.connect();
    TurnRecord said;
    said.key = {kConversation, 1};
    said.wall_ns = kNow - kSecond;
    said.text = "My brother is called Kim, and Park is my doctor.";
    TurnRecord replied = said;
    replied.kind = TurnRecord::Kind::kEnd;
    replied.key.sequence = 2;
    store.append(std::vector{said, replied}, kNow);
    const std::optional<Job> job = store.claim(JobKind::kExtract, kNow, kSecond, true);
    require(job && store.finish_extract(*job, "{}", kNow), "the message is read");
    const std::optional<Job> apply = store.claim(JobKind::kApply, kNow, kSecond, true);
    Extraction extraction;
    extraction.entities = {{"Kim", "person", "a brother"}, {"Park", "person", "a doctor"}};
    for (const char* name : {"Kim", "Park"})
      extraction.facts.push_back(
          {"user", "knows", name, std::string("The user knows ") + name + ".", kNow, said.key});
    extraction.facts.back().status = FactStatus::kQuarantined;
    require(apply && store.apply(*apply, extraction, kNow), "and learnt from");
  }

  [[nodiscard]] std::string state() {
    std::string out;
    for (const KnownEntity& entity : store.entities(100))
      out += entity.name + std::to_string(entity.aliases.size()) + ";";
    for (const Fact& fact : store.active_facts(100)) out += fact.statement;
    return out + std::to_string(store.history(kConversation, 100).size());
  }

  Forgotten forget(const ForgetTarget& target, bool dry_run) {
    require(target.from >= 0 && target.until >= 0 && target.fact >= 0 && target.last >= target.first,
            "a target is possible");
    require(utf8::is_valid(target.name), "a name is text");
    return store.forget(target, kNow, dry_run);
  }

  void ask(const std::string& request) {
    Commands commands(
        store, [this](const ForgetTarget& target, bool dry) { return forget(target, dry); },
        [] { return kNow; }, 0);
    const std::string before = state();
    Changed changed = Changed::kNothing;
    const std::string said = commands.answer(request, changed);
    require(utf8::is_valid(said) && said.find('\n') == std::string::npos, "an answer is one line of text");
    const json::Document answer = json::parse(said);
    require(answer.get("ok").is_bool(), "it says whether it is well");
    if (!answer.get("ok").as_bool()) {
      const std::int64_t code = answer.get("code").as_int();
      require(!answer.get("error").as_string().empty(), "a refusal says why");
      require(code == kCommandFailed || code == kCommandUsage || code == kCommandNothing,
              "and how a program ends with it");
    }
    if (asks_for_stats(request)) require(answer.get("ok").as_bool(), "it is always known how much there is");
    if (!is_json(request)) return;
    const json::Document parsed = json::parse(request);
    const std::string_view command = parsed.get("cmd").as_string();
    const bool acts = command == "forget" || command == "confirm" || command == "reject" ||
                      command == "merge" || command == "unmerge";
    if (!acts || parsed.get("dry_run").as_bool())
      require(state() == before, "who only looks changes nothing");
  }
};

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view input = text_of(data, size);
  Bench bench;
  while (!input.empty()) {
    const std::string_view line = input.substr(0, input.find('\n'));
    input.remove_prefix(std::min(input.size(), line.size() + 1));
    bench.ask(std::string(line));
  }
  return 0;
}
