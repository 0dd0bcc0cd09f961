#pragma once

#include <string>
#include <string_view>

#include "memory_records.hpp"

/// What the model is asked about an exchange, and what is believed of its answer.
namespace prot::memory {

/// Short, since a local model reads some 77 tokens a second; byte-stable, so that it is read once.
[[nodiscard]] std::string_view extraction_instructions() noexcept;
/// The exchange of a job: what the user said, with the replies around it as context.
[[nodiscard]] std::string extraction_question(const Job& job);
/// JSON schema of the answer: entities [{name, type, description}], facts [{subject, predicate, object,
/// statement}], all bounded.
[[nodiscard]] std::string_view extraction_schema() noexcept;

/// False: the user only asked, or said next to nothing; the answer is known to be empty.
[[nodiscard]] bool worth_asking(const Job& job);
inline constexpr std::string_view kEmptyAnswer = R"({"entities":[],"facts":[]})";

/// Believes of an answer what the user's own words bear out: a fact whose object is not in what the user said
/// is dropped, so nothing that only the assistant said becomes a fact. Throws Error when it is not the JSON
/// that was asked for.
[[nodiscard]] Extraction parse_answer(std::string_view answer, const Job& job);

}  // namespace prot::memory
