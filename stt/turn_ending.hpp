#pragma once

#include <string_view>

#include "wire/pause_words.hpp"

namespace prot::stt {

/// Do these words end a turn? By the last word (articles, prepositions, connective endings), by a clause that
/// waits for its main clause, by a question or a Korean final ending. English and Korean; of a recogniser's
/// marks only "?", "," and "..." are believed: it ends everything with a point.
[[nodiscard]] wire::Ending ending_of(std::string_view text);

}  // namespace prot::stt
