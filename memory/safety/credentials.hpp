#pragma once

#include <string_view>

namespace prot::memory {

/// A secret stands in the text: what a password, code or number is, a key by its form, the number of a card
/// or of a person. `folded`: the same text, NFKC and case-folded. Naming a secret without telling it is none.
[[nodiscard]] bool has_credential(std::string_view folded, std::string_view text);

}  // namespace prot::memory
