#include "knowledge/names.hpp"

#include <algorithm>
#include <array>
#include <map>

#include "knowledge/facts.hpp"
#include "text/normalize.hpp"
#include "text/utf8.hpp"
#include "wire/names.hpp"

namespace prot::memory {
namespace {

constexpr std::size_t kShortestName = 2;  // characters: less is no help
constexpr std::size_t kMostWords = 4;     // more are a sentence

// A letter that has two forms, and is the large one.
bool has_capital(std::string_view text) {
  const std::string_view first = text.substr(0, utf8::decode(text).length);
  return text::normalize_nfc(first) != text::normalize_nfkc_casefold(first);
}

// Letters of scripts that have no large ones: there the kind of an entity must say that it is a name.
bool has_no_case(std::string_view text) { return text::is_cjk(utf8::decode(text).code_point); }

bool is_fit(std::string_view text) {
  const std::size_t size = text::count_code_points(text);
  if (size < kShortestName || size > wire::kLongestName) return false;
  if (static_cast<std::size_t>(std::count(text.begin(), text.end(), ' ')) >= kMostWords) return false;
  return std::none_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) < ' ' || c == '\x7F' ||
           std::string_view("\"{}[]<>\\=,;").find(c) != std::string_view::npos;
  });
}

bool names_something(std::string_view type) noexcept {
  constexpr std::array kTypes = std::to_array<std::string_view>({"person", "place", "organization"});
  return std::find(kTypes.begin(), kTypes.end(), type) != kTypes.end();
}

/// The name that an end of a fact has; empty: it is none.
class Spelling {
 public:
  explicit Spelling(std::span<const KnownEntity> entities) {
    for (const KnownEntity& entity : entities) {
      by_alias_[normalized_name(entity.name)] = &entity;
      for (const std::string& alias : entity.aliases) by_alias_.try_emplace(alias, &entity);
    }
  }
  [[nodiscard]] std::string of(const std::string& end) const {
    const auto known = by_alias_.find(normalized_name(end));
    const std::string name = text::normalize_nfc(known == by_alias_.end() ? end : known->second->name);
    if (!is_fit(name)) return {};
    const bool typed = known != by_alias_.end() && names_something(known->second->type);
    return has_capital(name) || (typed && has_no_case(name)) ? name : std::string();
  }

 private:
  std::map<std::string, const KnownEntity*> by_alias_;
};

}  // namespace

std::vector<std::string> names_of(std::span<const Fact> facts, std::span<const KnownEntity> entities) {
  struct Seen {
    std::string name;
    int facts = 0;
    Nanos newest = 0;
  };
  const Spelling spelling(entities);
  std::map<std::string, Seen> seen;
  for (const Fact& fact : facts) {
    if (fact.status != FactStatus::kActive) continue;
    for (const std::string* end : {&fact.subject, &fact.object}) {
      std::string name = spelling.of(*end);
      if (name.empty()) continue;
      Seen& one = seen[normalized_name(name)];
      if (one.facts++ == 0 || fact.valid_from >= one.newest) one.name = std::move(name);
      one.newest = std::max(one.newest, fact.valid_from);
    }
  }
  std::vector<Seen> all;
  all.reserve(seen.size());
  for (auto& [normal, one] : seen) all.push_back(std::move(one));
  std::stable_sort(all.begin(), all.end(), [](const Seen& a, const Seen& b) {
    return a.facts != b.facts ? a.facts > b.facts : a.newest > b.newest;
  });
  if (all.size() > wire::kMostNames) all.resize(wire::kMostNames);
  std::vector<std::string> names;
  names.reserve(all.size());
  for (Seen& one : all) names.push_back(std::move(one.name));
  return names;
}

}  // namespace prot::memory
