#pragma once

#include <string>
#include <string_view>

namespace prot {

/// "name:80", "[::1]:80" -> the name in lower case without brackets and port; empty: it is malformed. An
/// address of IPv6 comes in its one short form, also without brackets: one of two colons and more has no
/// port.
[[nodiscard]] std::string host_name(std::string_view authority);

/// Is it an origin as browsers send it: lower case, no path, no port that goes without saying? Not "null",
/// which any page can be.
[[nodiscard]] bool is_origin(std::string_view text);

}  // namespace prot
