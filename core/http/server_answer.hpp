#pragma once

#include <boost/beast/http.hpp>
#include <string_view>

#include "http/server.hpp"

namespace prot::http {

/// The headers that keep a browser from guessing, framing and keeping an answer.
void add_security(boost::beast::http::fields& headers);
/// {"error":WHY}
[[nodiscard]] ServerResponse refusal(int status_code, std::string_view why);
/// The status for a request that could not be read; 0: nobody is there to be told.
[[nodiscard]] int status_of(boost::system::error_code error) noexcept;

}  // namespace prot::http
