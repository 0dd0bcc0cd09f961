#pragma once

#include <string_view>

#include "base/log.hpp"

namespace prot {

/// What stderr is connected to is systemd's journal ($JOURNAL_STREAM names that very stream). Looked up once.
[[nodiscard]] bool stderr_is_journal() noexcept;
/// "<6>" and the like, which the journal takes for the line's priority; "" where nobody would.
[[nodiscard]] std::string_view journal_prefix(LogLevel level) noexcept;

}  // namespace prot
