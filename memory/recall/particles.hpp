#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

/// Korean particles and endings behind nouns and names: the one list of them.
namespace prot::memory {

/// After which sound one stands.
enum class After : std::uint8_t { kAny, kConsonant, kVowel, kVowelOrL };
/// Whether a name may end so all the same: it may; no person's; none.
enum class Sure : std::uint8_t { kNo, kPerson, kAlways };

struct Particle {
  std::string_view text;
  After after = After::kAny;
  Sure sure = Sure::kNo;
  bool of_words = false;  // taken off when words are indexed, whatever stands before it
};

// clang-format off
inline constexpr std::array kParticles = std::to_array<Particle>({
    {"은", After::kConsonant, Sure::kNo, true},
    {"는", After::kVowel, Sure::kAlways, true},
    {"이", After::kConsonant, Sure::kPerson, true},
    {"가", After::kVowel, Sure::kPerson, true},
    {"을", After::kConsonant, Sure::kAlways, true},
    {"를", After::kVowel, Sure::kAlways, true},
    {"과", After::kConsonant, Sure::kPerson, true},
    {"와", After::kVowel, Sure::kPerson, true},
    {"으로", After::kConsonant, Sure::kAlways, true},
    {"로", After::kVowelOrL, Sure::kNo, true},
    {"이랑", After::kConsonant, Sure::kAlways, true},
    {"랑", After::kVowel, Sure::kNo, true},
    {"이나", After::kConsonant},
    {"에", After::kAny, Sure::kPerson, true},
    {"의", After::kAny, Sure::kPerson, true},
    {"도", After::kAny, Sure::kNo, true},
    {"만", After::kAny, Sure::kNo, true},
    {"께", After::kAny, Sure::kPerson},
    {"에서", After::kAny, Sure::kAlways, true},
    {"에게", After::kAny, Sure::kAlways, true},
    {"한테", After::kAny, Sure::kAlways, true},
    {"께서", After::kAny, Sure::kAlways},
    {"에는", After::kAny, Sure::kAlways},
    {"에도", After::kAny, Sure::kAlways},
    {"에서는", After::kAny, Sure::kAlways, true},
    {"에서도", After::kAny, Sure::kAlways},
    {"에게는", After::kAny, Sure::kAlways},
    {"에게도", After::kAny, Sure::kAlways},
    {"에게서", After::kAny, Sure::kAlways, true},
    {"한테는", After::kAny, Sure::kAlways},
    {"한테도", After::kAny, Sure::kAlways},
    {"한테서", After::kAny, Sure::kAlways, true},
    {"께서는", After::kAny, Sure::kAlways},
    {"까지", After::kAny, Sure::kAlways, true},
    {"까지는", After::kAny, Sure::kAlways},
    {"까지도", After::kAny, Sure::kAlways},
    {"부터", After::kAny, Sure::kAlways, true},
    {"부터는", After::kAny, Sure::kAlways},
    {"처럼", After::kAny, Sure::kAlways, true},
    {"보다", After::kAny, Sure::kAlways, true},
    {"보다는", After::kAny, Sure::kAlways},
    {"하고", After::kAny, Sure::kAlways, true},
    {"하고는", After::kAny, Sure::kAlways},
    {"마저", After::kAny, Sure::kAlways},
    {"조차", After::kAny, Sure::kAlways},
    {"밖에", After::kAny, Sure::kAlways},
    {"만은", After::kAny, Sure::kAlways},
    {"만큼", After::kAny, Sure::kAlways},
    {"이라고", After::kConsonant, Sure::kAlways, true},
    {"라고", After::kVowel, Sure::kAlways, true},
    {"이라는", After::kConsonant, Sure::kAlways},
    {"라는", After::kVowel, Sure::kAlways},
    {"이에요", After::kConsonant, Sure::kAlways, true},
    {"예요", After::kVowel, Sure::kAlways, true},
    {"이예요", After::kConsonant, Sure::kAlways},
    {"에요", After::kAny, Sure::kAlways},
    {"이야", After::kConsonant, Sure::kNo, true},
    {"야", After::kVowel, Sure::kNo, true},
    {"입니다", After::kAny, Sure::kAlways, true},
    {"이고", After::kConsonant},
    {"이며", After::kConsonant},
    {"으로는", After::kConsonant, Sure::kAlways},
    {"로는", After::kVowelOrL, Sure::kAlways},
    {"으로부터", After::kConsonant, Sure::kAlways},
    {"로부터", After::kVowelOrL, Sure::kAlways},
    {"과는", After::kConsonant, Sure::kAlways},
    {"와는", After::kVowel, Sure::kAlways},
    {"이랑은", After::kConsonant, Sure::kAlways},
    {"랑은", After::kVowel, Sure::kAlways},
    {"에서의", After::kAny, Sure::kAlways},
    {"에서만", After::kAny, Sure::kAlways}});
// clang-format on

/// Those of words, longest first: only one is taken off.
inline constexpr auto kWordParticles = [] {
  constexpr auto kCount = static_cast<std::size_t>(
      std::count_if(kParticles.begin(), kParticles.end(), [](const Particle& one) { return one.of_words; }));
  std::array<std::string_view, kCount> texts{};
  std::size_t at = 0;
  for (const Particle& one : kParticles)
    if (one.of_words) texts[at++] = one.text;
  std::sort(texts.begin(), texts.end(),
            [](std::string_view a, std::string_view b) { return a.size() > b.size(); });
  return texts;
}();

}  // namespace prot::memory
