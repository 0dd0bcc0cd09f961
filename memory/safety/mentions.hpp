#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace prot::memory {

/// Do these bytes of the text stand there as words of their own? At the beginning of a word; what follows a
/// Latin letter must not be one, or a digit ("Anna's", "Anna는", but not "Annabel"); Hangul may go on, since
/// it may be a particle.
[[nodiscard]] bool stands_alone(std::string_view text, std::size_t at, std::size_t size) noexcept;

/// Does a text mention this name, somewhere as words of its own? Both as normalized_name() gives them. False
/// for an empty name.
[[nodiscard]] bool mentions(std::string_view text, std::string_view name) noexcept;

}  // namespace prot::memory
