#pragma once

#include <string>
#include <string_view>
#include <vector>

/// What recall knows of everyday words.
namespace prot::memory {

/// The plain form of an irregular English word, else the word: "went" -> "go", "children" -> "child".
[[nodiscard]] std::string_view plain_form(std::string_view word);

/// Words that people use for about the same, as they are searched for (stems; Hangul without particle):
/// "job" -> "work", "career", ... None for a word of its own.
[[nodiscard]] const std::vector<std::string>& related_words(const std::string& stem);

/// The word tells when: "yesterday", "weekend", "march", "지난주". As text::words spells it.
[[nodiscard]] bool tells_time(std::string_view word);

}  // namespace prot::memory
