#pragma once

#include <string>
#include <string_view>

/// A text as it is read by whom it is to deceive.
namespace prot::memory {

/// As a database can keep it: UTF-8, without NUL.
[[nodiscard]] std::string storable_text(std::string_view text);

/// Takes no room and shows nothing: controls, joiners, direction marks, fillers, tags.
[[nodiscard]] bool is_invisible(char32_t c) noexcept;
/// Without what is invisible; controls are spaces.
[[nodiscard]] std::string visible(std::string_view text);

/// In small letters without accents, the letters of Korean syllables that stand apart put together: "Ìgnóre"
/// is "ignore", "ㅁㅜㅅㅣㅎㅐ" is "무시해".
[[nodiscard]] std::string plain_letters(std::string_view text);
/// Letters and digits alone, side by side: "ig-nore all" is "ignoreall". Of plain_letters().
[[nodiscard]] std::string closed_letters(std::string_view plain);
/// The order to forget what the model was told, whatever stands between its letters, in languages that models
/// obey. Of closed_letters().
[[nodiscard]] bool has_closed_phrase(std::string_view closed);

}  // namespace prot::memory
