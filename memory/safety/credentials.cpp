#include "safety/credentials.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "safety/word_patterns.hpp"
#include "text/normalize.hpp"

namespace prot::memory {
namespace {

constexpr std::array kSecrets = std::to_array<std::string_view>(
    {"password|passwords|passwd|passcode|passphrase|pin|cvv|cvc|otp|ssn ~1 is|are|was|be|to|called|set|reads",
     "pin|access|door|alarm|security|gate|lock|safe|verification|unlock|login code|number|combination "
     "is|was|to|are",
     "api|secret|private|access|encryption|license|recovery|signing|ssh key|token|phrase|keys ~1 "
     "is|are|was|to|starts",
     "seed|recovery phrase ~1 is|are|was", "social security number ~1 is|was",
     "credit|debit|bank|card|account card|number|account ~1 number|is|was ~2 is|was|ends",
     "passport number is|was", "wifi|fi|network|bank|entry|house|office key|code|password is|was",
     "비밀번호는|비번은|비번이|암호는|패스워드는|인증번호는|보안코드는|주민등록번호는|주민번호는|카드번호는|"
     "계좌번호는|여권번호는|otp는|핀번호는"});
constexpr std::string_view kNames =
    "password|passwords|passcode|passphrase|pin|cvv|cvc|otp|ssn|비밀번호*|비번*|암호*|패스워드*|인증번호*|"
    "보안코드*|주민등록번호*|"
    "주민번호*|카드번호*|계좌번호*|여권번호*|핀번호*";
// Behind the name it is about secrets, not one of them.
constexpr std::string_view kAbout =
    "manager|managers|policy|hint|generator|reset|관리*|앱*|변경*|찾기|잊어*|재설정*|화폐*|관리자*";
// What is told of a secret without telling it.
constexpr std::string_view kHarmless =
    "stolen|lost|forgotten|changed|leaked|hacked|compromised|weak|long|hard|easy|expired|unknown|complicated|"
    "written";
// Beside these a word of letters and digits is a secret.
constexpr std::string_view kAccounts = "login|logins|credential*|username|account|계정*|아이디*|로그인*";
constexpr std::string_view kKoreanAbout =
    "잊*|바꾸*|바꿨*|바꾼*|변경*|관리*|어렵*|복잡*|중요*|까먹*|헷갈*|적어*|외우*|외운*|자주*|모른*|모르*|없*";

bool has_digit(std::string_view word) {
  return std::any_of(word.begin(), word.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// Letters and digits, as passwords are made of.
bool is_mixed(const std::string& word) {
  const auto letters = std::count_if(word.begin(), word.end(), [](char c) { return c >= 'a' && c <= 'z'; });
  return word.size() >= 7 && letters >= 3 && has_digit(word);
}

bool named_secret(const std::vector<std::string>& words) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (!fits_step(words[i], kNames)) continue;
    if (i + 1 < words.size() && fits_step(words[i + 1], kAbout)) continue;
    for (std::size_t k = i + 1; k < std::min(words.size(), i + 7); ++k)
      if (has_digit(words[k])) return true;
  }
  std::vector<std::string> telling;
  for (std::size_t i = 0; i < words.size(); ++i)
    if (i + 1 == words.size() || !fits_step(words[i], kNames) || !fits_step(words[i + 1], kAbout))
      telling.push_back(words[i]);
  const auto any = [&](auto&& wanted) { return std::any_of(words.begin(), words.end(), wanted); };
  if (any([](const std::string& word) { return fits_step(word, kAccounts); }) && any(is_mixed)) return true;
  if (any([](const std::string& word) {
        return fits_step(word, kHarmless) || fits_step(word, kKoreanAbout);
      }))
    return false;
  return std::any_of(kSecrets.begin(), kSecrets.end(),
                     [&](std::string_view pattern) { return has_pattern(telling, pattern); });
}

/// By its beginning, or long with letters and digits mixed.
bool is_key(std::string_view token) {
  for (const std::string_view begin : {"sk-", "sk_live", "pk_live", "ghp_", "gho_", "github_pat_", "xoxb-",
                                       "xoxp-", "AKIA", "AIza", "eyJ", "glpat-", "ssh-rsa", "-----BEGIN"})
    if (token.starts_with(begin) && token.size() >= begin.size() + 6) return true;
  if (token.size() < 20) return false;
  std::size_t letters = 0;
  std::size_t numbers = 0;
  for (const char c : token) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    const bool number = c >= '0' && c <= '9';
    if (!letter && !number && std::string_view("+/=_-.").find(c) == std::string_view::npos) return false;
    letters += letter ? 1 : 0;
    numbers += number ? 1 : 0;
  }
  return letters >= 3 && numbers >= 3;
}

bool luhn(const std::string& digits) {
  int sum = 0;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    int value = digits[digits.size() - 1 - i] - '0';
    if (i % 2 == 1) value = value * 2 > 9 ? value * 2 - 9 : value * 2;
    sum += value;
  }
  return sum % 10 == 0;
}

/// A card's number, a Korean resident's (6-7 digits), an American's (3-2-4).
bool is_personal_number(std::string_view run) {
  std::string digits;
  std::string form;
  std::size_t group = 0;
  for (const char c : run) {
    if (c >= '0' && c <= '9') {
      digits += c;
      ++group;
    } else {
      form += std::to_string(group) + "-";
      group = 0;
    }
  }
  form += std::to_string(group);
  if (form == "6-7" || form == "3-2-4") return true;
  if (digits.size() == 13 && form == "13") return digits[6] >= '1' && digits[6] <= '4';
  return digits.size() >= 13 && digits.size() <= 19 && luhn(digits);
}

}  // namespace

bool has_credential(std::string_view folded, std::string_view text) {
  if (named_secret(text::words(folded))) return true;
  std::size_t begin = 0;
  while (begin < text.size()) {
    std::size_t end = text.find_first_of(" ,'\"()", begin);
    if (end == std::string_view::npos) end = text.size();
    if (is_key(text.substr(begin, end - begin))) return true;
    begin = end + 1;
  }
  for (std::size_t i = 0; i < folded.size(); ++i) {
    if (folded[i] < '0' || folded[i] > '9') continue;
    std::size_t end = i;
    const auto part = [&](std::size_t k) {
      return k < folded.size() && folded[k] >= '0' && folded[k] <= '9';
    };
    while (part(end) || (end < folded.size() && (folded[end] == '-' || folded[end] == ' ') && part(end + 1)))
      ++end;
    if (is_personal_number(folded.substr(i, end - i))) return true;
    i = end;
  }
  return false;
}

}  // namespace prot::memory
