#pragma once

#include <string>
#include <vector>

#include "stage/config.hpp"

namespace prot::stage {

/// One key of prot.toml: a known one, its value as text and its line.
struct FileSetting {
  const ConfigKey* key;
  PlacedValue value;
};

/// Reads prot.toml. What is wrong is appended to `errors` in the order of its lines; a file that is not there
/// is an error only when it is `required`. Never blocks, whatever `file` is.
[[nodiscard]] std::vector<FileSetting> read_config_file(const std::string& file, bool required,
                                                        std::vector<std::string>& errors);

/// The whole of a small text file (prot.toml, .env), valid UTF-8 without a byte order mark. False: it is not
/// there. Throws UsageError with the file's name, and the line where that helps; for a file of another user,
/// or one that others may change, too (base/ownership.hpp).
[[nodiscard]] bool read_text_file(const std::string& file, std::string& text);

}  // namespace prot::stage
