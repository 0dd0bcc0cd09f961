#include "base/host_name.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>

#include "base/ascii.hpp"

namespace prot {
namespace {

bool is_host_character(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
}

/// In its one short form; empty: it is none. A zone ("%eth0") is this machine's own matter.
std::string ip6_name(std::string_view text) {
  in6_addr address{};
  std::array<char, INET6_ADDRSTRLEN> name{};
  if (::inet_pton(AF_INET6, std::string(text.substr(0, text.find('%'))).c_str(), &address) != 1) return {};
  return ::inet_ntop(AF_INET6, &address, name.data(), name.size()) != nullptr ? name.data() : "";
}

/// "chrome-extension://abc", "tauri://localhost": the pages of a program, whose hosts have rules of its own.
bool is_of_a_program(std::string_view text) noexcept {
  const std::size_t end = text.find("://");
  if (end == std::string_view::npos || text[0] < 'a' || text[0] > 'z') return false;
  const std::string_view scheme = text.substr(0, end);
  const std::string_view host = text.substr(end + 3);
  return scheme != "http" && scheme != "https" && !host.empty() &&
         std::all_of(scheme.begin(), scheme.end(), [](char c) { return is_host_character(c) || c == '+'; }) &&
         std::all_of(host.begin(), host.end(),
                     [](char c) { return is_host_character(c) || (c >= 'A' && c <= 'Z') || c == ':'; });
}

bool is_port(std::string_view text) noexcept {
  return text.size() <= 5 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

std::string host_name(std::string_view authority) {
  if (authority.find('\0') != std::string_view::npos) return {};
  if (authority.starts_with('[')) {
    const std::size_t end = authority.find(']');
    if (end == std::string_view::npos) return {};
    const std::string_view rest = authority.substr(end + 1);
    if (!rest.empty() && (!rest.starts_with(':') || !is_port(rest.substr(1)))) return {};
    return ip6_name(authority.substr(1, end - 1));
  }
  const std::size_t colon = authority.find(':');
  if (colon != authority.rfind(':')) return ip6_name(authority);
  if (colon != std::string_view::npos && !is_port(authority.substr(colon + 1))) return {};
  std::string name(authority.substr(0, colon));
  std::transform(name.begin(), name.end(), name.begin(), lower_ascii);
  if (!std::all_of(name.begin(), name.end(), is_host_character)) return {};
  if (name.ends_with('.')) name.pop_back();
  return name;
}

bool is_origin(std::string_view text) {
  const bool encrypted = text.starts_with("https://");
  if (!encrypted && !text.starts_with("http://")) return is_of_a_program(text);
  const std::string_view rest = text.substr(encrypted ? 8 : 7);
  const std::string name = host_name(rest);
  const std::string shown = name.find(':') != std::string::npos ? "[" + name + "]" : name;
  if (name.empty() || !rest.starts_with(shown)) return false;
  const std::string_view port = rest.substr(shown.size());
  return port.empty() || (port.size() > 1 && port != (encrypted ? ":443" : ":80") && port[1] != '0');
}

}  // namespace prot
