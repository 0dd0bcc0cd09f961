#pragma once

#include <csignal>
#include <string>
#include <vector>

/// What every child between fork and exec does alike.
namespace prot {

/// `texts` as exec wants them, which is valid as long as they are.
[[nodiscard]] inline std::vector<char*> exec_list(const std::vector<std::string>& texts) {
  std::vector<char*> list;
  list.reserve(texts.size() + 1);
  for (const std::string& text : texts)
    list.push_back(const_cast<char*>(text.c_str()));  // NOLINT: exec's signature
  list.push_back(nullptr);
  return list;
}

/// Every signal's own effect, and none blocked: what was ignored stays so over exec. Allocates nothing.
inline void default_signals() noexcept {
  struct sigaction action {};
  action.sa_handler = SIG_DFL;
  for (int number = 1; number < 32; ++number)
    if (number != SIGKILL && number != SIGSTOP) ::sigaction(number, &action, nullptr);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

}  // namespace prot
