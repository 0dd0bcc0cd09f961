#include "http/masking.hpp"

#include <algorithm>
#include <cctype>

#include "base/lower_case.hpp"

namespace prot::http {
namespace {

constexpr std::size_t kShortestSecret = 4;  // shorter ones would blot out ordinary words
constexpr std::size_t kLongestName = 48;

bool is_secret(std::string_view name) {
  const std::string lower = lower_case(name);
  return lower == "authorization" || lower == "proxy-authorization" || lower == "cookie" ||
         lower.ends_with("api-key");
}

void replace_all(std::string& text, std::string_view secret) {
  if (secret.size() < kShortestSecret) return;
  for (std::size_t at = text.find(secret); at != std::string::npos; at = text.find(secret, at))
    text.replace(at, secret.size(), "***");
}

}  // namespace

std::string masked(std::string text, const Headers& headers, std::string_view url) {
  for (const auto& [name, value] : headers) {
    if (!is_secret(name)) continue;
    replace_all(text, value);
    const std::size_t blank = value.find(' ');  // "Bearer KEY"
    const std::size_t rest = value.find_first_not_of(' ', std::min(blank, value.size()));
    if (rest != std::string::npos) replace_all(text, std::string_view(value).substr(rest));
  }
  while (url.find_first_of("?&") != std::string_view::npos) {
    url.remove_prefix(url.find_first_of("?&") + 1);
    const std::string_view pair = url.substr(0, url.find_first_of("&#"));
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos) continue;
    const std::string name = lower_case(pair.substr(0, equals));
    if (name.ends_with("token") || name.ends_with("key") || name == "authorization")
      replace_all(text, pair.substr(equals + 1));
  }
  return text;
}

bool is_plain_name(std::string_view word) noexcept {
  return word.size() <= kLongestName && word.find('_') != std::string_view::npos &&
         std::all_of(word.begin(), word.end(), [](unsigned char c) {
           return std::isalpha(c) != 0 || c == '_';  // without digits: no key looks like this
         });
}

}  // namespace prot::http
