#include <doctest/doctest.h>
#include <malloc.h>

#include <algorithm>
#include <cstdlib>
#include <new>
#include <random>

#include "memory/recall/recall.hpp"
#include "tests/memory/memory_fixture.hpp"
#include "tests/memory/plain_index.hpp"

using namespace prot;
using namespace prot::memory;
using namespace prot::memory::test;

namespace {

std::size_t live_bytes = 0;  // of the heap, malloc's own eight bytes a block with them

constexpr std::size_t kNoLimit = 1U << 30U;

const auto kAll = [](const TurnIndex::Turn&) { return true; };

/// Talk in two languages from a vocabulary of some thousand words, rare ones as rare as in speech.
class Talk {
 public:
  explicit Talk(unsigned seed) : random_(seed) {
    for (int i = 0; i < 3000; ++i) vocabulary_.push_back(i % 3 == 0 ? hangul() : latin());
  }
  Message next() {
    const std::uint64_t i = count_++;
    Message message =
        test::message(i / 50, 10 * i, i % 2 == 0 ? Role::kUser : Role::kAssistant,
                      text(4 + static_cast<int>(random_() % 16)), kNoon + static_cast<Nanos>(i) * kSecond);
    message.channel = i % 3 == 0 ? wire::Channel::kText : wire::Channel::kVoice;
    message.interrupted = i % 7 == 0;
    return message;
  }
  std::string text(int words) {
    std::string text = random_() % 2 == 0 ? "I" : "저는";
    for (int i = 0; i < words; ++i) text += " " + vocabulary_[(random_() % 3000) * (random_() % 3000) / 3000];
    return text + (random_() % 8 == 0 ? "?" : ".");
  }

 private:
  std::string latin() {
    std::string word;
    for (std::size_t i = 3 + random_() % 6; i > 0; --i) word += static_cast<char>('a' + random_() % 26);
    return word;
  }
  std::string hangul() {
    std::string word;
    for (std::size_t i = 1 + random_() % 4; i > 0; --i) {
      const auto point = static_cast<unsigned>(0xAC00 + random_() % 1200);
      word += {static_cast<char>(0xE0U | (point >> 12U)), static_cast<char>(0x80U | ((point >> 6U) & 0x3FU)),
               static_cast<char>(0x80U | (point & 0x3FU))};
    }
    return word;
  }
  std::mt19937 random_;
  std::vector<std::string> vocabulary_;
  std::uint64_t count_ = 0;
};

std::vector<Message> talk(std::size_t count, unsigned seed = 5) {
  Talk talk(seed);
  std::vector<Message> messages;
  for (std::size_t i = 0; i < count; ++i) messages.push_back(talk.next());
  return messages;
}

/// Both find the same, equally well.
void check_same(const TurnIndex& index, const PlainIndex& plain, const std::string& question) {
  CAPTURE(question);
  const Query query = query_of(question);
  const std::vector<PlainIndex::Hit> expected = plain.search(query);
  const std::vector<TurnIndex::Hit> hits = index.search(query, 24, kAll);
  REQUIRE(hits.size() == std::min<std::size_t>(24, expected.size()));
  for (std::size_t i = 0; i < hits.size(); ++i) {
    // How sure the best is is a float.
    CHECK(hits[i].score == doctest::Approx(expected[i].score).epsilon(1e-5));
    const TurnIndex::Turn turn = index.turn(hits[i].doc);
    const auto same = std::find_if(expected.begin(), expected.end(),
                                   [&](const PlainIndex::Hit& hit) { return hit.key == turn.key; });
    REQUIRE(same != expected.end());
    CHECK(same->score == doctest::Approx(hits[i].score).epsilon(1e-5));
    CHECK(same->coverage == doctest::Approx(hits[i].coverage).epsilon(1e-5));
  }
}

}  // namespace

void* operator new(std::size_t size) {
  void* const block = std::malloc(size == 0 ? 1 : size);
  if (block == nullptr) throw std::bad_alloc();
  live_bytes += malloc_usable_size(block) + 8;
  return block;
}
void operator delete(void* block) noexcept {
  if (block != nullptr) live_bytes -= malloc_usable_size(block) + 8;
  std::free(block);
}
void operator delete(void* block, std::size_t) noexcept { operator delete(block); }

TEST_CASE("the packed index finds what a plain one finds, with the same scores") {
  std::vector<Message> messages = talk(600);
  std::mt19937 random(11);
  for (std::size_t i = 0; i + 8 < messages.size(); i += 8)  // replays bring some of them late
    std::shuffle(messages.begin() + static_cast<std::ptrdiff_t>(i),
                 messages.begin() + static_cast<std::ptrdiff_t>(i + 8), random);
  TurnIndex index(kNoLimit);
  PlainIndex plain;
  Talk asking(5);
  for (const Message& message : messages) {
    CHECK(index.put(message));
    plain.put(message);
    if (index.size() % 20 == 0) check_same(index, plain, asking.text(5));
  }
  CHECK_FALSE(index.put(messages[17]));
  CHECK(index.evicted() == 0);
}

TEST_CASE("a full index keeps the newest, and finds them as one that never had the others") {
  constexpr std::size_t kLimit = 256U << 10U;
  TurnIndex index(kLimit);
  const std::vector<Message> messages = talk(4000);
  Talk asking(5);
  std::size_t evictions = 0;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const std::uint64_t before = index.evicted();
    CHECK(index.put(messages[i]));
    REQUIRE(index.bytes() <= kLimit);
    REQUIRE(index.evicted() + index.size() == i + 1);
    if (index.evicted() == before || ++evictions % 8 != 1) continue;
    PlainIndex plain;
    for (std::size_t k = index.evicted(); k <= i; ++k) plain.put(messages[k]);
    for (int question = 0; question < 4; ++question) check_same(index, plain, asking.text(5));
  }
  CHECK(evictions > 20);
  CHECK(index.bytes() > kLimit * 3 / 4);
  CHECK(index.put(messages[0]));  // gone, so it may come again
  const Message& newest = messages.back();
  const std::vector<Message> kept = index.conversation(newest.key.conversation, 3);
  REQUIRE(kept.size() == 3);
  CHECK(kept.back().text == newest.text);
  CHECK(kept.back().channel == newest.channel);
  CHECK(kept.back().interrupted == newest.interrupted);
  CHECK(index.nth_newest(newest.key.conversation, 2) == messages[messages.size() - 2].key.sequence);
  CHECK(index.conversation(messages[100].key.conversation, 3).empty());
}

TEST_CASE("a message larger than the limit is found until the next comes") {
  TurnIndex index(64U << 10U);
  CHECK(index.put(message(1, 1, Role::kUser, "My tiger. " + std::string(100'000, 'x'))));
  CHECK(index.search(query_of("tiger"), 3, kAll).size() == 1);
  CHECK(index.put(message(1, 2, Role::kUser, "My lion.")));
  CHECK(index.search(query_of("tiger"), 3, kAll).empty());
  CHECK(index.search(query_of("lion"), 3, kAll).size() == 1);
  CHECK(index.bytes() <= (64U << 10U));
}

TEST_CASE("a message costs the index so much and no more, by its own account and by the allocator's") {
  const std::vector<Message> messages = talk(20'000);
  std::size_t text = 0;
  for (const Message& message : messages) text += message.text.size();
  TurnIndex index(kNoLimit);
  const std::size_t before = live_bytes;
  for (const Message& message : messages) index.put(message);
  (void)index.search(query_of("the first search takes what it needs"), 1, kAll);
  const double counted = static_cast<double>(live_bytes - before);
  const auto count = static_cast<double>(messages.size());
  MESSAGE("bytes each: " << static_cast<double>(index.bytes()) / count << " by its account, "
                         << counted / count << " of the heap, " << static_cast<double>(text) / count
                         << " of text");
  CHECK(counted == doctest::Approx(static_cast<double>(index.bytes())).epsilon(0.08));
  CHECK(static_cast<double>(index.bytes()) / count < 400);
}

TEST_CASE("the limit holds for the heap as well, with evictions") {
  constexpr std::size_t kLimit = 1U << 20U;
  const std::vector<Message> messages = talk(12'000);
  const std::size_t before = live_bytes;
  TurnIndex index(kLimit);
  std::size_t worst = 0;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    index.put(messages[i]);
    if (i % 100 == 0) (void)index.search(query_of(messages[i].text), 24, kAll);
    worst = std::max(worst, live_bytes - before);
  }
  CHECK(index.evicted() > 2000);
  MESSAGE("the heap's most, of the limit: " << static_cast<double>(worst) / static_cast<double>(kLimit));
  CHECK(static_cast<double>(worst) < 1.08 * static_cast<double>(kLimit));
}

TEST_CASE("facts are replaced, not piled up") {
  const auto thing = [](int i) {
    return std::string{'q', static_cast<char>('a' + i % 20), 'v', static_cast<char>('a' + i / 20), 'k'};
  };
  Recall recall;
  std::vector<Fact> facts;
  facts.reserve(200);
  for (int i = 0; i < 200; ++i) facts.push_back(fact("likes", thing(i), key(1, 1), kNoon + i * kSecond));
  for (int i = 0; i < 2; ++i) recall.set_facts(facts);
  const std::size_t before = live_bytes;
  for (int i = 0; i < 50; ++i) recall.set_facts(facts);
  CHECK(live_bytes < before + before / 10);
  const std::string block = recall.answer("What about " + thing(12) + "?", key(9, 0).conversation, 300).block;
  CAPTURE(block);
  CHECK(block.find(thing(12) + ".") != std::string::npos);
}
