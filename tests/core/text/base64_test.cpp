#include "text/base64.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace prot;

namespace {
std::string encoded(const std::string& bytes) { return text::base64(std::as_bytes(std::span(bytes))); }
}  // namespace

TEST_CASE("base64 there and back, by the RFC's own examples and every byte") {
  const char* rows[][2] = {{"", ""},
                           {"f", "Zg=="},
                           {"fo", "Zm8="},
                           {"foo", "Zm9v"},
                           {"foob", "Zm9vYg=="},
                           {"fooba", "Zm9vYmE="},
                           {"foobar", "Zm9vYmFy"}};
  for (const auto& row : rows) {
    CHECK(encoded(row[0]) == row[1]);
    CHECK(text::from_base64(row[1]).value_or("none") == row[0]);
  }
  std::string all;
  for (int i = 0; i < 256; ++i) all.push_back(static_cast<char>(i));
  CHECK(text::from_base64(encoded(all)).value_or("none") == all);
  CHECK(text::from_base64("Zg").value_or("none") == "f");
  for (const char* wrong : {"Zm9v!", "Zm 9v", "Zg=v", "\xff"})
    CHECK_FALSE(text::from_base64(wrong).has_value());
}
