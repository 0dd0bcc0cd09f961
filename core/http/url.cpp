#include "http/url.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <cctype>

#include "base/error.hpp"

namespace prot::http {
namespace {

std::string_view own_port(std::string_view scheme) {
  if (scheme == "http" || scheme == "ws") return "80";
  if (scheme == "https" || scheme == "wss") return "443";
  return {};
}

bool is_number(std::string_view text) {
  return !text.empty() && text.size() <= 5 && text.find_first_not_of("0123456789") == std::string_view::npos;
}

// curl takes an address without a scheme for plain HTTP.
Url as_curl_reads(std::string_view text) {
  return parse_url(text.find("://") == std::string_view::npos ? "http://" + std::string(text)
                                                              : std::string(text));
}

}  // namespace

bool Url::is_loopback() const noexcept {
  if (host == "localhost" || host == "::1") return true;
  // "127.0.0.999" is no number of this network but a name, which any server may answer to.
  in_addr number{};
  return host.starts_with("127.") && ::inet_pton(AF_INET, host.c_str(), &number) == 1;
}

std::string Url::authority() const {
  const std::string name = host.find(':') == std::string::npos ? host : "[" + host + "]";
  return port == own_port(scheme) ? name : name + ":" + port;
}

std::string Url::shown() const {
  std::string text = scheme + "://" + authority() + target.substr(0, target.find_first_of("?#"));
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return std::iscntrl(c) != 0; }, '_');
  return text;
}

Url parse_url(std::string_view text) {
  Url url;
  const std::size_t colon = text.find("://");
  if (colon != std::string_view::npos)
    for (const char c : text.substr(0, colon))
      url.scheme.push_back(static_cast<char>(std::tolower(static_cast<unsigned char>(c))));
  url.port = own_port(url.scheme);
  if (url.port.empty())
    throw UsageError("not an address of a service: it begins with none of https://, wss://, http://, ws://");
  text.remove_prefix(colon + 3);
  const std::size_t slash = std::min(text.find_first_of("/?#"), text.size());
  std::string_view place = text.substr(0, slash);
  std::string_view target = text.substr(slash);
  target = target.substr(0, target.find('#'));
  if (const std::size_t at = place.rfind('@'); at != std::string_view::npos) place.remove_prefix(at + 1);
  std::size_t end = 0;
  if (place.starts_with('[')) {
    end = std::min(place.find(']'), place.size());
    if (end < place.size()) url.host = place.substr(1, end++ - 1);
  } else {
    end = std::min(place.find(':'), place.size());
    url.host = place.substr(0, end);
  }
  if (const std::string_view rest = place.substr(end); rest.starts_with(':') && is_number(rest.substr(1)))
    url.port = rest.substr(1);
  else if (!rest.empty())
    throw UsageError("not an address of a service: its port is no number");
  const bool odd = std::any_of(url.host.begin(), url.host.end(), [](unsigned char c) {
    return std::iscntrl(c) != 0 || c == ' ' || c == '\\' || c == '[' || c == ']';
  });
  if (url.host.empty() || odd) throw UsageError("not an address of a service: it has no host");
  url.target = target.starts_with('/') ? std::string(target) : "/" + std::string(target);
  return url;
}

bool is_loopback(std::string_view text) {
  try {
    return as_curl_reads(text).is_loopback();
  } catch (const UsageError&) {
    return false;
  }
}

std::string service_url(std::string base, std::string_view path) {
  while (base.ends_with('/')) base.pop_back();
  if (!base.ends_with("/v1")) base += "/v1";
  return base.append(path);
}

std::string shown_url(std::string_view text) {
  try {
    const Url url = as_curl_reads(text);
    return url.is_loopback() ? url.shown() : parse_url(text).shown();
  } catch (const UsageError&) {
    return "(not an address of a service)";
  }
}

void refuse_plain_http(std::string_view text, std::string_view key) {
  constexpr int kWrong = 78;
  const Url url = as_curl_reads(text);
  if (!url.is_exposed()) return;
  throw Error(url.shown() + " would get key and conversation unencrypted; use https, or allow it with " +
                  std::string(key) + " = true",
              kWrong);
}

std::string percent_encoded(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || std::string_view("-._~").find(c) != std::string_view::npos) {
      out.push_back(c);
    } else {
      out.push_back('%');
      out.push_back(kDigits[byte >> 4U]);
      out.push_back(kDigits[byte & 15U]);
    }
  }
  return out;
}

}  // namespace prot::http
