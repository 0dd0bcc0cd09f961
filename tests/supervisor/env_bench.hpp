#pragma once

#include <sys/stat.h>

#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "tests/support/temp_folder.hpp"

namespace prot::supervisor::test {

using Lines = std::vector<std::string>;

/// A variable of this process, for as long as the object lives.
class Variable {
 public:
  Variable(const char* name, const char* value) : name_(name) { ::setenv(name, value, 1); }
  ~Variable() { ::unsetenv(name_); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  const char* name_;
};

inline std::string write_env(const prot::test::TempFolder& folder, const std::string& text,
                             mode_t mode = 0600) {
  const std::string path = (folder.path() / ".env").string();
  std::ofstream(path) << text;
  ::chmod(path.c_str(), mode);
  return path;
}

}  // namespace prot::supervisor::test
