#pragma once

#include "desk/keeper.hpp"
#include "json/json.hpp"

namespace prot::memory {

/// A whole number that may stand in quotes. Throws UsageError: "WHAT is a number, ...".
[[nodiscard]] std::int64_t number_of(const json::View& value, const char* what);
/// The same of microseconds. Throws UsageError: they are more than nanoseconds can hold, too.
[[nodiscard]] Nanos time_of(const json::View& value, const char* what);
/// The conversation that an object names. Throws UsageError.
[[nodiscard]] wire::ConversationId conversation_of(const json::View& row);

/// Lines of an export (doc/memory.md), an array of objects. Throws UsageError: one that makes no sense.
[[nodiscard]] Keeper::Rows import_lines(const json::View& lines);

}  // namespace prot::memory
