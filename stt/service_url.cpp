#include "service_url.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "http/url.hpp"
#include "stage/config_keys.hpp"

namespace prot::stt {
namespace {

// Without user, port and path.
std::string_view host_of(std::string_view url) {
  if (const std::size_t scheme = url.find("://"); scheme != std::string_view::npos)
    url.remove_prefix(scheme + 3);
  url = url.substr(0, url.find_first_of("/?#\\"));
  if (const std::size_t at = url.rfind('@'); at != std::string_view::npos) url.remove_prefix(at + 1);
  if (url.starts_with('[')) return url.substr(0, url.find(']') + 1);
  return url.substr(0, url.find(':'));
}

}  // namespace

bool is_loopback(std::string_view url) {
  const std::string_view host = host_of(url);
  if (host == "localhost" || host == "[::1]") return true;
  return host.starts_with("127.") && std::count(host.begin(), host.end(), '.') == 3 &&
         host.find_first_not_of("0123456789.") == std::string_view::npos;
}

std::string transcription_endpoint(const std::string& url, bool plain_http) {
  const bool plain = url.starts_with("http://");
  if (!plain && !url.starts_with("https://"))
    throw UsageError("stt.url: the engine openai needs the address of a service, as https://HOST/v1");
  if (plain && !plain_http && !is_loopback(url))
    throw UsageError(
        "stt.url: " + std::string(stage::shown_text(url)) +
        " would get what is said unencrypted; use https, or allow it with stt.plain_http = true");
  std::string base = url;
  while (base.ends_with('/')) base.pop_back();
  if (base.ends_with("/audio/transcriptions") || base.ends_with("/inference")) return base;
  return base + (base.ends_with("/v1") ? "" : "/v1") + "/audio/transcriptions";
}

std::string models_endpoint(const std::string& url, bool plain_http) {
  http::Url parts = http::parse_url(url);
  if (!parts.is_encrypted() && !parts.is_loopback() && !plain_http)
    throw UsageError(
        "stt.url: " + parts.shown() +
        " would get what is said unencrypted; use https, or allow it with stt.plain_http = true");
  return (parts.is_encrypted() ? "https://" : "http://") + parts.authority() + "/v1/models";
}

}  // namespace prot::stt
