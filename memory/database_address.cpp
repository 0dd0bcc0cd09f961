#include "database_address.hpp"

#include <libpq-fe.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <memory>
#include <new>
#include <string_view>
#include <vector>

#include "base/ascii.hpp"
#include "base/error.hpp"
#include "http/url.hpp"

namespace prot::memory {
namespace {

using Words = std::map<std::string, std::string>;

constexpr int kWrong = 78;
// A server that is slow must not hold the worker for ever. One that hangs: ConnectionPool.
constexpr std::pair<const char*, const char*> kLimits[] = {
    {"connect_timeout", "3"},
    {"tcp_user_timeout", "10000"},
    {"application_name", "prot-memory"},
    {"options",
     "-c statement_timeout=10000 -c lock_timeout=5000 -c idle_in_transaction_session_timeout=30000"}};
// The certificates of this machine's authorities: Debian, Fedora, SUSE, Alpine.
constexpr const char* kAuthorities[] = {"/etc/ssl/certs/ca-certificates.crt",
                                        "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem",
                                        "/etc/ssl/cert.pem"};

struct Free {
  void operator()(PQconninfoOption* options) const noexcept { PQconninfoFree(options); }
  void operator()(char* text) const noexcept { PQfreemem(text); }
};
using Options = std::unique_ptr<PQconninfoOption, Free>;

Words words_of(const Options& options) {
  Words words;
  for (const PQconninfoOption* option = options.get(); option != nullptr && option->keyword != nullptr;
       ++option)
    if (option->val != nullptr) words[option->keyword] = option->val;
  return words;
}

std::string find(const Words& words, const std::string& name) {
  const auto found = words.find(name);
  return found == words.end() ? std::string() : found->second;
}

std::vector<std::string> split(const std::string& list) {
  std::vector<std::string> parts(1);
  for (const char c : list)
    if (c == ',')
      parts.emplace_back();
    else
      parts.back() += c;
  return parts;
}

// As libpq goes by them: the number, else the name, which may be a socket's folder; else its own socket.
bool is_here(const std::string& host, const std::string& number) {
  http::Url url;
  url.host = number.empty() ? host : number;
  std::transform(url.host.begin(), url.host.end(), url.host.begin(), lower_ascii);  // "Localhost" is here
  if (number.empty() && (host.empty() || host[0] == '/' || host[0] == '@')) return true;
  return url.is_loopback();
}

bool stays_here(const Words& said, const Words& usual) {
  // Only libpq finds and reads that file, and what stands there may name any host.
  if (said.contains("service") || !find(usual, "service").empty()) return false;
  const auto value = [&](const char* name) {
    return split(said.contains(name) ? find(said, name) : find(usual, name));
  };
  const std::vector<std::string> hosts = value("host");
  const std::vector<std::string> numbers = value("hostaddr");
  for (std::size_t i = 0; i < std::max(hosts.size(), numbers.size()); ++i)
    if (!is_here(i < hosts.size() ? hosts[i] : std::string(),
                 i < numbers.size() ? numbers[i] : std::string()))
      return false;
  return true;
}

// libpq's own place for them comes first; a service file may name another.
bool names_authorities(const Words& said, const Words& usual) {
  const char* home = std::getenv("HOME");
  const std::string own = std::string(home != nullptr ? home : "") + "/.postgresql/root.crt";
  return !find(said, "sslrootcert").empty() || !find(usual, "sslrootcert").empty() ||
         said.contains("service") || ::access(own.c_str(), R_OK) == 0;
}

void verify_server(Words& said, const Words& usual) {
  const std::string mode = find(said, "sslmode");
  if (!mode.empty() && mode != "verify-full" && mode != "verify-ca")
    throw Error(
        "the database on another machine would get password and memories unencrypted or unverified: its "
        "address (memory.database_url, DATABASE_URL) says less than sslmode=verify-full, or allow it with "
        "memory.database_plain = true",
        kWrong);
  if (mode.empty()) said["sslmode"] = "verify-full";
  // Not for verify-ca: it compares no name, and whoever has any certificate would pass.
  if (said["sslmode"] != "verify-full" || names_authorities(said, usual)) return;
  const auto* const found = std::find_if(std::begin(kAuthorities), std::end(kAuthorities),
                                         [](const char* file) { return ::access(file, R_OK) == 0; });
  if (found != std::end(kAuthorities)) said["sslrootcert"] = *found;
}

std::string text_of(const Words& words) {
  std::string text;
  for (const auto& [name, value] : words) {
    text += (text.empty() ? "" : " ") + name + "='";
    for (const char c : value) {
      if (c == '\'' || c == '\\') text += '\\';
      text += c;
    }
    text += '\'';
  }
  return text;
}

}  // namespace

std::string guarded_conninfo(const DatabaseAddress& address) {
  char* why = nullptr;
  const Options parsed(PQconninfoParse(address.text.c_str(), &why));
  const std::unique_ptr<char, Free> freed(why);
  if (!parsed && why == nullptr) throw std::bad_alloc();
  if (!parsed) return address.text;
  Words said = words_of(parsed);
  if (!address.plain_allowed) {
    const Options defaults(PQconndefaults());
    if (!defaults) throw std::bad_alloc();
    const Words usual = words_of(defaults);
    if (!stays_here(said, usual)) verify_server(said, usual);
  }
  said.insert(std::begin(kLimits), std::end(kLimits));  // what is there already stays
  return text_of(said);
}

}  // namespace prot::memory
