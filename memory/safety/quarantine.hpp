#pragma once

#include <string_view>

#include "recall/memory_records.hpp"

/// What must not reach the language model as a memory before a person has confirmed it. A memory is data, but
/// a model may take an instruction in it for one of its user's, whoever wrote it.
namespace prot::memory {

enum class Suspicion { kNone, kInstruction, kCredential, kMarkup, kLink, kOrigin };
/// "" for kNone.
[[nodiscard]] const char* to_string(Suspicion suspicion) noexcept;

/// kInstruction: it tells the assistant what to do, in Korean or English, now or when something is asked.
/// kCredential: a password, key, card or identity number. kMarkup: roles or delimiters of prompts, letters of
/// two scripts in one word. kLink: an address to open.
[[nodiscard]] Suspicion suspicion_of(std::string_view text);

/// Of all its parts, and of where it comes from: only the user's own words count at once.
[[nodiscard]] Suspicion suspicion_of(const Fact& fact);
/// Sets status and reason when there is one.
void screen(Fact& fact);

}  // namespace prot::memory
