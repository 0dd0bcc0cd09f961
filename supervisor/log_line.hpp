#pragma once

#include <optional>
#include <string_view>

#include "base/log_record.hpp"

namespace prot::supervisor {

/// A line as base/log.hpp writes it for machines; nothing when it is something else.
[[nodiscard]] std::optional<LogRecord> parse_log_line(std::string_view line);

/// The level of a line in somebody else's words: error where that is beyond doubt, else info.
[[nodiscard]] LogLevel level_of_foreign(std::string_view line) noexcept;

}  // namespace prot::supervisor
