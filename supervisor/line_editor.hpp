#pragma once

#include <memory>
#include <string>

namespace prot::supervisor {

/// Lines that a person types at a terminal, with editing and history. By libedit: the terminal's own line
/// discipline erases one column of a Hangul syllable, which has two, and knows no history.
/// The history is kept in a file of mode 0600; one that cannot be written costs only the history. One thread.
/// REQUIRES: a CtrlC lives.
class LineEditor {
 public:
  static constexpr int kMostKept = 1000;  // lines

  explicit LineEditor(std::string history_file);
  ~LineEditor();
  LineEditor(const LineEditor&) = delete;
  LineEditor& operator=(const LineEditor&) = delete;

  enum class Got { kLine, kEnd, kInterrupted };
  /// The next line, without its end; valid UTF-8.
  [[nodiscard]] Got read(std::string& line);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace prot::supervisor
