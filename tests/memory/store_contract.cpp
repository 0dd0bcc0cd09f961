#include "tests/memory/store_contract.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "tests/memory/memory_fixture.hpp"

namespace prot::memory::test {
namespace {

std::vector<Message> all(MemoryStore& store) {
  std::int64_t cursor = 0;
  return store.next_messages(&cursor, 1000);
}

}  // namespace

void contract_messages_once(MemoryStore& store) {
  std::vector<TurnRecord> records = exchange(1, 10, "My favourite colour is teal.", "A fine colour.");
  for (int i = 0; i < 3; ++i) store.append(records, kNoon);
  // Delivered again from the middle on, as after a crash.
  store.append(std::span(records).subspan(1, 2), kNoon);
  const std::vector<Message> messages = all(store);
  REQUIRE(messages.size() == 2);
  CHECK(messages[0].text == "My favourite colour is teal.");
  CHECK(messages[0].role == Role::kUser);
  CHECK(messages[1].text == "A fine colour.");
  CHECK(messages[1].role == Role::kAssistant);
  const Counts counts = store.counts();
  CHECK(counts.messages == 2);
  CHECK(counts.jobs_ready == 1);

  // The same number with another text is a replay, not an edit.
  const TurnRecord other = user(key(1, 10), "Something else.");
  store.append({&other, 1}, kNoon);
  CHECK(all(store)[0].text == "My favourite colour is teal.");
  // The same number in another conversation is another message.
  const TurnRecord elsewhere = user(key(2, 10), "안녕하세요");
  store.append({&elsewhere, 1}, kNoon);
  CHECK(all(store).size() == 3);
}

void contract_search(MemoryStore& store) {
  const std::vector<std::string> said = {
      "My sister Anna lives in Toronto.", "제 동생 민수는 카카오에서 일해요.",
      "Anna's favourite city is Toronto; O'Hare was a stop.", "I like tea."};
  for (std::uint64_t i = 0; i < said.size(); ++i) {
    const TurnRecord record = user(key(1, 10 * i), said[i]);
    store.append({&record, 1}, kNoon);
  }
  const TurnRecord open = segment(key(1, 50), 0, "Anna and Toronto");
  store.append({&open, 1}, kNoon);
  const auto found = [&](const std::vector<std::string>& words, std::uint64_t before = 100, int limit = 10) {
    std::vector<std::uint64_t> sequences;
    for (const Message& m : store.find_messages(words, kNoon + static_cast<Nanos>(before) * kSecond, limit))
      sequences.push_back(m.key.sequence);
    return sequences;
  };
  using Found = std::vector<std::uint64_t>;
  CHECK(found({"tea", "coffee"}) == Found{30});       // any of them
  CHECK(found({"민수"}) == Found{10});                // with whatever particle
  CHECK(found({"sist", "toronto"}) == Found{0, 20});  // the one with both first
  CHECK(found({"toronto"}, 10) == Found{0});
  CHECK(found({"toronto"}, 100, 1).size() == 1);
  CHECK(found({"paris"}).empty());
  CHECK(found({}).empty());
  CHECK(found({"it's", "a'b & !c:*", "\\"}).empty());  // no word, but no harm either
}

void contract_segments_and_end(MemoryStore& store) {
  const std::vector<TurnRecord> open = {
      user(key(1, 1), "Tell me a story."), segment(key(1, 2), 1, "there was a king."),
      segment(key(1, 2), 0, "Once upon a time "), segment(key(1, 2), 1, "there was a king.")};
  store.append(open, kNoon);
  std::vector<Message> history = store.history(key(1, 0).conversation, 10);
  REQUIRE(history.size() == 2);
  CHECK(history[1].open);
  CHECK(history[1].text == "Once upon a time there was a king.");
  CHECK(all(store).size() == 1);  // the open reply is not found yet

  const TurnRecord heard = end(key(1, 2), "Once upon a time", true);
  store.append({&heard, 1}, kNoon);
  store.append(open, kNoon);  // late segments change nothing
  history = store.history(key(1, 0).conversation, 10);
  REQUIRE(history.size() == 2);
  CHECK_FALSE(history[1].open);
  CHECK(history[1].interrupted);
  CHECK(history[1].text == "Once upon a time");
  CHECK(store.history(key(1, 0).conversation, 1).front().role == Role::kAssistant);
  CHECK(store.history(key(7, 0).conversation, 10).empty());
}

void contract_job_of_an_exchange(MemoryStore& store) {
  const TurnRecord said = user(key(1, 10), "I live in Busan.");
  store.append({&said, 1}, kNoon);
  CHECK(store.counts().jobs_ready == 1);
  // While the reply is under way the job waits; a reply that never ends does not stop it for ever.
  CHECK_FALSE(store.claim(JobKind::kExtract, kNoon + kSecond, kSecond, false));
  const TurnRecord replied = end(key(1, 11), "By the sea.");
  store.append({&replied, 1}, kNoon);
  const std::optional<Job> job = store.claim(JobKind::kExtract, kNoon + kSecond, kSecond, false);
  REQUIRE(job);
  CHECK(job->first_seq == 10);
  CHECK(job->last_seq == 11);
  REQUIRE(job->context.size() == 2);
  CHECK(job->context[0].text == "I live in Busan.");
  CHECK(job->context[1].text == "By the sea.");
  REQUIRE(store.finish_extract(*job, "{}", kNoon));

  const TurnRecord unanswered = user(key(1, 20), "And my name is Anna.");
  store.append({&unanswered, 1}, kNoon);
  CHECK_FALSE(store.claim(JobKind::kExtract, kNoon, kSecond, false));
  const std::optional<Job> late = store.claim(JobKind::kExtract, kNoon + kExchangePatience, kSecond, false);
  REQUIRE(late);
  CHECK(late->first_seq == 20);
  REQUIRE(late->context.size() == 2);  // what was said before is context
  CHECK(late->context[0].text == "By the sea.");
}

void contract_leases(MemoryStore& store) {
  store.append(exchange(1, 10, "I live in Busan.", "Ah."), kNoon);
  store.append(exchange(1, 20, "I like tea.", "Ah."), kNoon + 1 * kSecond);
  const std::optional<Job> first = store.claim(JobKind::kExtract, kNoon + kSecond, 10 * kSecond, false);
  const std::optional<Job> second = store.claim(JobKind::kExtract, kNoon + kSecond, 10 * kSecond, false);
  REQUIRE(first);
  REQUIRE(second);
  CHECK(first->first_seq == 10);
  CHECK(second->first_seq == 20);
  CHECK(first->attempts == 1);
  CHECK_FALSE(store.claim(JobKind::kExtract, kNoon + kSecond, kSecond, false));
  CHECK(store.counts().jobs_leased == 2);

  CHECK(store.reap(kNoon + 2 * kSecond, Freed::kOver, "") == 0);
  CHECK(store.reap(kNoon + 60 * kSecond, Freed::kOver, first->token) == 1);  // somebody is at the other one
  REQUIRE(store.renew(first->token, kNoon + 90 * kSecond));
  CHECK(store.reap(kNoon + 89 * kSecond, Freed::kOver, "") == 0);
  CHECK(store.reap(kNoon + 91 * kSecond, Freed::kOver, "") == 1);
  CHECK_FALSE(store.renew(first->token, kNoon + 200 * kSecond));  // lost
  const std::optional<Job> again = store.claim(JobKind::kExtract, kNoon + 60 * kSecond, kSecond, false);
  REQUIRE(again);
  CHECK(again->id == first->id);
  // Who lost its lease changes nothing.
  CHECK_FALSE(store.finish_extract(*first, "late", kNoon));
  CHECK_FALSE(store.give_back(*first, kNoon));
  CHECK_FALSE(store.fail(*first, "late", kNoon, true));
  CHECK(store.finish_extract(*again, "in time", kNoon));
  CHECK_FALSE(store.finish_extract(*again, "twice", kNoon));

  const std::optional<Job> apply = store.claim(JobKind::kApply, kNoon + 60 * kSecond, kSecond, false);
  REQUIRE(apply);
  CHECK(apply->result == "in time");
  CHECK_FALSE(store.claim(JobKind::kApply, kNoon + 60 * kSecond, kSecond, true));
}

void contract_failures(MemoryStore& store) {
  store.append(exchange(1, 10, "I live in Busan.", "Ah."), kNoon);
  std::optional<Job> job = store.claim(JobKind::kExtract, kNoon, kSecond, false);
  REQUIRE(job);
  CHECK(store.give_back(*job, kNoon));
  job = store.claim(JobKind::kExtract, kNoon, kSecond, false);
  REQUIRE(job);
  CHECK(job->attempts == 1);  // handing back is no attempt
  CHECK(store.fail(*job, "bad answer", kNoon + 8 * kSecond, false));
  CHECK_FALSE(store.claim(JobKind::kExtract, kNoon + 7 * kSecond, kSecond, false));
  job = store.claim(JobKind::kExtract, kNoon + 7 * kSecond, kSecond, true);  // a drain does not wait
  REQUIRE(job);
  CHECK(job->attempts == 2);
  CHECK(store.fail(*job, "bad answer", kNoon, true));
  CHECK(store.counts().jobs_dead == 1);
  CHECK(store.counts().jobs_ready == 0);
  CHECK_FALSE(store.claim(JobKind::kExtract, kNoon + kDay, kSecond, true));

  // The predecessor's leases are freed at once.
  store.append(exchange(1, 20, "I like tea.", "Ah."), kNoon);
  REQUIRE(store.claim(JobKind::kExtract, kNoon, kSecond, false));
  CHECK(store.reap(kNoon, Freed::kOver, "") == 0);
  CHECK(store.reap(kNoon, Freed::kPredecessors, "") == 1);

  // What was claimed, but never heard of, was not tried; what is held stays.
  job = store.claim(JobKind::kExtract, kNoon, kSecond, false);
  REQUIRE(job);
  CHECK(job->attempts == 2);  // the predecessor may have died of it
  CHECK(store.reap(kNoon, Freed::kStray, job->token) == 0);
  CHECK(store.reap(kNoon, Freed::kStray, "") == 1);
  CHECK(store.claim(JobKind::kExtract, kNoon, kSecond, false)->attempts == 2);
}

// The first minutes of a machine without a battery, or a typing error that was mended.
void contract_wrong_clock(MemoryStore& store) {
  const Nanos later = kNoon + 300 * kDay;
  store.append(exchange(1, 10, "I live in Busan.", "Ah."), later);
  store.append(exchange(1, 20, "I like tea.", "Ah."), later);
  std::optional<Job> job = store.claim(JobKind::kExtract, kNoon, kSecond, false);  // it is put right
  REQUIRE(job);
  store.claim_more(&*job, kNoon, kSecond, false, 4);
  CHECK(job->exchanges == 2);
  REQUIRE(store.fail(*job, "bad answer", kNoon + 60 * kSecond, false));
  CHECK_FALSE(store.claim(JobKind::kExtract, kNoon, kSecond, false));  // that is meant
  REQUIRE(store.claim(JobKind::kExtract, later, kSecond, false));
  CHECK(store.reap(kNoon, Freed::kOver, "") == 1);
}

void contract_old_dead(MemoryStore& store) {
  for (std::uint64_t i = 1; i <= 5; ++i) {
    store.append(exchange(i, 10, "I live in Busan.", "Ah."), kNoon);
    const std::optional<Job> job = store.claim(JobKind::kExtract, kNoon, kSecond, false);
    REQUIRE(job);
    REQUIRE(store.fail(*job, "bad answer", kNoon + static_cast<Nanos>(i) * kDay, true));
  }
  CHECK(store.drop_old_dead(5, kNoon) == 0);
  CHECK(store.drop_old_dead(3, kNoon) == 2);
  CHECK(store.drop_old_dead(3, kNoon + 4 * kDay) == 1);
  CHECK(store.counts().jobs_dead == 2);
  CHECK(store.counts().messages == 10);
  // A replay brings none of them back.
  store.append(exchange(1, 10, "I live in Busan.", "Ah."), kNoon);
  CHECK(store.counts().jobs_ready == 0);
}

void contract_facts(MemoryStore& store) {
  store.append(exchange(1, 10, "My favourite colour is teal.", "Ah."), kNoon);
  store.append(exchange(1, 20, "My favourite colour is green now.", "Ah."), kNoon);
  store.append(exchange(1, 30, "My favourite colour is green, really.", "Ah."), kNoon);
  const auto claim_apply = [&] {
    const std::optional<Job> extract = store.claim(JobKind::kExtract, kNoon, kSecond, false);
    REQUIRE(extract);
    REQUIRE(store.finish_extract(*extract, "{}", kNoon));
    const std::optional<Job> apply = store.claim(JobKind::kApply, kNoon, kSecond, false);
    REQUIRE(apply);
    return *apply;
  };
  const Fact teal = fact("favorite_color", "teal", key(1, 10), kNoon + 10 * kSecond);
  const Fact green = fact("favorite_color", "green", key(1, 20), kNoon + 20 * kSecond);
  const Fact green_again = fact("favorite_color", "Green", key(1, 30), kNoon + 30 * kSecond);
  const Fact tea = fact("likes", "tea", key(1, 10), kNoon + 10 * kSecond);
  const Fact coffee = fact("likes", "coffee", key(1, 20), kNoon + 20 * kSecond);
  const Fact unknown_source = fact("likes", "milk", key(9, 9), kNoon);

  Job job = claim_apply();
  CHECK(store.apply(job, {{{"Anna", "person", "a friend"}}, {teal, tea, teal}}, kNoon));
  CHECK(store.counts().facts == 2);
  CHECK_FALSE(store.apply(job, {{}, {green}}, kNoon));  // done already

  job = claim_apply();
  CHECK(store.apply(job, {{{"anna ", "", ""}}, {green, coffee, unknown_source}}, kNoon));
  std::vector<Fact> facts = store.active_facts(10);
  REQUIRE(facts.size() == 3);  // green, coffee, tea: a colour replaces a colour, a liking does not
  for (const Fact& known : facts) CHECK(known.object != "teal");

  job = claim_apply();  // said again, and what was superseded is delivered late
  CHECK(store.apply(job, {{}, {green_again, teal}}, kNoon));
  facts = store.active_facts(10);
  REQUIRE(facts.size() == 3);
  for (const Fact& known : facts) CHECK(known.object != "teal");
  CHECK(store.active_facts(1).size() == 1);
}

void contract_forget(MemoryStore& store) {
  store.append(exchange(1, 10, "My sister Yuna lives in Busan.", "By the sea."), kNoon);
  store.append(exchange(1, 20, "I like tea.", "Tea is fine."), kNoon);
  store.append(exchange(2, 10, "I really like tea.", "So I heard."), kNoon);
  const auto learn = [&](const char* predicate, const char* object) {
    const std::optional<Job> job = store.claim(JobKind::kExtract, kNoon, kSecond, true);
    REQUIRE(job);
    REQUIRE(store.finish_extract(*job, "a secret answer", kNoon));
    const std::optional<Job> apply = store.claim(JobKind::kApply, kNoon, kSecond, true);
    REQUIRE(apply);
    Fact learnt = fact(predicate, object, {job->conversation, job->first_seq}, kNoon);
    REQUIRE(store.apply(*apply, {{}, {learnt}}, kNoon));
  };
  learn("sister_lives_in", "Busan");
  learn("likes", "tea");
  learn("likes", "tea");
  REQUIRE(store.active_facts(10).size() == 2);

  ForgetTarget target;
  target.conversation = key(1, 0).conversation;
  target.first = 10;
  target.last = 11;
  const Forgotten would = store.forget(target, kNoon, true);
  CHECK(would.messages.size() == 2);
  CHECK(would.facts == 1);
  CHECK(all(store).size() == 6);  // it only looked
  const Forgotten done = store.forget(target, kNoon, false);
  CHECK(done.messages.size() == 2);
  CHECK(done.facts == 1);
  CHECK(std::find(done.texts.begin(), done.texts.end(), "My sister Yuna lives in Busan.") !=
        done.texts.end());
  CHECK(all(store).size() == 4);
  REQUIRE(store.active_facts(10).size() == 1);
  CHECK(store.active_facts(10)[0].object == "tea");

  // Again, from a ring or a spool: nothing of it comes back.
  store.append(exchange(1, 10, "My sister Yuna lives in Busan.", "By the sea."), kNoon);
  const TurnRecord late = segment(key(1, 11), 4, "by the sea");
  store.append({&late, 1}, kNoon);
  CHECK(all(store).size() == 4);
  CHECK(store.counts().messages == 4);
  CHECK_FALSE(store.claim(JobKind::kExtract, kNoon, kSecond, true));
  CHECK(store.forget(target, kNoon, false).nothing());

  // One of two who say so: the fact stays.
  target.first = 20;
  target.last = 21;
  CHECK(store.forget(target, kNoon, false).facts == 0);
  CHECK(store.active_facts(10).size() == 1);

  // What is not there yet, but on its way.
  target.first = 30;
  target.last = 31;
  CHECK(store.forget(target, kNoon, false).nothing());
  store.append(exchange(1, 30, "This comes later.", "Late."), kNoon);
  CHECK(all(store).size() == 2);
  store.append(exchange(1, 40, "And this is kept.", "Good."), kNoon);
  CHECK(all(store).size() == 4);

  // An answer that is on its way belongs to nobody any more.
  const std::optional<Job> asked = store.claim(JobKind::kExtract, kNoon, kSecond, true);
  REQUIRE(asked);
  target.first = 40;
  target.last = 41;
  CHECK(store.forget(target, kNoon, false).messages.size() == 2);
  CHECK_FALSE(store.finish_extract(*asked, "a late answer", kNoon));

  ForgetTarget everything;
  everything.kind = ForgetTarget::Kind::kEverything;
  CHECK(store.forget(everything, kNoon, false).everything);
  CHECK(all(store).empty());
  CHECK(store.active_facts(10).empty());
  CHECK(store.counts().jobs_ready == 0);
  store.append(exchange(2, 10, "I really like tea.", "So I heard."), kNoon);
  CHECK(all(store).empty());
}

}  // namespace prot::memory::test
