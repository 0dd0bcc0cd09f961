#pragma once

#include <string>
#include <vector>

/// Names that are likely to be said, as engines take them.
namespace prot::stt {

/// What is configured, and behind it what memory knows: each once, at most `most` of at most `longest`
/// characters.
[[nodiscard]] std::vector<std::string> joined_terms(const std::vector<std::string>& configured,
                                                    const std::vector<std::string>& known, std::size_t most,
                                                    std::size_t longest);

/// Are all of `wanted` in `terms`?
[[nodiscard]] bool has_all(const std::vector<std::string>& terms, const std::vector<std::string>& wanted);

/// For engines that are given words before those that they hear: "Mungo, Oslo." As many as about `max_tokens`
/// hold; empty for none.
[[nodiscard]] std::string prompt_of(const std::vector<std::string>& configured,
                                    const std::vector<std::string>& known, std::size_t max_tokens);

}  // namespace prot::stt
