#include "http/admission.hpp"

#include <algorithm>
#include <utility>

#include "base/host_name.hpp"

namespace prot::http {
namespace {

constexpr std::string_view kBearer = "Bearer ";

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string decoded(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const int high = text[i] == '%' && i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
    const int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
    if (low < 0) {
      plain.push_back(text[i]);
    } else {
      plain.push_back(static_cast<char>(high * 16 + low));
      i += 2;
    }
  }
  return plain;
}

}  // namespace

bool is_own_origin(std::string_view origin, std::string_view host) noexcept {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!origin.starts_with(scheme)) continue;
    const std::string_view rest = origin.substr(scheme.size());
    return std::equal(rest.begin(), rest.end(), host.begin(), host.end(),
                      [](char a, char b) { return lower(a) == lower(b); });
  }
  return false;
}

bool same_secret(std::string_view a, std::string_view b) noexcept {
  unsigned differs = a.size() == b.size() ? 0 : 1;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const char other = b.empty() ? '\0' : b[i % b.size()];
    differs |= static_cast<unsigned>(static_cast<unsigned char>(a[i] ^ other));
  }
  return differs == 0;
}

std::string query_value(std::string_view target, std::string_view name) {
  const std::size_t mark = target.find('?');
  if (mark == std::string_view::npos) return {};
  std::string_view rest = target.substr(mark + 1);
  while (!rest.empty()) {
    const std::string_view pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(pair.size() + 1, rest.size()));
    const std::size_t equals = pair.find('=');
    if (equals != std::string_view::npos && pair.substr(0, equals) == name)
      return decoded(pair.substr(equals + 1));
  }
  return {};
}

Admission::Admission(AccessRules rules, const Clock& clock, PeerUserOf peer_user)
    : rules_(std::move(rules)), clock_(&clock), peer_user_(peer_user) {
  for (const std::string& known : rules_.hosts) names_.push_back(host_name(known));
}

std::optional<Refusal> Admission::check(const RequestHead& head) {
  if (!within_rate(head.peer)) return Refusal{429, "too many requests"};
  if (head.hosts.size() != 1) return Refusal{400, "a request has one Host header"};
  const std::string_view host = head.hosts.front();
  if (head.by_name && !knows_host(host)) return Refusal{421, "this server has another name (see web.hosts)"};
  if (!head.origin.empty() && !knows_origin(head.origin, host))
    return Refusal{403, "a page of another origin may not ask (see web.cors_origins)"};
  // A link that a person follows is no question of the page that it stands on.
  const bool followed = head.fetch_mode == "navigate" && head.method == "GET";
  if (head.origin.empty() && head.fetch_site == "cross-site" && !followed)
    return Refusal{403, "a page of another site may not ask"};
  if (!rules_.token.empty() && head.by_name && !shows_token(head))
    return Refusal{401, "a token is needed (see web.token_env)"};
  if (!is_own_user(head)) return Refusal{403, "this is for the user who runs prot (see web.token_env)"};
  return std::nullopt;
}

// A port of loopback is everybody's on this machine; what was said is not.
bool Admission::is_own_user(const RequestHead& head) const {
  if (!rules_.user || !rules_.token.empty() || !head.by_name) return true;
  const std::string_view path = head.target.substr(0, head.target.find('?'));
  if (std::find(rules_.for_all.begin(), rules_.for_all.end(), path) != rules_.for_all.end()) return true;
  const PeerUser peer = peer_user_(head.socket);
  if (peer.what == PeerUser::What::kKnown) return peer.uid == *rules_.user || peer.uid == 0;
  return peer.what == PeerUser::What::kUnknown;
}

bool Admission::within_rate(std::string_view peer) {
  const Nanos now = clock_->now();
  auto it = buckets_.find(peer);
  if (it == buckets_.end()) {
    if (buckets_.size() >= kMostPeers) {
      const auto oldest =
          std::min_element(buckets_.begin(), buckets_.end(),
                           [](const auto& a, const auto& b) { return a.second.at < b.second.at; });
      buckets_.erase(oldest);
    }
    it = buckets_.emplace(std::string(peer), Bucket{rules_.burst, now}).first;
  }
  Bucket& bucket = it->second;
  bucket.tokens +=
      static_cast<double>(now - bucket.at) / static_cast<double>(kSecond) * rules_.requests_per_s;
  bucket.tokens = std::min(bucket.tokens, rules_.burst);
  bucket.at = now;
  if (bucket.tokens < 1) return false;
  bucket.tokens -= 1;
  return true;
}

bool Admission::knows_host(std::string_view host) const {
  const std::string name = host_name(host);
  return !name.empty() && std::find(names_.begin(), names_.end(), name) != names_.end();
}

bool Admission::knows_origin(std::string_view origin, std::string_view host) const {
  return is_own_origin(origin, host) ||
         std::find(rules_.origins.begin(), rules_.origins.end(), origin) != rules_.origins.end();
}

// The query is for EventSource and WebSocket of a browser, which can set no header.
bool Admission::shows_token(const RequestHead& head) const {
  if (head.authorization.starts_with(kBearer))
    return same_secret(head.authorization.substr(kBearer.size()), rules_.token);
  return same_secret(query_value(head.target, "token"), rules_.token);
}

}  // namespace prot::http
