#pragma once

#include <string>
#include <string_view>

namespace prot::http {

/// The parts of "scheme://[user@]host[:port][/target]". A value.
struct Url {
  std::string scheme;  // lower case
  std::string host;    // without brackets
  std::string port;    // the scheme's own when the text has none
  std::string target;  // path and query; "/" when the text has none

  [[nodiscard]] bool is_encrypted() const noexcept { return scheme == "https" || scheme == "wss"; }
  /// Does the host name this machine: localhost, 127.0.0.0/8 or ::1?
  [[nodiscard]] bool is_loopback() const noexcept;
  /// Would others than this machine read what it gets?
  [[nodiscard]] bool is_exposed() const noexcept { return !is_encrypted() && !is_loopback(); }
  /// As a Host header wants it: brackets around IPv6, the port unless it is the scheme's own.
  [[nodiscard]] std::string authority() const;
  /// Without user, query and control characters, for messages and logs.
  [[nodiscard]] std::string shown() const;
};

/// Throws UsageError, which does not quote `text`, when it is none of http, https, ws, wss.
[[nodiscard]] Url parse_url(std::string_view text);

/// Does `text` name this machine? An address without a scheme counts as http, one that is none does not.
[[nodiscard]] bool is_loopback(std::string_view text);

/// Where a service of the first version takes something: `base` with or without /v1, `path` as "/messages".
[[nodiscard]] std::string service_url(std::string base, std::string_view path);

/// `text` without what may be secret in it, for messages and logs; also when it is no address of a service.
/// Without a scheme only what names this machine is one: the rest may be a key in the wrong place.
[[nodiscard]] std::string shown_url(std::string_view text);

/// Throws Error with exit code 78 (another try would change nothing) where key and conversation would leave
/// this machine unencrypted; `key` of the configuration would allow it. Throws UsageError as
/// parse_url does; text without a scheme counts as http.
void refuse_plain_http(std::string_view text, std::string_view key);

/// `text` for a query: letters, digits and -._~ as they are, the rest as %XX.
[[nodiscard]] std::string percent_encoded(std::string_view text);

}  // namespace prot::http
