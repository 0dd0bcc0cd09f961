#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace prot::text {

/// NFKC with case folding: the form in which two texts are compared or indexed.
/// Bytes that are not UTF-8 become U+FFFD first.
[[nodiscard]] std::string normalize_nfkc_casefold(std::string_view text);
/// The same without accents, by which letters only look different: "Ìgnóre" as "ignore".
[[nodiscard]] std::string without_accents(std::string_view text);
/// In lower case, where that takes as many bytes: what is found in it stands at the same place in the text.
[[nodiscard]] std::string lowered_in_place(std::string_view text);
/// NFC: the form in which text is stored and shown.
[[nodiscard]] std::string normalize_nfc(std::string_view text);

/// Tokens that a language model will count, about: ASCII characters / 4 rounded up, 1 for each Hangul,
/// CJK or emoji code point, 1/2 for each other one, rounded up.
[[nodiscard]] std::size_t estimate_tokens(std::string_view text) noexcept;

/// The words of a text as they are compared: NFKC case-folded, without punctuation, English numbers from
/// zero to one hundred as digits ("twenty-one" -> "21"), "%" as "percent", contractions without apostrophe.
[[nodiscard]] std::vector<std::string> words(std::string_view text);

/// Word errors (substituted, missing, extra) divided by the words of `reference`. 0 when both are empty,
/// 1 when only the reference is. May be above 1.
[[nodiscard]] double word_error_rate(std::string_view reference, std::string_view hypothesis);
/// The same by code points of the joined words: for Korean, where spacing varies.
[[nodiscard]] double character_error_rate(std::string_view reference, std::string_view hypothesis);

}  // namespace prot::text
