#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "recall/particles.hpp"

/// What Korean puts behind a name.
namespace prot::memory {

/// A name without one of its endings.
struct Stripped {
  std::string name;
  Sure sure = Sure::kNo;
};
/// Every ending that may be one: a particle whose form fits the sound before it, and two syllables remain.
/// The longest remainder first. Of a normalised name.
[[nodiscard]] std::vector<Stripped> without_particles(std::string_view name);
/// A person's name without address or call ("민수씨", "민수야", "하은이"); empty: it has none.
[[nodiscard]] std::string without_address(std::string_view name);

/// The syllable at the end has a final consonant. False for what is no Hangul.
[[nodiscard]] bool ends_in_consonant(std::string_view text) noexcept;

}  // namespace prot::memory
