#pragma once

#include <string>
#include <string_view>

#include "http/http.hpp"

/// What of a server's words may stand in a log: they may quote the request, that is a key, or what was said.
namespace prot::http {

/// `text` with "***" in place of the request's secrets: keys in its headers, tokens in its URL's query. For
/// log_content() alone: what was said is still in it.
[[nodiscard]] std::string masked(std::string text, const Headers& headers, std::string_view url);

/// Is that the name of an error, as "quota_exceeded"? Then it may stand in any line. A word without "_" may
/// be anybody's.
[[nodiscard]] bool is_plain_name(std::string_view word) noexcept;

}  // namespace prot::http
