#include "base/error.hpp"

#include <cerrno>
#include <system_error>

namespace prot {

Error errno_error(std::string_view what, int error) {
  return Error(std::string(what) + ": " + std::generic_category().message(error));
}

Error errno_error(std::string_view what) { return errno_error(what, errno); }

std::string full_message(const std::exception& error) {
  std::string text = error.what();
  try {
    std::rethrow_if_nested(error);
  } catch (const std::exception& nested) {
    text += ": " + full_message(nested);
  } catch (...) {
    text += ": unknown error";
  }
  return text;
}

}  // namespace prot
