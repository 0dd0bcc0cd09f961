#pragma once

#include <exception>
#include <stdexcept>
#include <string>
#include <string_view>

namespace prot {

/// An error at set-up or at an I/O edge: what failed, on what, why. Exit code per doc/developer.md.
class Error : public std::runtime_error {
 public:
  explicit Error(const std::string& what, int exit_code = 1)
      : std::runtime_error(what), exit_code_(exit_code) {}
  int exit_code() const noexcept { return exit_code_; }

 private:
  int exit_code_;
};

/// A wrong command line or configuration: exit code 2.
class UsageError : public Error {
 public:
  explicit UsageError(const std::string& what) : Error(what, 2) {}
};

/// "what: strerror(error)".
[[nodiscard]] Error errno_error(std::string_view what, int error);
/// The same with the current errno.
[[nodiscard]] Error errno_error(std::string_view what);

/// The messages of an exception and of all exceptions nested in it, joined by ": ".
[[nodiscard]] std::string full_message(const std::exception& error);

}  // namespace prot
