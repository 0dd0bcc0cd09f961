#include <doctest/doctest.h>

#include "memory/knowledge/facts.hpp"
#include "memory/safety/quarantine.hpp"
#include "tests/memory/memory_fixture.hpp"
#include "tests/memory/store_contract.hpp"

/// What every store does with entities and facts.
namespace prot::memory::test {
namespace {

/// Says something, and applies what it is told to make of it, as of the message's time.
struct Teller {
  MemoryStore* store;
  std::uint64_t sequence = 0;

  void tell(const std::string& said, Extraction extraction) {
    sequence += 10;
    const TurnRecord record = user(key(1, sequence), said);
    store->append({&record, 1}, kNoon);
    const std::optional<Job> extract = store->claim(JobKind::kExtract, kNoon, kSecond, true);
    REQUIRE(extract);
    REQUIRE(store->finish_extract(*extract, "{}", kNoon));
    const std::optional<Job> job = store->claim(JobKind::kApply, kNoon, kSecond, true);
    REQUIRE(job);
    for (Fact& fact : extraction.facts) {
      fact.source = key(1, sequence);
      if (fact.valid_from == 0) fact.valid_from = record.wall_ns;
    }
    REQUIRE(store->apply(*job, extraction, kNoon));
  }
};

Fact of(std::string subject, std::string predicate, std::string object, Nanos from = 0) {
  Fact fact;
  fact.statement = subject + " " + predicate + " " + object;
  fact.subject = std::move(subject);
  fact.predicate = std::move(predicate);
  fact.object = std::move(object);
  fact.valid_from = from;
  return fact;
}

std::int64_t entity(MemoryStore& store, const std::string& alias) {
  for (const KnownEntity& known : store.entities(100))
    for (const std::string& name : known.aliases)
      if (name == alias) return known.id;
  return 0;
}

std::vector<std::string> objects(const std::vector<Fact>& facts) {
  std::vector<std::string> names;
  for (const Fact& fact : facts) names.push_back(fact.object);
  return names;
}
using Names = std::vector<std::string>;

}  // namespace

void contract_names(MemoryStore& store) {
  Teller teller{&store};
  teller.tell("민수는 카카오에서 일해.",
              {{{"민수", "person", ""}, {"카카오", "organization", ""}}, {of("민수", "works_at", "카카오")}});
  teller.tell("민수가 카카오에 다녀.",
              {{{"민수가", "person", ""}}, {of("민수가", "works_at", "카카오에서")}});
  teller.tell("민수씨는 네이버로 옮겼어.",
              {{{"네이버", "organization", ""}}, {of("민수씨", "works_at", "네이버로")}});
  CHECK(store.entities(100).size() == 3);
  CHECK(store.entities(1).size() == 1);
  const std::vector<Fact> facts = store.active_facts(10);
  REQUIRE(facts.size() == 1);  // said twice, then replaced
  CHECK(facts[0].subject == "민수");
  CHECK(facts[0].object == "네이버");
  CHECK(facts[0].id != 0);
  CHECK(objects(store.fact_history("민수는", "works at")) == Names{"카카오", "네이버"});
}

void contract_history(MemoryStore& store) {
  Teller teller{&store};
  teller.tell("I live in Busan.", {{}, {of("user", "lives_in", "Busan", kNoon + 1 * kDay)}});
  teller.tell("I moved to Seoul.", {{}, {of("user", "lives_in", "Seoul", kNoon + 9 * kDay)}});
  // Told late: between the two, and before them.
  teller.tell("I lived in Jeonju for a while.", {{}, {of("user", "lives_in", "Jeonju", kNoon + 5 * kDay)}});
  CHECK(objects(store.active_facts(10)) == Names{"Seoul"});
  const std::vector<Fact> history = store.fact_history("user", "lives_in");
  CHECK(objects(history) == Names{"Busan", "Jeonju", "Seoul"});
  CHECK(history[0].valid_to == kNoon + 5 * kDay);
  CHECK(history[1].valid_to == kNoon + 9 * kDay);
  CHECK(history[2].valid_to == 0);
  CHECK(objects(store.past_facts(10)) == Names{"Jeonju", "Busan"});
  CHECK(store.past_facts(1).size() == 1);
  // And back again: a new time of the same.
  teller.tell("I am back in Busan.", {{}, {of("user", "lives_in", "Busan", kNoon + 20 * kDay)}});
  CHECK(objects(store.fact_history("user", "lives_in")) == Names{"Busan", "Jeonju", "Seoul", "Busan"});
  CHECK(store.fact_history("user", "likes").empty());
  CHECK(store.fact_history("nobody", "lives_in").empty());
}

void contract_merge(MemoryStore& store) {
  Teller teller{&store};
  teller.tell("Minsu lives in Busan.",
              {{{"Minsu", "person", ""}}, {of("Minsu", "lives_in", "Busan"), of("Minsu", "likes", "tea")}});
  teller.tell("민수 lives in Seoul.", {{{"민수", "person", ""}}, {of("민수", "lives_in", "Seoul")}});
  const std::int64_t latin = entity(store, "minsu");
  const std::int64_t hangul = entity(store, "민수");
  REQUIRE(latin != 0);
  REQUIRE(hangul != 0);
  REQUIRE(latin != hangul);
  CHECK(store.active_facts(10).size() == 3);
  CHECK_FALSE(store.merge_entities(latin, latin));
  CHECK_FALSE(store.merge_entities(latin, 999'999));
  CHECK(store.merge_entities(latin, hangul));
  CHECK_FALSE(store.merge_entities(latin, hangul));  // one already
  CHECK_FALSE(store.merge_entities(hangul, latin));
  CHECK(entity(store, "민수") == latin);
  CHECK(objects(store.active_facts(10)) == Names{"Seoul", "tea"});  // one person lives in one place
  CHECK(objects(store.fact_history("민수", "lives_in")) == Names{"Busan", "Seoul"});
  CHECK(store.undo_merge(hangul));
  CHECK_FALSE(store.undo_merge(hangul));
  CHECK_FALSE(store.undo_merge(latin));
  CHECK(entity(store, "민수") == hangul);
  CHECK(objects(store.active_facts(10)) == Names{"Seoul", "Busan", "tea"});

  // What is told between stays where it was put.
  CHECK(store.merge_entities(latin, hangul));
  teller.tell("민수는 moved to Jeju.", {{}, {of("민수는", "lives_in", "Jeju")}});
  CHECK(objects(store.active_facts(10)) == Names{"Jeju", "tea"});
  CHECK(store.undo_merge(hangul));
  CHECK(objects(store.active_facts(10)) == Names{"Jeju", "tea"});

  // Told anew while the merge held, and ended by the next one: undoing that opens one of two that say the
  // same.
  const auto lives = [&](const std::string& who, const std::string& where, int day) {
    teller.tell(who + " lives in " + where + ".", {{}, {of(who, "lives_in", where, kNoon + day * kDay)}});
  };
  lives("민수", "Seoul", 1);
  CHECK(store.merge_entities(latin, hangul));
  lives("Minsu", "Jeju", 2);
  CHECK(store.undo_merge(hangul));
  lives("민수", "Seoul", 3);
  CHECK(store.merge_entities(latin, hangul));
  CHECK(objects(store.active_facts(10)) == Names{"Seoul", "tea"});
  CHECK(store.undo_merge(hangul));
  CHECK(objects(store.active_facts(10)) == Names{"Seoul", "Jeju", "tea"});
}

void contract_quarantine(MemoryStore& store) {
  Teller teller{&store};
  const auto waiting = [](Fact fact, Origin origin) {
    fact.origin = origin;
    screen(fact);
    return fact;
  };
  teller.tell("I live in Busan.",
              {{},
               {of("user", "lives_in", "Busan"), waiting(of("user", "lives_in", "Seoul"), Origin::kWeb),
                waiting(of("user", "password", "The password is hunter2"), Origin::kUser)}});
  CHECK(objects(store.active_facts(10)) == Names{"Busan"});  // what waits ends nothing
  CHECK(store.counts().facts == 1);
  CHECK(store.counts().quarantined == 2);
  std::vector<Fact> held = store.quarantined_facts(10);
  REQUIRE(held.size() == 2);
  CHECK(held[0].suspicion == "not the user's words");
  CHECK(held[0].origin == Origin::kWeb);
  CHECK(held[0].status == FactStatus::kQuarantined);
  CHECK(held[1].suspicion == "a credential");
  CHECK(store.quarantined_facts(1).size() == 1);
  CHECK(store.past_facts(10).empty());

  // Again, and it still waits, once.
  teller.tell("The page says Seoul.", {{}, {waiting(of("user", "lives_in", "Seoul"), Origin::kWeb)}});
  CHECK(store.counts().quarantined == 2);
  // The user says it: that confirms it.
  teller.tell("I live in Seoul now.", {{}, {of("user", "lives_in", "Seoul")}});
  CHECK(objects(store.active_facts(10)) == Names{"Seoul"});
  held = store.quarantined_facts(10);
  REQUIRE(held.size() == 1);
  CHECK(store.confirm_fact(held[0].id, kNoon));
  CHECK_FALSE(store.confirm_fact(held[0].id, kNoon));
  CHECK_FALSE(store.confirm_fact(999'999, kNoon));
  CHECK(store.counts().quarantined == 0);
  CHECK(store.counts().facts == 2);
  // What was rejected is not asked about again, but may be said.
  teller.tell("The page says Jeju.", {{}, {waiting(of("Mallory", "lives_in", "Jeju"), Origin::kWeb)}});
  held = store.quarantined_facts(10);
  REQUIRE(held.size() == 1);
  CHECK(entity(store, "mallory") == 0);  // no name is known by what waits
  CHECK(store.reject_fact(held[0].id));
  CHECK_FALSE(store.reject_fact(held[0].id));
  CHECK_FALSE(store.confirm_fact(held[0].id, kNoon));
  teller.tell("The page says Jeju.", {{}, {waiting(of("Mallory", "lives_in", "Jeju"), Origin::kWeb)}});
  CHECK(store.counts().quarantined == 0);
  teller.tell("Mallory lives in Jeju.", {{}, {of("Mallory", "lives_in", "Jeju")}});
  CHECK(store.counts().facts == 3);
  // What was confirmed once does not wait again.
  teller.tell("The password is hunter2.",
              {{}, {waiting(of("user", "password", "The password is hunter2"), Origin::kUser)}});
  CHECK(store.counts().quarantined == 0);
}

void contract_batch(MemoryStore& store) {
  const auto claim = [&](int most) {
    std::optional<Job> job = store.claim(JobKind::kExtract, kNoon, 10 * kSecond, true);
    if (job) store.claim_more(&*job, kNoon, 10 * kSecond, true, most);
    return job;
  };
  for (std::uint64_t i = 1; i <= 5; ++i)
    store.append(exchange(1, 10 * i, "I like number " + std::to_string(i) + ".", "Ah."), kNoon);
  store.append(exchange(2, 10, "I like tea.", "Ah."), kNoon);
  std::optional<Job> job = claim(3);
  REQUIRE(job);
  CHECK(job->exchanges == 3);
  CHECK(job->first_seq == 10);
  CHECK(job->last_seq == 31);
  CHECK(job->context.size() == 6);
  CHECK(store.counts().jobs_leased == 3);
  CHECK(store.fail(*job, "bad", kNoon, false));
  CHECK(store.counts().jobs_ready == 6);

  job = claim(3);  // only those that failed as often; those that did not come in their own turn
  REQUIRE(job);
  CHECK(store.give_back(*job, kNoon));
  CHECK(store.counts().jobs_ready == 6);

  int asked = 0;
  std::uint64_t heard = 0;
  while ((job = claim(2))) {
    ++asked;
    heard += static_cast<std::uint64_t>(job->exchanges);
    CHECK(job->exchanges <= 2);
    CHECK(store.finish_extract(*job, "{}", kNoon));
    CHECK_FALSE(store.finish_extract(*job, "{}", kNoon));
  }
  CHECK(heard == 6);
  CHECK(asked <= 4);
  CHECK(store.counts().jobs_leased == 0);
  int applied = 0;
  while (const std::optional<Job> apply = store.claim(JobKind::kApply, kNoon, kSecond, true)) {
    CHECK(apply->context.size() >= 2);
    CHECK(store.apply(*apply, {}, kNoon));
    ++applied;
  }
  CHECK(applied == asked);
  CHECK(store.counts().jobs_ready == 0);
}

void contract_offered(MemoryStore& store) {
  Teller teller{&store};
  teller.tell("김민수는 친구야.", {{{"김민수", "person", ""}}, {}});
  const TurnRecord said = user(key(3, 10), "민수가 이사했어.");
  store.append({&said, 1}, kNoon);
  const std::optional<Job> extract = store.claim(JobKind::kExtract, kNoon, kSecond, true);
  REQUIRE(extract);
  REQUIRE(extract->offered.size() == 1);
  CHECK(extract->offered[0].name == "김민수");
  REQUIRE(store.finish_extract(*extract, "{}", kNoon));
  const std::optional<Job> apply = store.claim(JobKind::kApply, kNoon, kSecond, true);
  REQUIRE(apply);
  REQUIRE(apply->offered.size() == 1);
  CHECK(apply->offered[0].id == extract->offered[0].id);
  Entity named{"민수", "person", ""};
  named.known = apply->offered[0].id;
  REQUIRE(store.apply(*apply, {{named}, {}}, kNoon));
  CHECK(store.entities(100).size() == 1);
  CHECK(entity(store, "민수") == extract->offered[0].id);
  // A wrong number makes no two people one.
  Entity stranger{"박서준", "person", ""};
  stranger.known = extract->offered[0].id;
  Entity place{"김민수로", "place", ""};
  place.known = extract->offered[0].id;
  teller.sequence = 20;
  teller.tell("박서준은 김민수로에 살아.", {{stranger, place}, {}});
  CHECK(store.entities(100).size() == 3);
  CHECK(entity(store, "박서준") != extract->offered[0].id);
}

void contract_communities(MemoryStore& store) {
  Teller teller{&store};
  const auto plan = [&] { return store.plan_generation(plan_communities(store.graph())); };
  CHECK_FALSE(plan());
  CHECK_FALSE(store.next_community());
  teller.tell(
      "My sister Anna lives in Toronto with her cat Misty.",
      {{{"Anna", "person", ""}, {"Toronto", "place", ""}, {"Misty", "thing", ""}},
       {of("user", "sister", "Anna"), of("Anna", "lives_in", "Toronto"), of("Anna", "cat", "Misty")}});
  CHECK(store.graph().size() == 3);
  CHECK(plan());
  CHECK_FALSE(plan());  // nothing is new
  std::optional<CommunityTask> task = store.next_community();
  REQUIRE(task);
  CHECK(task->statements.size() == 3);
  CHECK(store.communities(10).empty());  // it is not whole yet
  CHECK(store.finish_community(task->id, ""));
  task = store.next_community();  // tried once more
  REQUIRE(task);
  CHECK(store.finish_community(task->id, "Anna lives in Toronto with Misty."));
  CHECK_FALSE(store.finish_community(task->id, "Anna lives in Toronto with Misty."));
  CHECK_FALSE(store.next_community());
  std::vector<Community> read = store.communities(10);
  REQUIRE(read.size() == 1);
  CHECK(read[0].summary == "Anna lives in Toronto with Misty.");
  CHECK(read[0].members == Names{"Anna", "Toronto", "Misty"});
  CHECK(read[0].facts.size() == 3);

  // Another circle: the first one keeps its summary, and is read until the next generation is whole.
  teller.tell(
      "민수는 카카오에 다니고 부산에 살아.",
      {{{"민수", "person", ""}, {"카카오", "organization", ""}, {"부산", "place", ""}},
       {of("민수", "works_at", "카카오"), of("민수", "lives_in", "부산"), of("user", "friend", "민수")}});
  CHECK(plan());
  CHECK(store.communities(10).size() == 1);
  task = store.next_community();
  REQUIRE(task);
  CHECK(task->statements.size() == 3);
  CHECK(store.finish_community(task->id, "민수는 카카오에 다닌다."));
  CHECK(store.communities(10).size() == 2);
  CHECK(store.communities(1).size() == 1);

  // One that no summary is to be had of does not hold up the others.
  teller.tell("Misty is old.", {{}, {of("Misty", "age", "old")}});
  CHECK(plan());
  for (int i = 0; i < 2; ++i) {
    task = store.next_community();
    REQUIRE(task);
    CHECK(store.finish_community(task->id, ""));
  }
  CHECK_FALSE(store.next_community());
  read = store.communities(10);
  REQUIRE(read.size() == 1);
  CHECK(read[0].summary == "민수는 카카오에 다닌다.");
}

}  // namespace prot::memory::test
