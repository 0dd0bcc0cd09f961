#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "http/peer_user.hpp"

namespace prot::http {

/// Whom a server answers.
struct AccessRules {
  std::vector<std::string> hosts;    // names beside those of this machine's loopback, without a port
  std::vector<std::string> origins;  // pages of other servers that may ask: "http://lamp.local:8080"
  std::string token;                 // what a client must show; empty: none
  std::optional<std::uint32_t>
      user;  // who may ask, beside root, where this machine alone can; empty: everybody
  std::vector<std::string> for_all;  // paths that are for every user of this machine
  double requests_per_s = 50;        // of one user of this machine, else of one address (of IPv6 one /64)
  double burst = 200;                // at once
};

/// What decides about a request, before anybody looks at the rest of it.
struct RequestHead {
  std::string_view method;
  std::string_view target;
  std::vector<std::string_view> hosts;  // every Host header that there is
  std::string_view origin;
  std::string_view authorization;
  std::string_view fetch_site;  // Sec-Fetch-Site, Sec-Fetch-Mode: what a browser says of who asks
  std::string_view fetch_mode;
  std::string_view peer;  // under what its share is counted: a user of this machine, or an address
  PeerUser user;          // whose program asks
  bool by_name = true;    // over the network; false: a Unix socket, which no web page can reach
};

struct Refusal {
  int status = 400;
  std::string why;
};

/// Host (so that no foreign name leads here: DNS rebinding), Origin (no foreign page may ask), token, user
/// and rate. What is refused takes nothing from the share of what is not, nor does what a page of another
/// site may ask from that of the person in whose browser it runs; wrong tokens have shares of their own,
/// of the header and of the query, and behind them none is looked at. One thread. Remembers a bounded number
/// of shares. Lifetime: the clock lives longer.
class Admission {
 public:
  static constexpr std::size_t kMostPeers = 1024;

  Admission(AccessRules rules, const Clock& clock);

  /// Empty: let it in.
  [[nodiscard]] std::optional<Refusal> check(const RequestHead& head);

 private:
  enum class Share : char { kLetIn = 'i', kRefused = 'r', kGuess = 'g', kGuessInQuery = 'q' };
  struct Bucket {
    double tokens = 0;
    Nanos at = 0;
  };
  /// As full as it is now.
  [[nodiscard]] Bucket& bucket(Share share, const RequestHead& head);
  [[nodiscard]] std::optional<Refusal> judge(const RequestHead& head);
  [[nodiscard]] bool knows_host(std::string_view host) const;
  [[nodiscard]] bool knows_origin(std::string_view origin, std::string_view host) const;
  [[nodiscard]] std::optional<Refusal> judge_token(const RequestHead& head);
  [[nodiscard]] bool is_own_user(const RequestHead& head) const;

  AccessRules rules_;
  std::vector<std::string> names_ = {"localhost", "127.0.0.1", "::1"};  // that this server goes by
  const Clock* clock_;
  std::map<std::string, Bucket, std::less<>> buckets_;
};

/// Is `origin` that of a page which this server gave out under the name `host`?
[[nodiscard]] bool is_own_origin(std::string_view origin, std::string_view host) noexcept;
/// Takes as long whatever the difference is.
[[nodiscard]] bool same_secret(std::string_view a, std::string_view b) noexcept;
/// Value of `name` in the query of a target, %XX decoded; empty: there is none.
[[nodiscard]] std::string query_value(std::string_view target, std::string_view name);

}  // namespace prot::http
