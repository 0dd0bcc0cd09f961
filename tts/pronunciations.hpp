#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "spoken_form.hpp"

namespace prot::tts {

/// How the person wants words to be said: a UTF-8 file of lines "written = spoken". "[en]" and "[ko]" begin
/// the lines of one language, "[all]" (as the file does) those of both; "#" begins a comment line. The
/// longest entry that fits wins. An entry stands for whole words; in Korean text a particle or more may
/// follow it. Lower case stands for any. Immutable after load, so any thread may read it.
class Pronunciations {
 public:
  /// Reads a file. What is wrong with it goes to `problems`, a line each ("FILE:3: ..."), and is left out.
  static Pronunciations load(const std::string& path, std::vector<std::string>& problems);
  /// The same of a text; `name` stands for it in problems.
  static Pronunciations parse(std::string_view text, std::string_view name,
                              std::vector<std::string>& problems);

  /// The longest entry that stands between `before` and what follows it in `rest`.
  [[nodiscard]] Reading find(std::string_view before, std::string_view rest, bool korean) const;
  [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }

 private:
  enum class Language { kAll, kEnglish, kKorean };
  struct Entry {
    std::string written;
    std::string spoken;
    Language language = Language::kAll;
    bool any_case = false;
  };
  [[nodiscard]] static bool fits(const Entry& entry, std::string_view before, std::string_view rest,
                                 bool korean);
  std::vector<Entry> entries_;  // longest first
};

}  // namespace prot::tts
