#include "knowledge/name_particles.hpp"

#include <algorithm>
#include <array>

#include "base/utf8.hpp"
#include "text/utf8.hpp"

namespace prot::memory {
namespace {

constexpr std::array kAddresses = std::to_array<Particle>({{" 씨", After::kAny, Sure::kAlways},
                                                           {"씨", After::kAny, Sure::kAlways},
                                                           {" 님", After::kAny, Sure::kAlways},
                                                           {"님", After::kAny, Sure::kAlways},
                                                           {"네", After::kAny},
                                                           {" 군", After::kAny, Sure::kAlways},
                                                           {" 양", After::kAny, Sure::kAlways},
                                                           {"아", After::kConsonant},
                                                           {"야", After::kVowel},
                                                           {"이", After::kConsonant}});

constexpr char32_t kFirstSyllable = 0xAC00;
constexpr char32_t kLastSyllable = 0xD7A3;
constexpr std::size_t kLeast = 2;  // code points that remain

char32_t last_code_point(std::string_view text) noexcept {
  std::size_t at = text.size();
  while (at > 0) {
    --at;
    if ((static_cast<unsigned char>(text[at]) & 0xC0U) != 0x80U) break;
  }
  return text.empty() ? 0 : utf8::decode(text.substr(at)).code_point;
}

bool is_syllable(char32_t c) noexcept { return c >= kFirstSyllable && c <= kLastSyllable; }
/// Of the 28 finals: 0 none, 8 ㄹ.
int final_of(char32_t syllable) noexcept { return static_cast<int>((syllable - kFirstSyllable) % 28); }

bool may_follow(std::string_view stem, After after) noexcept {
  const char32_t last = last_code_point(stem);
  if (!is_syllable(last)) return true;  // "Anna는", "Netflix로": how it is spoken is not known
  const int final = final_of(last);
  switch (after) {
    case After::kAny:
      return true;
    case After::kConsonant:
      return final != 0;
    case After::kVowel:
      return final == 0;
    case After::kVowelOrL:
      return final == 0 || final == 8;
  }
  return true;
}

}  // namespace

bool ends_in_consonant(std::string_view text) noexcept {
  const char32_t last = last_code_point(text);
  return is_syllable(last) && final_of(last) != 0;
}

std::vector<Stripped> without_particles(std::string_view name) {
  std::vector<Stripped> found;
  for (const Particle& ending : kParticles) {
    if (!name.ends_with(ending.text)) continue;
    const std::string_view stem = name.substr(0, name.size() - ending.text.size());
    if (stem.ends_with(' ') || text::count_code_points(stem) < kLeast || !may_follow(stem, ending.after))
      continue;
    // Behind a letter of another script it cannot belong to the name.
    const bool foreign = !is_syllable(last_code_point(stem));
    found.push_back({std::string(stem), foreign ? Sure::kAlways : ending.sure});
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const Stripped& a, const Stripped& b) { return a.name.size() > b.name.size(); });
  return found;
}

std::string without_address(std::string_view name) {
  for (const Particle& ending : kAddresses) {
    if (!name.ends_with(ending.text)) continue;
    const std::string_view stem = name.substr(0, name.size() - ending.text.size());
    if (is_syllable(last_code_point(stem)) && text::count_code_points(stem) >= kLeast &&
        may_follow(stem, ending.after))
      return std::string(stem);
  }
  return {};
}

}  // namespace prot::memory
