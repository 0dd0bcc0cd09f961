#include "known_names.hpp"

#include <algorithm>

#include "text/normalize.hpp"
#include "text/utf8.hpp"

namespace prot::stt {
namespace {

constexpr std::size_t kMostInPrompt = 100;
constexpr std::size_t kLongestInPrompt = 40;

}  // namespace

std::vector<std::string> joined_terms(const std::vector<std::string>& configured,
                                      const std::vector<std::string>& known, std::size_t most,
                                      std::size_t longest) {
  std::vector<std::string> terms;
  for (const std::vector<std::string>* list : {&configured, &known}) {
    for (const std::string& term : *list) {
      if (term.empty() || text::count_code_points(term) > longest || terms.size() == most) continue;
      if (std::find(terms.begin(), terms.end(), term) == terms.end()) terms.push_back(term);
    }
  }
  return terms;
}

bool has_all(const std::vector<std::string>& terms, const std::vector<std::string>& wanted) {
  return std::all_of(wanted.begin(), wanted.end(), [&](const std::string& term) {
    return std::find(terms.begin(), terms.end(), term) != terms.end();
  });
}

std::string prompt_of(const std::vector<std::string>& configured, const std::vector<std::string>& known,
                      std::size_t max_tokens) {
  std::string prompt;
  for (const std::string& term : joined_terms(configured, known, kMostInPrompt, kLongestInPrompt)) {
    const std::string longer = prompt + (prompt.empty() ? "" : ", ") + term;
    if (text::estimate_tokens(longer + ".") > max_tokens) break;
    prompt = longer;
  }
  return prompt.empty() ? prompt : prompt + ".";
}

}  // namespace prot::stt
