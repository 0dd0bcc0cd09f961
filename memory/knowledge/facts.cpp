#include "knowledge/facts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/fnv.hpp"
#include "recall/terms.hpp"
#include "text/normalize.hpp"

namespace prot::memory {
namespace {

std::string spo_text(const Fact& fact) {
  return normalized_name(fact.subject) + '\x1F' + canonical_predicate(fact.predicate) + '\x1F' +
         normalized_name(fact.object);
}

struct Spelling {
  std::string_view other;
  std::string_view usual;
};
// What models call the same relation. Only where nobody could mean another.
constexpr std::array kSpellings = std::to_array<Spelling>({{"live_in", "lives_in"},
                                                           {"lives_at", "lives_in"},
                                                           {"resides_in", "lives_in"},
                                                           {"residence", "lives_in"},
                                                           {"moved_to", "lives_in"},
                                                           {"거주지", "lives_in"},
                                                           {"사는_곳", "lives_in"},
                                                           {"거주", "lives_in"},
                                                           {"work_at", "works_at"},
                                                           {"work_for", "works_at"},
                                                           {"works_for", "works_at"},
                                                           {"employer", "works_at"},
                                                           {"employed_at", "works_at"},
                                                           {"employed_by", "works_at"},
                                                           {"workplace", "works_at"},
                                                           {"직장", "works_at"},
                                                           {"근무지", "works_at"},
                                                           {"occupation", "job"},
                                                           {"profession", "job"},
                                                           {"job_title", "job"},
                                                           {"직업", "job"},
                                                           {"date_of_birth", "birthday"},
                                                           {"birth_date", "birthday"},
                                                           {"birthdate", "birthday"},
                                                           {"born_on", "birthday"},
                                                           {"생일", "birthday"},
                                                           {"이름", "name"},
                                                           {"나이", "age"},
                                                           {"국적", "nationality"}});

constexpr std::array kUserNames = std::to_array<std::string_view>(
    {"user", "the user", "i", "me", "my", "myself", "speaker", "you", "나", "내", "저", "사용자"});

constexpr std::string_view kQuoting = "The user said: '";
constexpr std::size_t kTelling = 4;  // bytes of a word that stands in another by no accident

constexpr std::array kFunctional =
    std::to_array<std::string_view>({"name", "age", "birthday", "born_in", "lives_in", "works_at", "job",
                                     "nationality", "married_to", "gender"});

}  // namespace

std::string normalized_name(std::string_view name) {
  const std::string folded = text::normalize_nfkc_casefold(name);
  std::string out;
  for (const char c : folded) {
    const bool space = static_cast<unsigned char>(c) <= ' ';
    if (space && (out.empty() || out.back() == ' ')) continue;
    out += space ? ' ' : c;
  }
  while (!out.empty() && (out.back() == ' ' || out.back() == '.')) out.pop_back();
  return out;
}

std::string canonical_subject(std::string_view subject) {
  const bool user =
      std::find(kUserNames.begin(), kUserNames.end(), normalized_name(subject)) != kUserNames.end();
  return user ? "user" : std::string(subject);
}

std::string name_key(std::string_view alias) { return digest("name\x1F" + std::string(alias)); }

std::string canonical_predicate(std::string_view predicate) {
  std::string spaced = normalized_name(predicate);
  std::replace(spaced.begin(), spaced.end(), '_', ' ');
  std::replace(spaced.begin(), spaced.end(), '-', ' ');
  std::string out;
  std::size_t begin = 0;
  while (begin < spaced.size()) {
    std::size_t end = spaced.find(' ', begin);
    if (end == std::string::npos) end = spaced.size();
    const std::string word = spelling(spaced.substr(begin, end - begin));
    begin = end + 1;
    if (word.empty() || word == "has" || word == "have" || word == "is" || word == "a" || word == "an" ||
        word == "the" || word == "s")
      continue;
    if (!out.empty()) out += '_';
    out += word;
  }
  if (out.empty()) return "is";
  for (const Spelling& known : kSpellings)
    if (out == known.other) return std::string(known.usual);
  return out;
}

bool is_functional(std::string_view predicate) noexcept {
  return predicate.starts_with("favorite") ||
         std::find(kFunctional.begin(), kFunctional.end(), predicate) != kFunctional.end();
}

std::string plain_statement(const Fact& fact) {
  std::string relation = fact.predicate;
  std::replace(relation.begin(), relation.end(), '_', ' ');
  return fact.subject + " " + relation + " " + fact.object;
}

std::string quoting_statement(std::string_view said) {
  return std::string(kQuoting) + std::string(said) + "'";
}

bool is_quoting(std::string_view statement) noexcept { return statement.starts_with(kQuoting); }

std::string statement_without(const Fact& fact, std::string_view gone, std::string_view left) {
  std::string plain = plain_statement(fact);
  const std::string allowed = plain + "\n" + std::string(left);
  const std::vector<std::string> own = distinct_words(allowed);
  const std::vector<std::string> told = distinct_words(fact.statement);
  const std::string spelled = normalized_name(fact.statement);
  const std::string spelled_own = normalized_name(allowed);
  const std::vector<std::string> lost = distinct_words(gone);
  const bool tells = std::any_of(lost.begin(), lost.end(), [&](const std::string& word) {
    if (std::binary_search(told.begin(), told.end(), word) &&
        !std::binary_search(own.begin(), own.end(), word))
      return true;
    // Within a longer word: Korean ones are put together.
    return word.size() >= kTelling && spelled.find(word) != std::string::npos &&
           spelled_own.find(word) == std::string::npos;
  });
  return tells ? plain : fact.statement;
}

// FNV-1a twice with different bases.
std::string digest(std::string_view text) {
  std::uint64_t other = 0x9AE16A3B2F90404FU;
  for (const char& c : text) {
    other = fnv1a({&c, 1}, other);
    other ^= other >> 29U;
  }
  return fmt::format("{:016x}{:016x}", fnv1a(text), other);
}

std::string spo_key(const Fact& fact) { return digest(spo_text(fact)); }

std::string fact_key(const Fact& fact) {
  return digest(spo_text(fact) + '\x1F' + to_uuid(fact.source.conversation) + '\x1F' +
                std::to_string(fact.source.sequence));
}

}  // namespace prot::memory
