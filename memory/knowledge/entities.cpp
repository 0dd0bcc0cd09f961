#include "knowledge/entities.hpp"

#include <algorithm>
#include <array>
#include <set>

#include "base/utf8.hpp"
#include "knowledge/facts.hpp"
#include "knowledge/name_particles.hpp"
#include "text/normalize.hpp"
#include "text/utf8.hpp"

namespace prot::memory {
namespace {

constexpr std::size_t kLongEnough = 8;  // code points; shorter names that differ in a letter are two names
constexpr double kNearlySame = 0.8;     // share of the trigrams of both
constexpr double kMayBeSame = 0.6;      // where the model says so, too

constexpr std::array kFamilyNames =
    std::to_array<std::string_view>({"김", "박", "최", "황", "권", "홍", "곽", "엄"});
constexpr std::array kBefore =
    std::to_array<std::string_view>({"the ", "my ", "our ", "a ", "an ", "우리 ", "내 ", "제 "});
constexpr std::array kBehind = std::to_array<std::string_view>({"'s", "\u2019s", "'", "\u2019"});

bool is_person(std::string_view type) { return type == "person" || type.empty(); }

/// A place may be called an organisation and the reverse; a thing or a concept may be anything.
bool compatible(std::string_view a, std::string_view b) {
  const auto kind = [](std::string_view type) {
    if (type == "person") return 1;
    if (type == "place" || type == "organization") return 2;
    return type == "event" ? 3 : 0;
  };
  return kind(a) == 0 || kind(b) == 0 || kind(a) == kind(b);
}

std::string cleaned(std::string_view name) {
  std::string out = normalized_name(name);
  for (const std::string_view word : kBefore)
    if (out.starts_with(word) && out.size() > word.size()) {
      out.erase(0, word.size());
      break;
    }
  for (const std::string_view mark : kBehind)
    if (out.ends_with(mark) && out.size() > mark.size()) {
      out.resize(out.size() - mark.size());
      break;
    }
  return out;
}

std::string without_spaces(std::string_view text) {
  std::string out;
  for (const char c : text)
    if (c != ' ' && c != '-') out += c;
  return out;
}

/// In the text more of a word follows the name wherever it stands: "을지로" in "을지로에서".
bool goes_on(std::string_view said, std::string_view name) {
  bool any = false;
  for (std::size_t at = said.find(name); at != std::string_view::npos; at = said.find(name, at + 1)) {
    const std::string_view rest = said.substr(at + name.size());
    if (rest.empty() || !text::is_hangul(utf8::decode(rest).code_point)) return false;
    any = true;
  }
  return any;
}

/// Three syllables with a family name that hardly begins a first one: "김정은" is nobody called "김정".
bool has_family_name(std::string_view name) {
  return text::count_code_points(name) == 3 &&
         std::any_of(kFamilyNames.begin(), kFamilyNames.end(),
                     [&](std::string_view family) { return name.starts_with(family); });
}

std::set<std::string> trigrams(std::string_view text) {
  std::vector<std::string> points{" ", " "};
  while (!text.empty()) {
    const utf8::Decoded next = utf8::decode(text);
    points.emplace_back(text.substr(0, next.length));
    text.remove_prefix(next.length);
  }
  points.emplace_back(" ");
  std::set<std::string> grams;
  for (std::size_t i = 0; i + 3 <= points.size(); ++i)
    grams.insert(points[i] + points[i + 1] + points[i + 2]);
  return grams;
}

std::string digits(std::string_view text) {
  std::string out;
  for (const char c : text)
    if (c >= '0' && c <= '9') out += c;
  return out;
}

double alike(std::string_view a, std::string_view b) {
  if (digits(a) != digits(b)) return 0.0;  // "iPhone 14" is no "iPhone 15"
  const std::set<std::string> left = trigrams(a);
  const std::set<std::string> right = trigrams(b);
  const auto shared =
      std::count_if(left.begin(), left.end(), [&](const std::string& g) { return right.contains(g); });
  const std::size_t all = left.size() + right.size() - static_cast<std::size_t>(shared);
  return static_cast<double>(shared) / static_cast<double>(all);
}

bool is_hangul_text(std::string_view text) {
  return !text.empty() && text::is_hangul(utf8::decode(text).code_point);
}

/// One may be short for the other: a Korean name without its family name, a first name alone.
bool may_be_short_for(std::string_view shorter, std::string_view longer) {
  if (is_hangul_text(longer))
    return text::count_code_points(longer) == 3 && text::count_code_points(shorter) == 2 &&
           longer.ends_with(shorter);
  return shorter.size() >= 3 && longer.size() > shorter.size() && longer.starts_with(shorter) &&
         longer[shorter.size()] == ' ';
}

void append_new(std::vector<std::string>& list, std::string item) {
  if (!item.empty() && std::find(list.begin(), list.end(), item) == list.end())
    list.push_back(std::move(item));
}

}  // namespace

std::vector<std::string> name_forms(std::string_view name, std::string_view type, std::string_view said) {
  std::vector<std::string> forms;
  append_new(forms, cleaned(name));
  if (forms.empty()) return forms;
  const std::string text = text::normalize_nfkc_casefold(said);
  const bool full = is_person(type) && has_family_name(forms[0]);
  if (!goes_on(text, forms[0]))
    for (Stripped& stripped : without_particles(forms[0]))
      if (!full || stripped.sure != Sure::kNo) append_new(forms, std::move(stripped.name));
  if (is_person(type))
    for (std::size_t i = 0, most = forms.size(); i < most; ++i) append_new(forms, without_address(forms[i]));
  return forms;
}

bool may_be_called(std::string_view name, std::string_view type, const KnownEntity& known) {
  if (!compatible(type, known.type)) return false;
  const bool person = is_person(type) && is_person(known.type);
  const std::vector<std::string> forms = name_forms(name, type);
  return std::any_of(known.aliases.begin(), known.aliases.end(), [&](const std::string& alias) {
    return std::any_of(forms.begin(), forms.end(), [&](const std::string& form) {
      return alike(form, alias) >= kMayBeSame ||
             (person && (may_be_short_for(form, alias) || may_be_short_for(alias, form)));
    });
  });
}

std::string bare_name(std::string_view name, std::string_view type) {
  std::string bare = text::normalize_nfc(name);
  const Sure enough = type == "person" ? Sure::kPerson : Sure::kAlways;
  const std::vector<Stripped> stripped = without_particles(bare);
  // The longest ending: "카카오에서는" is no "카카오에서".
  const auto sure = std::find_if(stripped.rbegin(), stripped.rend(),
                                 [&](const Stripped& one) { return one.sure >= enough; });
  return sure == stripped.rend() ? bare : sure->name;
}

void EntityResolver::note(Table& table, std::string key, const Known& known) {
  const auto [place, fresh] = table.emplace(std::move(key), known);
  if (!fresh && place->second.id != known.id) place->second.id = 0;
}

void EntityResolver::add_alias(std::int64_t id, std::string_view type, std::string_view alias) {
  if (alias.empty()) return;
  const Known known{id, std::string(type)};
  if (!by_alias_.emplace(alias, known).second) return;
  note(by_closed_, without_spaces(alias), known);
  if (text::count_code_points(alias) < kLongEnough) return;
  for (const std::string& gram : trigrams(alias)) by_gram_[gram].emplace_back(alias);
}

void EntityResolver::add(const KnownEntity& entity) {
  add_alias(entity.id, entity.type, cleaned(entity.name));
  for (const std::string& alias : entity.aliases) add_alias(entity.id, entity.type, alias);
}

std::int64_t EntityResolver::find(const Table& table, std::string_view key, std::string_view type) {
  const auto found = table.find(key);
  return found != table.end() && compatible(type, found->second.type) ? found->second.id : 0;
}

std::int64_t EntityResolver::resolve(std::string_view name, std::string_view type,
                                     std::string_view said) const {
  const std::vector<std::string> forms = name_forms(name, type, said);
  if (forms.empty()) return 0;
  if (const auto exact = by_alias_.find(forms[0]); exact != by_alias_.end()) return exact->second.id;
  for (const std::string& form : forms)
    if (const std::int64_t id = find(by_alias_, form, type); id != 0) return id;
  for (const std::string& form : forms)
    if (const std::int64_t id = find(by_closed_, without_spaces(form), type); id != 0) return id;
  return nearly(forms[0], type);
}

std::int64_t EntityResolver::nearly(const std::string& form, std::string_view type) const {
  if (text::count_code_points(form) < kLongEnough) return 0;
  std::set<std::string> near;
  for (const std::string& gram : trigrams(form))
    if (const auto found = by_gram_.find(gram); found != by_gram_.end())
      near.insert(found->second.begin(), found->second.end());
  std::int64_t best = 0;
  double most = kNearlySame;
  for (const std::string& alias : near) {
    const double score = alike(form, alias);
    const std::int64_t id = score >= kNearlySame ? find(by_alias_, alias, type) : 0;
    if (id == 0 || id == best || score < most) continue;
    best = score > most || best == 0 ? id : 0;  // two that are as near: neither
    most = score;
  }
  return best;
}

std::vector<std::int64_t> EntityResolver::candidates(std::string_view text, std::size_t most) const {
  const std::string said = " " + text::normalize_nfkc_casefold(text);
  std::vector<std::string> words;
  for (const std::string& word : text::words(text))
    for (std::string& form : name_forms(word, "person")) append_new(words, std::move(form));
  std::vector<std::int64_t> named;
  std::vector<std::int64_t> meant;
  for (const auto& [alias, known] : by_alias_) {
    if (alias == "user") continue;
    const bool whole = alias.find(' ') != std::string::npos
                           ? said.find(" " + alias) != std::string::npos
                           : std::find(words.begin(), words.end(), alias) != words.end();
    const bool maybe = std::any_of(words.begin(), words.end(), [&a = alias](const std::string& word) {
      return may_be_short_for(word, a) || may_be_short_for(a, word);
    });
    std::vector<std::int64_t>& list = whole ? named : meant;
    if ((whole || maybe) && std::find(list.begin(), list.end(), known.id) == list.end())
      list.push_back(known.id);
  }
  for (const std::int64_t id : meant)
    if (std::find(named.begin(), named.end(), id) == named.end()) named.push_back(id);
  if (named.size() > most) named.resize(most);
  return named;
}

}  // namespace prot::memory
