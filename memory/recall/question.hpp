#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"

/// A question as recall looks for it.
namespace prot::memory {

/// A term of a question. `added`: not the question's own, but related to what it says.
struct QueryTerm {
  std::string text;
  double weight = 1.0;
  bool added = false;
};

/// From `begin` on, before `end`; wall time, UTC days.
struct TimeSpan {
  Nanos begin;
  Nanos end;
};

struct Query {
  std::vector<QueryTerm> words;    // each once, as terms_of makes them
  std::vector<QueryTerm> grams;    // each once
  std::vector<std::string> names;  // words as they are spelled, to be compared with speakers' names
  bool asks_when = false;
  bool asks_number = false;  // how many, how much, how old
  bool of_self = false;      // about the person who asks
};

/// `speakers`: names, as in Query::names; who is meant is looked for by who speaks, hardly by the word.
[[nodiscard]] Query query_of(std::string_view text, const std::vector<std::string>& speakers = {});

/// The times that a question names ("in March", "on 5 May 2023", "yesterday", "지난주", "3월"), between
/// `oldest` and `newest`; relative ones count from `newest`.
[[nodiscard]] std::vector<TimeSpan> times_in(std::string_view text, Nanos oldest, Nanos newest);

}  // namespace prot::memory
