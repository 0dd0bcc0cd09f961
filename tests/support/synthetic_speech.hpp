#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace prot::test {

/// `text` spoken by espeak-ng (the program), 16 kHz mono. Throws Error when it is not installed.
[[nodiscard]] std::vector<std::int16_t> synthetic_speech(const std::string& text,
                                                         const std::string& voice = "en-us");

/// Path of an installed model. Throws Error when it is not there.
[[nodiscard]] std::string installed_model(const std::string& file);

}  // namespace prot::test
