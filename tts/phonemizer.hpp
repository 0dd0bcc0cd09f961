#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/unique_fd.hpp"

namespace prot::tts {

/// Text -> phonemes (IPA) by the program espeak-ng (GPL-3, so never linked). The next process is started
/// ahead and waits for its text, so that its start-up costs no time when there is something to say. Not
/// thread-safe; blocks for some milliseconds.
class Phonemizer {
 public:
  /// `voice`: espeak-ng's name, e.g. "en-us".
  explicit Phonemizer(std::string voice);
  ~Phonemizer();
  Phonemizer(const Phonemizer&) = delete;
  Phonemizer& operator=(const Phonemizer&) = delete;

  /// Starts the first process. Throws Error when the program is missing.
  void start();
  /// The phonemes of each clause (one line each, without punctuation marks). Throws Error.
  [[nodiscard]] std::vector<std::string> phonemes(const std::vector<std::string>& clauses);

 private:
  struct Process {
    pid_t pid = -1;
    UniqueFd input;
    UniqueFd output;
  };
  [[nodiscard]] Process spawn() const;
  [[nodiscard]] std::string talk(const std::string& text);
  static void end(Process& process) noexcept;

  std::string voice_;
  Process waiting_;
};

}  // namespace prot::tts
