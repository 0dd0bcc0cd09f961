#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "wire/speech_out.hpp"

namespace prot::tts {

class Pronunciations;

/// A text as it is to be read aloud, with the way back: "It is 3.14" is read "It is three point one four".
/// A value. Invariants: the pieces adjoin in order and cover both texts; `text` is UTF-8; a byte of a copied
/// piece stands for the same byte of the source.
struct SpokenForm {
  /// Ends of a piece; it begins where the one before it ends.
  struct Piece {
    std::size_t source_end = 0;
    std::size_t spoken_end = 0;
    bool copied = false;
  };
  std::string text;
  std::vector<Piece> pieces;

  /// The end of the last word of `source` that is wholly said with the first `spoken` bytes of `text`; 0:
  /// none.
  [[nodiscard]] std::size_t source_at(std::string_view source, std::size_t spoken) const;
  /// A voice's alignment, which is about `text`, as one about `source`: one point at the end of each word
  /// that ends behind `after`. Rising.
  [[nodiscard]] std::vector<wire::AlignPoint> to_source(std::string_view source,
                                                        std::span<const wire::AlignPoint> points,
                                                        std::size_t after) const;
};

/// Numbers, dates, times, money, units, telephone numbers and marks in words of `language` ("ko", else
/// English), and what the person's file of pronunciations says. What is not known stays as it is; bytes that
/// are not UTF-8 are left out.
[[nodiscard]] SpokenForm spoken_form(std::string_view text, std::string_view language,
                                     const Pronunciations& pronunciations);

/// What stands at a place of a text: how many bytes of it are read otherwise, and how. 0 bytes: nothing.
struct Reading {
  std::size_t bytes = 0;
  std::string spoken;
  explicit operator bool() const noexcept { return bytes > 0; }
};

/// The rules of a language at one place: `before` and `rest` are the text on either side of it.
/// REQUIRES: !rest.empty()
[[nodiscard]] Reading read_english(std::string_view before, std::string_view rest);
[[nodiscard]] Reading read_korean(std::string_view before, std::string_view rest);

}  // namespace prot::tts
