#pragma once

#include <string>
#include <string_view>

#include "recall/memory_records.hpp"

/// What makes two facts the same, or one the successor of the other.
namespace prot::memory {

/// By which rules facts are written: how a predicate is spelled, what a key is made of. Whoever changes them
/// counts this up, and facts that a database has are written anew at the next start.
inline constexpr int kFactRules = 1;

/// 32 hexadecimal digits of what a fact says: subject, predicate, object, normalised.
[[nodiscard]] std::string spo_key(const Fact& fact);
/// The same with the message that says it: applying one exchange twice gives the same keys.
[[nodiscard]] std::string fact_key(const Fact& fact);

/// 32 hexadecimal digits of a text: an identity, not a defence against forged input.
[[nodiscard]] std::string digest(std::string_view text);

/// What its parts say, in their words: "user lives in Busan".
[[nodiscard]] std::string plain_statement(const Fact& fact);
/// The statement of a fact that no other wording could be believed of: the user's own words.
[[nodiscard]] std::string quoting_statement(std::string_view said);
[[nodiscard]] bool is_quoting(std::string_view statement) noexcept;
/// Its statement when `gone` is to be known no more: the plain one, when the other has words that only `gone`
/// says, and neither its own parts nor `left`, what bears it out still.
[[nodiscard]] std::string statement_without(const Fact& fact, std::string_view gone, std::string_view left);

/// An entity's name as it is compared: NFKC, case-folded, single spaces.
[[nodiscard]] std::string normalized_name(std::string_view name);
/// "user" for whatever a model calls the user; others as they are.
[[nodiscard]] std::string canonical_subject(std::string_view subject);
/// 32 hexadecimal digits of a name that was forgotten. `alias`: normalised.
[[nodiscard]] std::string name_key(std::string_view alias);
/// One spelling for a predicate: lower case, "_" between words, without filler: "Has favourite colour" and
/// "favorite_color" are one.
[[nodiscard]] std::string canonical_predicate(std::string_view predicate);
/// Only one object at a time is true of it ("lives_in", "favorite_color"): a newer one ends the older.
[[nodiscard]] bool is_functional(std::string_view canonical_predicate) noexcept;

}  // namespace prot::memory
