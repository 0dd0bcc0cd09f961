#pragma once

#include "wyoming/link.hpp"

namespace prot::wyoming {

/// Asks a server what it is: its "info" event. Blocks for `limit_ms` at most: for tools, never on a loop.
/// Throws Error that names the server and says what is wrong.
[[nodiscard]] Event describe(const Address& address, std::int64_t limit_ms);

}  // namespace prot::wyoming
