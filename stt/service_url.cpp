#include "service_url.hpp"

#include <utility>

#include "base/error.hpp"
#include "http/url.hpp"
#include "stage/config_keys.hpp"
#include "stage/service_table.hpp"

namespace prot::stt {
std::string transcription_endpoint(const std::string& url, bool plain_http) {
  const bool plain = url.starts_with("http://");
  if (!plain && !url.starts_with("https://"))
    throw UsageError("stt.url: the engine openai needs the address of a service, as https://HOST/v1");
  if (plain && !plain_http && !http::is_loopback(url))
    throw UsageError(
        "stt.url: " + std::string(stage::shown_text(url)) +
        " would get what is said unencrypted; use https, or allow it with stt.plain_http = true");
  std::string base = url;
  while (base.ends_with('/')) base.pop_back();
  if (base.ends_with("/audio/transcriptions") || base.ends_with("/inference")) return base;
  return http::service_url(std::move(base), "/audio/transcriptions");
}

std::string models_endpoint(const std::string& url, bool plain_http) {
  http::Url parts = http::parse_url(url);
  if (parts.is_exposed() && !plain_http)
    throw UsageError(
        "stt.url: " + parts.shown() +
        " would get what is said unencrypted; use https, or allow it with stt.plain_http = true");
  return (parts.is_encrypted() ? "https://" : "http://") + parts.authority() + "/v1/models";
}

wyoming::Address wyoming_address(const std::string& url, bool plain_http) {
  wyoming::Address address =
      wyoming::parse_address(url, stage::port_of(stage::service_row("stt", "wyoming").own_url));
  if (address.exposed && !plain_http)
    throw UsageError("stt.url: " + address.shown +
                     " would get what is said unencrypted; allow it with stt.plain_http = true");
  return address;
}

}  // namespace prot::stt
