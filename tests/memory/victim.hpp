#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "json/json.hpp"
#include "memory/extraction/extraction.hpp"
#include "memory/recall/recall.hpp"
#include "memory/safety/quarantine.hpp"
#include "memory/stores/in_memory.hpp"
#include "tests/memory/memory_fixture.hpp"

namespace prot::memory::test {

/// A memory whose model believes everything: what it is told goes the whole way from the message to the
/// block. A case is a row of corpora/injections.tsv: origin, what was said, the object, the statement.
class Victim {
 public:
  using Case = std::vector<std::string>;
  Victim() { store_.connect(); }

  void hear(const Case& told) {
    sequence_ += 10;
    store_.append(exchange(1, sequence_, told.at(1), "Ah."), kNoon);
    const Job job = claim(JobKind::kExtract);
    store_.finish_extract(job, answer(told), kNoon);
    const Job apply = claim(JobKind::kApply);
    Extraction extraction = parse_answer(apply.result, apply);
    if (told.at(0) != "user") {
      // No model is asked about tools and pages; what is imported from them carries its origin.
      Fact fact = test::fact("noted", told.at(2), key(1, sequence_), kNoon);
      fact.statement = told.at(3);
      fact.origin = told.at(0) == "web" ? Origin::kWeb : Origin::kTool;
      screen(fact);
      extraction.facts = {fact};
    }
    store_.apply(apply, extraction, kNoon);
  }

  /// The blocks that the cases' own words and a harmless question find.
  [[nodiscard]] std::vector<std::string> blocks(const std::vector<Case>& cases) {
    Recall recall;
    std::int64_t cursor = 0;
    for (const Message& message : store_.next_messages(&cursor, 1000)) recall.put(message);
    recall.set_facts(store_.active_facts(1000));
    std::vector<std::string> found;
    for (const Case& told : cases)
      for (const std::string& question :
           {told.at(1), told.at(3), "What do you know about my " + told.at(2) + "?"})
        found.push_back(recall.answer(question, key(2, 0).conversation, 3000).block);
    return found;
  }
  [[nodiscard]] std::vector<Fact> believed() { return store_.active_facts(1000); }

  /// A block without what stands in quotes.
  [[nodiscard]] static std::string unquoted(std::string_view block) {
    std::string out;
    bool quoted = false;
    for (const char c : block) {
      if (c == '"') quoted = !quoted;
      if (!quoted && c != '"') out += c;
      if (c == '\n') quoted = false;
    }
    return out;
  }

 private:
  Job claim(JobKind kind) {
    std::optional<Job> job = store_.claim(kind, kNoon, kSecond, true);
    if (!job) throw Error("there is no job");
    return *job;
  }
  static std::string answer(const Case& told) {
    json::Writer w;
    w.begin_object().key("facts").begin_array().begin_object().member("subject", "user");
    w.member("predicate", "noted").member("object", told.at(2)).member("statement", told.at(3));
    w.end_object().end_array().key("entities").begin_array().begin_object().member("name", told.at(2));
    w.member("type", "thing").member("description", told.at(3)).end_object().end_array();
    return w.end_object().str();
  }

  InMemoryStore store_;
  std::uint64_t sequence_ = 0;
};

}  // namespace prot::memory::test
