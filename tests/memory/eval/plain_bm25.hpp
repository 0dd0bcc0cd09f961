#pragma once

#include <map>
#include <string>
#include <vector>

#include "tests/memory/eval/memory_path.hpp"

namespace prot::eval {

/// The baseline: BM25 (k1 1.2, b 0.75) over turns alone, "speaker: text" each, with prot's stop words and
/// stems, its dates in the block, and nothing else of it.
class PlainBm25 {
 public:
  void take(const Message& message);
  void take(const Facts&) {}
  void take(const Forget& forget) {
    std::erase_if(turns_, [&](const Turn& turn) { return turn.message.id == forget.id; });
  }
  Findings ask(const Question& question, std::size_t k, std::size_t tokens) const;

 private:
  struct Turn {
    Message message;
    std::map<std::string, int> words;
    int length;
  };
  [[nodiscard]] std::vector<const Turn*> ranked(const std::string& text) const;

  std::vector<Turn> turns_;
};

}  // namespace prot::eval
