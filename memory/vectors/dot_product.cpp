#include "vectors/dot_product.hpp"

#include <algorithm>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace prot::memory {
namespace {

#if defined(__x86_64__)
[[gnu::target("avx2"), gnu::always_inline]] inline __m256i row_part(const std::int8_t* at) noexcept {
  return _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(at)));
}
[[gnu::target("avx2"), gnu::always_inline]] inline __m256i query_part(const std::int16_t* at) noexcept {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
}

// By hand: of the plain loop g++ 12 makes three times as many instructions.
[[gnu::target("avx2")]] void dot_products_avx2(std::span<const std::int16_t> query, const std::int8_t* rows,
                                               std::span<std::int32_t> out) noexcept {
  for (std::int32_t& product : out) {
    __m256i even = _mm256_setzero_si256();
    __m256i odd = _mm256_setzero_si256();
    for (std::size_t i = 0; i < query.size(); i += 32) {
      even = _mm256_add_epi32(even, _mm256_madd_epi16(row_part(rows + i), query_part(query.data() + i)));
      odd = _mm256_add_epi32(odd,
                             _mm256_madd_epi16(row_part(rows + i + 16), query_part(query.data() + i + 16)));
    }
    const __m256i all = _mm256_add_epi32(even, odd);
    __m128i sum = _mm_add_epi32(_mm256_castsi256_si128(all), _mm256_extracti128_si256(all, 1));
    sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0x4E));
    sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0xB1));
    product = _mm_cvtsi128_si32(sum);
    rows += query.size();
  }
}
#endif

using Products = void (*)(std::span<const std::int16_t>, const std::int8_t*,
                          std::span<std::int32_t>) noexcept;

Products chosen() noexcept {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2") != 0) return dot_products_avx2;
#endif
  return dot_products_plain;
}

}  // namespace

void dot_products_plain(std::span<const std::int16_t> query, const std::int8_t* rows,
                        std::span<std::int32_t> out) noexcept {
  for (std::int32_t& product : out) {
    product = 0;
    for (std::size_t i = 0; i < query.size(); ++i)
      product += static_cast<std::int32_t>(query[i]) * static_cast<std::int16_t>(rows[i]);
    rows += query.size();
  }
}

void dot_products(std::span<const std::int16_t> query, const std::int8_t* rows,
                  std::span<std::int32_t> out) noexcept {
  static const Products products = chosen();
  products(query, rows, out);
}

int largest_factor(std::size_t length) noexcept {
  const std::size_t each = std::size_t{INT32_MAX} / (128 * std::max<std::size_t>(1, length));
  return static_cast<int>(std::clamp<std::size_t>(each, 1, INT16_MAX / 2));
}

}  // namespace prot::memory
