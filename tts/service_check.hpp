#pragma once

#include <optional>

#include "self_check.hpp"

namespace prot::tts {

/// What --check says about the voice `name` of a language where that is a service; nothing: it is none.
/// Nothing is spoken, for that costs money.
[[nodiscard]] std::optional<stage::Finding> check_service(const std::string& name, const std::string& what,
                                                          const std::string& language,
                                                          const stage::Config& config);

}  // namespace prot::tts
