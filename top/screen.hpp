#pragma once

#include <string>
#include <vector>

#include "top_view.hpp"

namespace prot::top {

/// The terminal (ncursesw inside). Restores it in the destructor, also on an exception. One per process.
class Screen {
 public:
  explicit Screen(bool colour);
  ~Screen();
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;

  void draw(const std::vector<Line>& lines, const std::string& footer);
  /// A key, or -1 after `milliseconds`, or when a signal came. Resizes are handled and reported as kResize.
  int key(int milliseconds);
  /// Asks for a line at the bottom.
  std::string ask(const std::string& question);
  [[nodiscard]] std::size_t width() const;
  [[nodiscard]] std::size_t height() const;

  static constexpr int kResize = -2;

 private:
  bool colour_;
};

}  // namespace prot::top
