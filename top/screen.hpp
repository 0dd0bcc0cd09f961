#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace prot::top {

enum class Style { kPlain, kTitle, kHeader, kActiveHeader, kGood, kWarn, kBad, kDim, kSelected };

struct Line {
  std::string text;  // printable; UTF-8 only where the terminal has it
  Style style = Style::kPlain;
};

using Picture = std::vector<Line>;

/// Keys that are no characters.
enum Key : int {
  kKeyNone = -1,    // nothing was pressed in time
  kKeyResize = -2,  // the size may be another
  kKeyQuit = -3,    // asked to end by a signal, or the terminal is gone
  kKeyEscape = 27,
  kKeyUp = 0x10000,
  kKeyDown,
  kKeyLeft,
  kKeyRight,
  kKeyPageUp,
  kKeyPageDown,
  kKeyHome,
  kKeyEnd,
  kKeyEnter,
  kKeyBackspace,
  kKeyBackTab,
  kKeyF1,
};

/// A terminal, or a test's. Not thread-safe.
class Screen {
 public:
  virtual ~Screen() = default;
  virtual void draw(const Picture& picture) = 0;
  /// A character, or a Key, after at most `milliseconds`.
  [[nodiscard]] virtual int key(int milliseconds) = 0;
  [[nodiscard]] virtual std::size_t width() const = 0;
  [[nodiscard]] virtual std::size_t height() const = 0;
};

}  // namespace prot::top
