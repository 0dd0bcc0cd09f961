// JSON, which nearly everything else is read with: what was read is written, and read again it is the same.
#include <cmath>

#include "tests/fuzz/fuzz_support.hpp"

using namespace prot;
using namespace prot::fuzz;

namespace {

// RapidJSON reads doubles quickly, not to the last bit.
bool near(double a, double b) {
  return a == b || std::abs(a - b) <= std::abs(a) * 1e-13 || std::abs(a) < 1e-300;
}

// NOLINTNEXTLINE(misc-no-recursion): a document is at most kMaxDepth deep
void compare(json::View a, json::View b, std::size_t depth) {
  require(depth <= json::kMaxDepth, "no document is deeper than allowed");
  require(a.is_null() == b.is_null() && a.is_object() == b.is_object() && a.is_array() == b.is_array() &&
              a.is_string() == b.is_string() && a.is_number() == b.is_number() && a.is_bool() == b.is_bool(),
          "the type stays");
  require(a.size() == b.size() && a.as_string() == b.as_string() && a.as_bool() == b.as_bool(),
          "the value stays");
  require(utf8::is_valid(a.as_string()), "a text is UTF-8");
  if (a.is_number()) {
    require(near(a.as_double(), b.as_double()), "the number stays");
    // A number with more digits than a double has may come back as its neighbour.
    require(a.as_int(7) == b.as_int(7) || std::abs(a.as_double()) > 9e15 || a.as_double() != b.as_double(),
            "the whole number stays");
  }
  for (std::size_t i = 0; i < a.size(); ++i) {
    require(a.key_at(i) == b.key_at(i) && utf8::is_valid(a.key_at(i)), "the name stays");
    compare(a.at(i), b.at(i), depth + 1);
  }
  require(!a.at(a.size()) && a.key_at(a.size()).empty(), "behind the end is nothing");
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = text_of(data, size);
  json::Document document;
  try {
    document = json::parse(text);
  } catch (const Error& error) {
    require(utf8::is_valid(error.what()), "the refusal is text");
    require(std::string_view(error.what()).starts_with("not JSON"), "the refusal says what it is");
    return 0;
  }
  const std::string written = document.root().to_json();
  json::Document again;
  try {
    again = json::parse(written);
  } catch (const Error&) {
    require(false, "what was written is JSON");
  }
  compare(document.root(), again.root(), 0);
  const std::string quoted = json::escape(text);
  require(json::parse(quoted).root().as_string() == utf8::sanitized(text), "a text stays what it is");
  return 0;
}
