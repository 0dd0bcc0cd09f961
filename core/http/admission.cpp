#include "http/admission.hpp"

#include <algorithm>
#include <utility>

#include "base/ascii.hpp"
#include "base/host_name.hpp"

namespace prot::http {
namespace {

constexpr std::string_view kBearer = "bearer ";  // in any letters: RFC 9110, 11.1

Refusal too_many() { return {429, "too many requests"}; }

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

bool is_like(std::string_view a, std::string_view b) noexcept {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower_ascii(x) == lower_ascii(y); });
}

/// A browser says that a page of another server makes this request, and not which. One that is named is
/// known, or refused.
bool is_of_a_foreign_page(const RequestHead& head) noexcept {
  return head.origin.empty() && !head.fetch_site.empty() && head.fetch_site != "same-origin" &&
         head.fetch_site != "none";
}

bool has_bearer(const RequestHead& head) noexcept {
  return is_like(head.authorization.substr(0, kBearer.size()), kBearer);
}

// The query is for EventSource and WebSocket of a browser, which can set no header.
std::string shown_token(const RequestHead& head) {
  if (has_bearer(head)) return std::string(head.authorization.substr(kBearer.size()));
  return query_value(head.target, "token");
}

}  // namespace

bool is_own_origin(std::string_view origin, std::string_view host) noexcept {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!origin.starts_with(scheme)) continue;
    return is_like(origin.substr(scheme.size()), host);
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

Admission::Admission(AccessRules rules, const Clock& clock) : rules_(std::move(rules)), clock_(&clock) {
  for (const std::string& known : rules_.hosts) names_.push_back(host_name(known));
}

std::optional<Refusal> Admission::check(const RequestHead& head) {
  std::optional<Refusal> refused = judge(head);
  if (refused && refused->status == 429) return refused;
  Bucket& share = bucket(refused ? Share::kRefused : Share::kLetIn, head);
  if (share.tokens < 1) return too_many();
  share.tokens -= 1;
  return refused;
}

std::optional<Refusal> Admission::judge(const RequestHead& head) {
  if (head.hosts.size() != 1) return Refusal{400, "a request has one Host header"};
  const std::string_view host = head.hosts.front();
  if (head.by_name && !knows_host(host)) return Refusal{421, "this server has another name (see web.hosts)"};
  if (!head.origin.empty() && !knows_origin(head.origin, host))
    return Refusal{403, "a page of another origin may not ask (see web.cors_origins)"};
  // A link that a person follows is no question of the page that it stands on.
  const bool followed = head.fetch_mode == "navigate" && head.method == "GET";
  if (is_of_a_foreign_page(head) && !followed) return Refusal{403, "a page of another site may not ask"};
  if (!rules_.token.empty() && head.by_name) return judge_token(head);
  if (!is_own_user(head)) return Refusal{403, "this is for the user who runs prot (see web.token_env)"};
  return std::nullopt;
}

// Whoever has guessed too often is told of none whether it was right, or the limit would be none. Any page
// can make a browser send a query; the header it cannot set without asking first.
std::optional<Refusal> Admission::judge_token(const RequestHead& head) {
  const std::string shown = shown_token(head);
  if (!shown.empty()) {
    Bucket& guesses = bucket(has_bearer(head) ? Share::kGuess : Share::kGuessInQuery, head);
    if (guesses.tokens < 1) return too_many();
    if (same_secret(shown, rules_.token)) return std::nullopt;
    guesses.tokens -= 1;
  }
  return Refusal{401, "a token is needed (see web.token_env)"};
}

// A port of loopback is everybody's on this machine; what was said is not.
bool Admission::is_own_user(const RequestHead& head) const {
  if (!rules_.user || !rules_.token.empty() || !head.by_name) return true;
  const std::string_view path = head.target.substr(0, head.target.find('?'));
  if (std::find(rules_.for_all.begin(), rules_.for_all.end(), path) != rules_.for_all.end()) return true;
  if (head.user.what == PeerUser::What::kKnown) return head.user.uid == *rules_.user || head.user.uid == 0;
  return head.user.what == PeerUser::What::kUnknown;
}

Admission::Bucket& Admission::bucket(Share share, const RequestHead& head) {
  const Nanos now = clock_->now();
  std::string whose(1, static_cast<char>(share));
  if (is_of_a_foreign_page(head)) whose += "page of ";
  whose += head.peer;
  auto it = buckets_.find(whose);
  if (it == buckets_.end()) {
    if (buckets_.size() >= kMostPeers) {
      const auto oldest =
          std::min_element(buckets_.begin(), buckets_.end(),
                           [](const auto& a, const auto& b) { return a.second.at < b.second.at; });
      buckets_.erase(oldest);
    }
    it = buckets_.emplace(std::move(whose), Bucket{rules_.burst, now}).first;
  }
  Bucket& found = it->second;
  found.tokens += static_cast<double>(now - found.at) / static_cast<double>(kSecond) * rules_.requests_per_s;
  found.tokens = std::min(found.tokens, rules_.burst);
  found.at = now;
  return found;
}

bool Admission::knows_host(std::string_view host) const {
  const std::string name = host_name(host);
  return !name.empty() && std::find(names_.begin(), names_.end(), name) != names_.end();
}

bool Admission::knows_origin(std::string_view origin, std::string_view host) const {
  return is_own_origin(origin, host) ||
         std::find(rules_.origins.begin(), rules_.origins.end(), origin) != rules_.origins.end();
}

}  // namespace prot::http
