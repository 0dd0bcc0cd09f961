#include "vectors/dot_product.hpp"

#include <algorithm>

namespace prot::memory {
namespace {

// Inlined into each of the two below, and compiled there for what they may use.
[[gnu::always_inline]] inline void products(const std::int8_t* query, const std::int8_t* rows,
                                            std::size_t stride, std::size_t count, std::int32_t* out) {
  for (std::size_t row = 0; row < count; ++row, rows += stride) {
    std::int32_t sum = 0;
    for (std::size_t block = 0; block < stride; block += kDotBlock)
      for (std::size_t i = 0; i < kDotBlock; ++i)
        sum += static_cast<std::int16_t>(query[block + i]) * static_cast<std::int16_t>(rows[block + i]);
    out[row] = sum;
  }
}

void products_plain(const std::int8_t* query, const std::int8_t* rows, std::size_t stride, std::size_t count,
                    std::int32_t* out) {
  products(query, rows, stride, count, out);
}

#if defined(__x86_64__)
[[gnu::target("avx2")]] void products_avx2(const std::int8_t* query, const std::int8_t* rows,
                                           std::size_t stride, std::size_t count, std::int32_t* out) {
  products(query, rows, stride, count, out);
}
#endif

using Products = void (*)(const std::int8_t*, const std::int8_t*, std::size_t, std::size_t, std::int32_t*);

Products chosen() noexcept {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2") != 0) return products_avx2;
#endif
  return products_plain;
}

}  // namespace

std::span<const std::int32_t> DotScan::rows(std::size_t begin, std::size_t end) {
  static const Products products = chosen();
  const std::size_t count = std::min(kRows, end - begin);
  products(query_.data(), rows_.data() + begin * stride_, stride_, count, products_.data());
  return {products_.data(), count};
}

}  // namespace prot::memory
