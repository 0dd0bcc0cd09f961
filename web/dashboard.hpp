#pragma once

#include <string>
#include <string_view>

#include "http/server.hpp"

namespace prot::web {

/// dashboard.html, as it was built.
[[nodiscard]] std::string_view dashboard_html() noexcept;
/// The page at "/": its own script and style run by a number that is used once, and nothing else does.
[[nodiscard]] http::ServerResponse dashboard_page();

}  // namespace prot::web
