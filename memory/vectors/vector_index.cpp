#include "vectors/vector_index.hpp"

#include <algorithm>
#include <cmath>
#include <span>
#include <tuple>
#include <utility>

#include "vectors/dot_product.hpp"

namespace prot::memory {
namespace {

constexpr std::size_t kChecked = 4;     // of so many times the limit the exact order is looked at
constexpr std::size_t kGoneShare = 16;  // when it is full, room is made for that part of it
constexpr float kFull = PackedVector::kFull;

/// The high byte, rounded, so that the rest is a byte too.
std::int8_t high_of(int value) noexcept {
  return static_cast<std::int8_t>((value + 128 + 32'768) / 256 - 128);
}

}  // namespace

VectorKey VectorKey::of_statement(std::string_view statement) noexcept {
  std::uint64_t hash = 0xCBF29CE484222325U;
  std::uint64_t other = 0x9E3779B97F4A7C15U;
  for (const char c : statement) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3U;
    other = (other + static_cast<unsigned char>(c)) * 0xD6E8FEB86659FD93U;
    other ^= other >> 32U;
  }
  return {0, other, hash};
}

bool VectorIndex::put(const VectorKey& key, const PackedVector& vector) {
  if (dimension_ == 0) {
    dimension_ = vector.values.size();
    stride_ = (dimension_ + kDotBlock - 1) / kDotBlock * kDotBlock;
  }
  if (vector.values.size() != dimension_) return false;
  const auto known = places_.find(key);
  if (known == places_.end()) make_room();
  const std::size_t slot = known == places_.end() ? owners_.size() : known->second;
  if (slot == owners_.size()) {
    owners_.push_back({key, 0.0F});
    high_.resize(high_.size() + stride_);
    low_.resize(low_.size() + stride_);
    places_.emplace(key, slot);
  }
  owners_[slot].scale = vector.scale;
  std::int8_t* const high = high_.data() + slot * stride_;
  std::int8_t* const low = low_.data() + slot * stride_;
  for (std::size_t i = 0; i < dimension_; ++i) {
    high[i] = high_of(vector.values[i]);
    low[i] = static_cast<std::int8_t>(vector.values[i] - 256 * high[i]);
  }
  return true;
}

void VectorIndex::erase(const VectorKey& key) {
  const auto known = places_.find(key);
  if (known == places_.end()) return;
  const std::size_t slot = known->second;
  owners_[slot] = {};
  std::fill_n(high_.begin() + static_cast<std::ptrdiff_t>(slot * stride_), stride_, std::int8_t{0});
  std::fill_n(low_.begin() + static_cast<std::ptrdiff_t>(slot * stride_), stride_, std::int8_t{0});
  places_.erase(known);
}

void VectorIndex::clear() {
  dimension_ = stride_ = 0;
  high_ = std::vector<std::int8_t>();  // "= {}" would keep the memory
  low_ = std::vector<std::int8_t>();
  owners_ = std::vector<Owner>();
  places_.clear();
}

void VectorIndex::make_room() {
  const std::size_t each = 2 * stride_ + sizeof(Owner) + 72;  // the table's node and bucket
  const std::size_t most = std::max<std::size_t>(1, max_bytes_ / each);
  if (high_.capacity() == high_.size()) {
    // Doubling would take twice the memory for the time of the copy, and half of it for ever.
    const std::size_t wanted =
        std::min(most, std::max<std::size_t>(1024, owners_.size() + owners_.size() / 4));
    high_.reserve(wanted * stride_);
    low_.reserve(wanted * stride_);
    owners_.reserve(wanted);
  }
  if (owners_.size() < most) return;
  const std::size_t gone = std::max<std::size_t>(1, owners_.size() / kGoneShare);
  for (std::size_t slot = 0; slot < gone; ++slot)
    if (owners_[slot].scale > 0.0F) places_.erase(owners_[slot].key);
  owners_.erase(owners_.begin(), owners_.begin() + static_cast<std::ptrdiff_t>(gone));
  high_.erase(high_.begin(), high_.begin() + static_cast<std::ptrdiff_t>(gone * stride_));
  low_.erase(low_.begin(), low_.begin() + static_cast<std::ptrdiff_t>(gone * stride_));
  for (auto& [key, slot] : places_) slot -= gone;
}

float VectorIndex::exact(std::size_t slot, const Vector& query) const {
  const std::int8_t* const high = high_.data() + slot * stride_;
  const std::int8_t* const low = low_.data() + slot * stride_;
  float sum = 0.0F;
  for (std::size_t i = 0; i < dimension_; ++i) sum += static_cast<float>(256 * high[i] + low[i]) * query[i];
  return sum * owners_[slot].scale / kFull;
}

std::vector<VectorIndex::Near> VectorIndex::search(const Vector& query, std::size_t limit,
                                                   const Allowed& allowed) const {
  if (query.size() != dimension_ || limit == 0) return {};
  const PackedVector packed = PackedVector::of(query);
  std::vector<std::int8_t> asked(stride_);
  for (std::size_t i = 0; i < dimension_; ++i) asked[i] = high_of(packed.values[i]);

  using Scored = std::pair<float, std::size_t>;
  std::vector<Scored> best;  // a heap, the worst in front
  const std::size_t wanted = kChecked * limit;
  const auto better = [](const Scored& a, const Scored& b) { return a > b; };
  DotScan scan(asked, high_, stride_);
  for (std::size_t begin = 0; begin < owners_.size(); begin += DotScan::kRows) {
    const std::span<const std::int32_t> products = scan.rows(begin, owners_.size());
    for (std::size_t i = 0; i < products.size(); ++i) {
      const Owner& owner = owners_[begin + i];
      const Scored scored{static_cast<float>(products[i]) * owner.scale, begin + i};
      if (owner.scale == 0.0F || (best.size() == wanted && !better(scored, best.front()))) continue;
      if (allowed && !allowed(owner.key)) continue;
      if (best.size() == wanted) {
        std::pop_heap(best.begin(), best.end(), better);
        best.pop_back();
      }
      best.push_back(scored);
      std::push_heap(best.begin(), best.end(), better);
    }
  }
  std::vector<Near> nearest;
  nearest.reserve(best.size());
  for (const Scored& scored : best)
    nearest.push_back({owners_[scored.second].key, exact(scored.second, query)});
  std::sort(nearest.begin(), nearest.end(), [](const Near& a, const Near& b) {
    return std::tuple(-a.similarity, a.key.high, a.key.low, a.key.number) <
           std::tuple(-b.similarity, b.key.high, b.key.low, b.key.number);
  });
  if (nearest.size() > limit) nearest.resize(limit);
  return nearest;
}

std::size_t VectorIndex::bytes() const noexcept {
  return high_.capacity() + low_.capacity() + owners_.capacity() * sizeof(Owner) + places_.size() * 64 +
         places_.bucket_count() * sizeof(void*);
}

}  // namespace prot::memory
