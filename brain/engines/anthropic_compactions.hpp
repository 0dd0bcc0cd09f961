#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "language_model.hpp"

namespace prot::brain {

/// The summaries by which the service replaced the beginning of conversations. Each belongs to the question
/// that it was made for, and goes back before the answer to it for as long as that is in the history. At most
/// kMost, the newest. One thread.
class AnthropicCompactions {
 public:
  static constexpr std::size_t kMost = 8;

  /// Names the question at messages[index] by itself and what was said just before.
  [[nodiscard]] static std::string mark(const std::vector<Message>& messages, std::size_t index) {
    std::string out;
    for (std::size_t i = index < 2 ? 0 : index - 2; i <= index && i < messages.size(); ++i)
      out += static_cast<char>('0' + static_cast<int>(messages[i].role)) + messages[i].text + '\x1e';
    return out;
  }
  /// Index of the last question of the person; messages.size(): there is none.
  [[nodiscard]] static std::size_t last_question(const std::vector<Message>& messages) {
    for (std::size_t i = messages.size(); i > 0; --i)
      if (messages[i - 1].role == Role::kUser) return i - 1;
    return messages.size();
  }

  void keep(const std::string& mark, std::string block) {
    std::erase_if(known_, [&](const auto& one) { return one.first == mark; });
    known_.emplace_back(mark, std::move(block));
    if (known_.size() > kMost) known_.pop_front();
  }
  /// A block as JSON; empty: none.
  [[nodiscard]] std::string find(const std::string& mark) const {
    for (const auto& [name, block] : known_)
      if (name == mark) return block;
    return {};
  }

 private:
  std::deque<std::pair<std::string, std::string>> known_;
};

}  // namespace prot::brain
