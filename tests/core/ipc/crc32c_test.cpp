#include "ipc/crc32c.hpp"

#include <doctest/doctest.h>

#include <random>
#include <string_view>
#include <vector>

using namespace prot::ipc;

TEST_CASE("crc32c has the value that RFC 3720 gives for its examples") {
  CHECK(crc32c(std::as_bytes(std::span(std::string_view("123456789")))) == 0xE3069283);
  CHECK(crc32c(std::vector<std::byte>(32, std::byte{0})) == 0x8A9136AA);
  CHECK(crc32c(std::vector<std::byte>(32, std::byte{0xFF})) == 0x62A8AB43);
  CHECK(crc32c({}) == 0);
}

TEST_CASE("the table and the processor agree for every length and split") {
  std::mt19937 random(1);
  std::vector<std::byte> data(300);
  for (std::byte& b : data) b = static_cast<std::byte>(random());
  for (std::size_t length = 0; length <= data.size(); ++length) {
    const auto part = std::span<const std::byte>(data).first(length);
    CHECK(crc32c(part) == crc32c_by_table(part));
    CHECK(crc32c(part.subspan(length / 3), crc32c(part.first(length / 3))) == crc32c(part));
  }
}

TEST_CASE("the checksum of a header is that of its bytes around the checksum") {
  std::mt19937_64 random(2);
  for (int round = 0; round < 100; ++round) {
    std::uint64_t word[6];
    for (std::uint64_t& w : word) w = random();
    const auto bytes = std::as_bytes(std::span(word));
    CHECK(crc32c_header(word) == crc32c_by_table(bytes.subspan(16), crc32c_by_table(bytes.first(12))));
  }
}
