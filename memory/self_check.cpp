#include "self_check.hpp"

#include <algorithm>
#include <iterator>

#include "base/error.hpp"
#include "registry.hpp"
#include "stores/postgres.hpp"

namespace prot::memory {
namespace {

// libpq repeats the parts of an address that it misunderstood, so only what it says of the server passes.
std::string without_address(std::string message, const std::string& url) {
  if (message.find("could not translate host name") != std::string::npos)
    return "its host name cannot be resolved";
  if (message.find("connection to server") == std::string::npos) return "libpq cannot use this address";
  std::replace_if(
      message.begin(), message.end(), [](char c) { return c == '\n' || c == '\t'; }, ' ');
  while (message.ends_with(' ')) message.pop_back();
  const std::size_t slashes = url.find("//");
  const std::size_t at = url.rfind('@');
  const std::size_t colon = slashes == std::string::npos ? at : url.find(':', slashes + 2);
  if (at == std::string::npos || colon >= at) return message;
  const std::string password = url.substr(colon + 1, at - colon - 1);
  for (std::size_t found = 0;
       (found = message.find(password, found)) != std::string::npos && !password.empty();)
    message.replace(found, password.size(), "***");
  return message;
}

// The server has no TLS, or shows what is not trusted, in libpq's own words: servers speak of certificates,
// too, which they want of us.
bool is_of_encryption(const std::string& why) {
  constexpr const char* kWords[] = {"does not support SSL", "certificate verify failed", "server certificate",
                                    "root certificate", "SSL certificate's"};
  return std::any_of(std::begin(kWords), std::end(kWords),
                     [&](const char* words) { return why.find(words) != std::string::npos; });
}

constexpr const char* kVerified =
    "let the server have a certificate for its name, and sslrootcert=FILE in its address name the authority "
    "where this machine does not know it; or set memory.database_plain = true";

}  // namespace

stage::Findings check_memory(const stage::CheckContext& context) {
  const std::string what = "database";
  const std::string& store = context.config.get_string("memory.store");
  if (store == "ram")
    return {{stage::Verdict::kWarn, what,
             "none (memory.store = ram): what is remembered ends with the process",
             "set memory.store to postgres"}};
  const std::string& url = context.config.get_string("memory.database_url");
  if (url.empty()) return {};  // the child db: the supervisor's to check
  std::string conninfo;
  try {
    conninfo = database_conninfo(context.config, context.paths);
  } catch (const Error& refusal) {
    return {{stage::Verdict::kFail, what, refusal.what(), kVerified}};
  }
  try {
    return {{stage::Verdict::kOk, what, "DATABASE_URL: " + probe_postgres(conninfo)}};
  } catch (const Error& error) {
    const std::string why = without_address(error.what(), url);
    return {
        {stage::Verdict::kFail, what, "DATABASE_URL: " + why,
         is_of_encryption(why)
             ? kVerified
             : "start that server, or correct DATABASE_URL (memory.database_url); without it prot runs one "
               "of its own"}};
  }
}

services::Answer probe_database(const stage::CheckContext& context, const services::Service& service,
                                const std::string& /*key*/) {
  using services::State;
  std::string conninfo;
  try {
    conninfo = database_conninfo(context.config, context.paths);
  } catch (const Error&) {
    return {State::kUnencrypted};
  }
  const Nanos begin = monotonic_now();
  try {
    static_cast<void>(probe_postgres(conninfo));
    return {State::kOk, monotonic_now() - begin};
  } catch (const Error& error) {
    const std::string why = without_address(error.what(), service.url);
    const auto says = [&](const char* words) { return why.find(words) != std::string::npos; };
    const bool answered = says("FATAL:");
    const bool refused = says("does not exist") || says("permission denied") || says("pg_hba.conf");
    const State state = says("password authentication failed") ? State::kWrongKey
                        : refused                              ? State::kRefused
                        : says("too many")                     ? State::kBusy
                        : says("starting up")                  ? State::kBusy
                        : is_of_encryption(why)                ? State::kUnencrypted
                        : answered                             ? State::kFailed
                                                               : State::kUnreachable;
    return {state, answered ? monotonic_now() - begin : 0, why};
  }
}

}  // namespace prot::memory
