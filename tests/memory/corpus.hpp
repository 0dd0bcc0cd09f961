#pragma once

#include <fstream>
#include <string>
#include <vector>

#include "base/error.hpp"

namespace prot::memory::test {

/// The rows of a file in tests/memory/corpora, by column; lines that begin with '#' are comments.
inline std::vector<std::vector<std::string>> corpus(const std::string& name) {
  std::ifstream file(std::string(PROT_CORPUS) + "/" + name);
  if (!file) throw Error("no corpus " + name);
  std::vector<std::vector<std::string>> rows;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') continue;
    std::vector<std::string>& row = rows.emplace_back();
    std::size_t begin = 0;
    for (std::size_t tab = line.find('\t'); tab != std::string::npos; tab = line.find('\t', begin)) {
      row.push_back(line.substr(begin, tab - begin));
      begin = tab + 1;
    }
    row.push_back(line.substr(begin));
  }
  return rows;
}

}  // namespace prot::memory::test
