#pragma once

#include <string>
#include <string_view>

namespace prot::memory {

/// Does a text mention this name? Both as normalized_name() gives them. At the beginning of a word; what
/// follows a Latin name must not be a Latin letter or digit ("Anna's", "Anna는", but not "Annabel"), a Hangul
/// name may have a particle. False for an empty name.
[[nodiscard]] bool mentions(std::string_view text, std::string_view name) noexcept;

}  // namespace prot::memory
