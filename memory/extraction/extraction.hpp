#pragma once

#include <string>
#include <string_view>

#include "recall/memory_records.hpp"

/// What the model is asked about the exchanges of a job, and what is believed of its answer.
namespace prot::memory {

/// Short, since a local model reads some 77 tokens a second; byte-stable, so that it is read once.
[[nodiscard]] std::string_view extraction_instructions() noexcept;
/// What the user said, each turn once, a short one with the reply that it answers; before it the known
/// entities that may be meant, by number.
[[nodiscard]] std::string extraction_question(const Job& job);
/// The question once more, after an answer that could not be used, and why.
[[nodiscard]] std::string repair_question(const Job& job, std::string_view problem);
/// JSON schema of the answer: entities [{name, type, description}], facts [{subject, predicate, object,
/// statement}], all bounded, four of each for one exchange. `offered`: an entity may have "known", the number
/// of the one it is.
[[nodiscard]] std::string extraction_schema(bool offered = false, int exchanges = 1);

/// False: the user only asked, or said next to nothing; the answer is known to be empty.
[[nodiscard]] bool worth_asking(const Job& job);
inline constexpr std::string_view kEmptyAnswer = R"({"entities":[],"facts":[]})";

/// The answer as the store can keep it: UTF-8 without NUL. Throws Error when it is beyond all measure.
[[nodiscard]] std::string storable_answer(std::string_view answer);

/// Believes of an answer what the user's own words bear out: a fact whose object is not in what the user said
/// is dropped, so nothing that only the assistant said becomes a fact. Relative dates become dates,
/// instructions and credentials are quarantined, at most kFactsOfTurn come from one turn. Takes the JSON of
/// the schema, and the original's "relationships" [{source, target, type, description}] in place of facts, in
/// a code fence or among sentences. Throws Error when it is none of these.
[[nodiscard]] Extraction parse_answer(std::string_view answer, const Job& job);
inline constexpr std::size_t kFactsOfTurn = 20;

/// The JSON object of an answer, without the code fence or the sentences around it; all of it where there is
/// none.
[[nodiscard]] std::string_view object_in(std::string_view answer) noexcept;

/// How many entities are offered at most.
inline constexpr std::size_t kMaxOffered = 6;
/// What the user said in a job's exchanges, put together: where names of its facts come from.
[[nodiscard]] std::string said_in(const Job& job);

}  // namespace prot::memory
