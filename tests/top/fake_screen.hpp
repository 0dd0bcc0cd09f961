#pragma once

#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "busy_snapshot.hpp"
#include "live.hpp"
#include "screen.hpp"
#include "text/utf8.hpp"

namespace prot::top::test {

/// A terminal of any size whose keys and time a test gives. Ends the live screen when the keys are used up.
class FakeScreen final : public Screen {
 public:
  FakeScreen(FakeClock& clock, std::size_t columns, std::size_t rows)
      : clock_(&clock), columns_(columns), rows_(rows) {}

  void draw(const Picture& picture) override { pictures.push_back(picture); }
  int key(int milliseconds) override {
    if (steps_.empty()) return kKeyQuit;
    const auto step = std::move(steps_.front());
    steps_.pop_front();
    const int key = step();
    if (key == kKeyNone) clock_->advance(milliseconds * kMillisecond);
    return key;
  }
  [[nodiscard]] std::size_t width() const override { return columns_; }
  [[nodiscard]] std::size_t height() const override { return rows_; }

  void press(int key) {
    steps_.push_back([key] { return key; });
  }
  void type(std::string_view text) {
    for (const char c : text) press(c);
  }
  /// Nothing is pressed until the next sample.
  void wait() { press(kKeyNone); }
  void resize(std::size_t columns, std::size_t rows) {
    steps_.push_back([this, columns, rows] {
      columns_ = columns;
      rows_ = rows;
      return static_cast<int>(kKeyResize);
    });
  }
  void then(std::function<void()> what) {
    steps_.push_back([what = std::move(what)] {
      what();
      return static_cast<int>(kKeyResize);
    });
  }

  /// The newest picture as text, trailing blanks cut.
  [[nodiscard]] std::string text() const { return text(pictures.size() - 1); }
  [[nodiscard]] std::string text(std::size_t index) const {
    std::string all;
    for (const Line& line : pictures.at(index)) {
      std::string text = line.text;
      while (!text.empty() && text.back() == ' ') text.pop_back();
      all += text + "\n";
    }
    return all;
  }
  [[nodiscard]] const Line* line_with(std::string_view part) const {
    for (const Line& line : pictures.back())
      if (line.text.find(part) != std::string::npos) return &line;
    return nullptr;
  }

  std::vector<Picture> pictures;

 private:
  FakeClock* clock_;
  std::size_t columns_;
  std::size_t rows_;
  std::deque<std::function<int()>> steps_;
};

/// Snapshots that a test made.
class FakeSource final : public Source {
 public:
  Snapshot read() override {
    ++reads;
    return snapshot;
  }
  void clear() override { ++clears; }

  Snapshot snapshot;
  int reads = 0;
  int clears = 0;
};

}  // namespace prot::top::test
