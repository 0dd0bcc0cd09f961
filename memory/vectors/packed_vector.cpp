#include "vectors/packed_vector.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>

#include "base/copy_bytes.hpp"

namespace prot::memory {
namespace {

static_assert(std::endian::native == std::endian::little, "stored vectors are little-endian");
static_assert(sizeof(float) == 4);

constexpr std::uint8_t kNone = 0x80;  // no digit

constexpr std::array<std::uint8_t, 256> make_digits() {
  std::array<std::uint8_t, 256> digits{};
  digits.fill(kNone);
  for (std::uint8_t i = 0; i < 10; ++i) digits[std::size_t{'0'} + i] = i;
  for (std::uint8_t i = 10; i < 16; ++i) {
    digits[std::size_t{'a'} - 10 + i] = i;
    digits[std::size_t{'A'} - 10 + i] = i;
  }
  return digits;
}
constexpr std::array<std::uint8_t, 256> kDigits = make_digits();

}  // namespace

PackedVector PackedVector::of(const Vector& vector) {
  PackedVector packed;
  float largest = 0.0F;
  for (const float value : vector) largest = std::max(largest, std::abs(value));
  packed.values.resize(vector.size());
  if (!(largest > 0.0F)) return packed;
  packed.scale = largest;
  for (std::size_t i = 0; i < vector.size(); ++i)
    packed.values[i] =
        static_cast<std::int16_t>(std::lrint(static_cast<double>(vector[i]) * kFull / largest));
  return packed;
}

Vector PackedVector::unpacked() const {
  Vector vector(values.size());
  for (std::size_t i = 0; i < vector.size(); ++i)
    vector[i] = static_cast<float>(values[i]) * scale / static_cast<float>(kFull);
  return vector;
}

std::string PackedVector::bytes() const {
  std::string out(sizeof(scale) + values.size() * sizeof(std::int16_t), '\0');
  std::memcpy(out.data(), &scale, sizeof(scale));
  copy_bytes(out.data() + sizeof(scale), values.data(), values.size() * sizeof(std::int16_t));
  return out;
}

PackedVector PackedVector::from_bytes(std::string_view bytes) {
  PackedVector packed;
  if (bytes.size() <= sizeof(packed.scale) || bytes.size() % sizeof(std::int16_t) != 0)
    throw Error("a stored vector has " + std::to_string(bytes.size()) + " bytes");
  std::memcpy(&packed.scale, bytes.data(), sizeof(packed.scale));
  if (!(packed.scale > 0.0F && packed.scale <= 1.001F)) throw Error("a stored vector has no sound scale");
  packed.values.resize((bytes.size() - sizeof(packed.scale)) / sizeof(std::int16_t));
  std::memcpy(packed.values.data(), bytes.data() + sizeof(packed.scale), bytes.size() - sizeof(packed.scale));
  const auto odd = [](std::int16_t value) { return value > kFull || value < -kFull; };
  if (std::any_of(packed.values.begin(), packed.values.end(), odd))
    throw Error("a stored vector has a number out of range");
  return packed;
}

std::string to_hex(std::string_view bytes) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string out = "\\x";
  out.reserve(2 + 2 * bytes.size());
  for (const char c : bytes) {
    out += kHex[static_cast<unsigned char>(c) >> 4U];
    out += kHex[static_cast<unsigned char>(c) & 15U];
  }
  return out;
}

std::string from_hex(std::string_view hex) {
  if (!hex.starts_with("\\x") || hex.size() % 2 != 0) throw Error("no bytes in hexadecimal form");
  hex.remove_prefix(2);
  std::string out(hex.size() / 2, '\0');
  unsigned seen = 0;
  for (std::size_t i = 0; i < out.size(); ++i) {
    const unsigned high = kDigits[static_cast<unsigned char>(hex[2 * i])];
    const unsigned low = kDigits[static_cast<unsigned char>(hex[2 * i + 1])];
    seen |= high | low;
    out[i] = static_cast<char>(high << 4U | low);
  }
  if ((seen & kNone) != 0) throw Error("no bytes in hexadecimal form");
  return out;
}

}  // namespace prot::memory
