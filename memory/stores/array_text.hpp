#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace prot::memory::pg {

/// An array as a parameter, in PostgreSQL's text form: {"a",...}. Plain value.
class ArrayText {
 public:
  void add(std::string_view text) {
    next() += '"';
    for (const char c : text) text_.append(c == '"' || c == '\\' ? 1 : 0, '\\') += c;
    text_ += '"';
  }
  void add_number(std::int64_t number) { next() += std::to_string(number); }
  void add_flag(bool flag) { next() += flag ? 't' : 'f'; }
  [[nodiscard]] bool empty() const noexcept { return text_.size() == 1; }
  [[nodiscard]] std::string str() const { return text_ + "}"; }

 private:
  std::string& next() {
    if (!empty()) text_ += ',';
    return text_;
  }

  std::string text_ = "{";
};

}  // namespace prot::memory::pg
