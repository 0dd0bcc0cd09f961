#include "vectors/vector_index.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <span>
#include <tuple>
#include <utility>

#include "base/fnv.hpp"
#include "vectors/dot_product.hpp"

namespace prot::memory {
namespace {

constexpr std::size_t kBlockRows = 512;   // half a megabyte at 1,024 numbers
constexpr std::size_t kLeastBlocks = 16;  // when it is full the oldest block goes: not too large a part
// What 8 bits leave open is spread like a normal distribution: beyond so many of its deviations is nothing.
constexpr float kDeviations = 6.0F;
constexpr float kStepDeviation = 0.2887F;   // of a rounding error, in steps: 1 / sqrt(12)
constexpr std::size_t kFewCandidates = 16;  // times the limit: more are never compared anew
constexpr float kFull = PackedVector::kFull;

/// The high byte, rounded, so that the rest is a byte too.
std::int8_t high_of(int value) noexcept {
  return static_cast<std::int8_t>((value + 128 + 32'768) / 256 - 128);
}

}  // namespace

VectorKey VectorKey::of_statement(std::string_view statement) noexcept {
  std::uint64_t other = 0x9E3779B97F4A7C15U;
  for (const char c : statement) {
    other = (other + static_cast<unsigned char>(c)) * 0xD6E8FEB86659FD93U;
    other ^= other >> 32U;
  }
  return {0, other, fnv1a(statement)};
}

struct VectorIndex::Scored {
  float score;
  Row row;
};

/// All rows that may be among the best `limit`, while they are looked through. A row's score is off by less
/// than `error`, so whatever is more than twice that below the last of the best by score is not among them.
class VectorIndex::Candidates {
 public:
  Candidates(std::size_t limit, float error) : limit_(limit), margin_(2 * error) { best_.reserve(limit); }

  [[nodiscard]] bool may_be(float score) const noexcept { return score >= floor_; }
  void add(const Scored& scored) {
    if (best_.size() < limit_) {
      best_.push_back(scored.score);
      std::push_heap(best_.begin(), best_.end(), std::greater<>());
    } else if (scored.score > best_.front()) {
      std::pop_heap(best_.begin(), best_.end(), std::greater<>());
      best_.back() = scored.score;
      std::push_heap(best_.begin(), best_.end(), std::greater<>());
    }
    if (best_.size() == limit_) floor_ = best_.front() - margin_;
    found_.push_back(scored);
    if (found_.size() >= 2 * kFewCandidates * limit_) cut();
  }
  [[nodiscard]] std::vector<Scored> take() {
    cut();
    return std::move(found_);
  }

 private:
  void cut() {
    std::erase_if(found_, [&](const Scored& one) { return one.score < floor_; });
    const std::size_t most = kFewCandidates * limit_;
    if (found_.size() <= most) return;
    std::nth_element(found_.begin(), found_.begin() + static_cast<std::ptrdiff_t>(most), found_.end(),
                     [](const Scored& a, const Scored& b) { return a.score > b.score; });
    found_.resize(most);
  }

  std::size_t limit_;
  float margin_;
  float floor_ = -std::numeric_limits<float>::infinity();
  std::vector<float> best_;  // a heap, the worst in front
  std::vector<Scored> found_;
};

void VectorIndex::begin(std::size_t dimension) {
  dimension_ = dimension;
  stride_ = (dimension_ + kDotBlock - 1) / kDotBlock * kDotBlock;
  const std::size_t each = 2 * stride_ + sizeof(Owner) + 72;  // the table's node and bucket
  const std::size_t most = std::max<std::size_t>(1, max_bytes_ / each);
  block_rows_ = std::clamp<std::size_t>(most / kLeastBlocks, 1, kBlockRows);
  most_blocks_ = std::max<std::size_t>(1, most / block_rows_);
}

std::uint64_t VectorIndex::new_row(const VectorKey& key) {
  if (blocks_.empty() || blocks_.back().owners.size() == block_rows_) {
    if (blocks_.size() == most_blocks_) drop_oldest_block();
    Block block;
    block.high = std::make_unique_for_overwrite<std::int8_t[]>(block_rows_ * stride_);
    block.low = std::make_unique_for_overwrite<std::int8_t[]>(block_rows_ * stride_);
    block.owners.reserve(block_rows_);
    blocks_.push_back(std::move(block));
  }
  std::vector<Owner>& owners = blocks_.back().owners;
  owners.push_back({key, 0.0F});
  return first_ + (blocks_.size() - 1) * block_rows_ + owners.size() - 1;
}

void VectorIndex::drop_oldest_block() {
  first_ += block_rows_;
  for (const Owner& owner : blocks_.front().owners)
    if (const auto known = places_.find(owner.key); known != places_.end() && known->second < first_) {
      places_.erase(known);
      ++dropped_;
    }
  blocks_.pop_front();
}

bool VectorIndex::put(const VectorKey& key, const PackedVector& vector) {
  if (dimension_ == 0) begin(vector.values.size());
  if (vector.values.size() != dimension_ || dimension_ == 0) return false;
  const auto known = places_.find(key);
  const std::uint64_t row = known != places_.end() ? known->second : new_row(key);
  if (known == places_.end()) places_.emplace(key, row);
  Block& block = block_of(row);
  const std::size_t place = place_of(row);
  block.owners[place].scale = vector.scale;
  largest_scale_ = std::max(largest_scale_, vector.scale);
  std::int8_t* const high = block.high.get() + place * stride_;
  std::int8_t* const low = block.low.get() + place * stride_;
  for (std::size_t i = 0; i < dimension_; ++i) {
    high[i] = high_of(vector.values[i]);
    low[i] = static_cast<std::int8_t>(vector.values[i] - 256 * high[i]);
  }
  std::fill(high + dimension_, high + stride_, std::int8_t{0});
  std::fill(low + dimension_, low + stride_, std::int8_t{0});
  return true;
}

void VectorIndex::erase(const VectorKey& key) {
  const auto known = places_.find(key);
  if (known == places_.end()) return;
  Block& block = block_of(known->second);
  const std::size_t place = place_of(known->second);
  block.owners[place] = {};
  std::fill_n(block.high.get() + place * stride_, stride_, std::int8_t{0});
  std::fill_n(block.low.get() + place * stride_, stride_, std::int8_t{0});
  places_.erase(known);
}

void VectorIndex::clear() {
  dimension_ = stride_ = block_rows_ = most_blocks_ = 0;
  first_ = dropped_ = 0;
  largest_scale_ = 0.0F;
  blocks_.clear();
  places_.clear();
}

float VectorIndex::exact(const Row& row, const Vector& query) const {
  const std::int8_t* const high = row.block->high.get() + row.place * stride_;
  const std::int8_t* const low = row.block->low.get() + row.place * stride_;
  std::array<float, 8> sums{};  // one sum would make each addition wait for the one before
  const auto value = [&](std::size_t i) { return static_cast<float>(256 * high[i] + low[i]) * query[i]; };
  std::size_t i = 0;
  for (; i + sums.size() <= dimension_; i += sums.size())
    for (std::size_t k = 0; k < sums.size(); ++k) sums[k] += value(i + k);
  float sum = 0.0F;
  for (; i < dimension_; ++i) sum += value(i);
  for (const float part : sums) sum += part;
  return sum * row.block->owners[row.place].scale / kFull;
}

std::vector<VectorIndex::Near> VectorIndex::search(const Vector& query, std::size_t limit,
                                                   const Allowed& allowed) const {
  if (query.size() != dimension_ || limit == 0) return {};
  float largest = 0.0F;
  for (const float value : query) largest = std::max(largest, std::abs(value));
  if (!(largest > 0.0F)) return {};
  const auto most = static_cast<float>(largest_factor(stride_));
  std::vector<std::int16_t> asked(stride_);
  for (std::size_t i = 0; i < query.size(); ++i)
    asked[i] = static_cast<std::int16_t>(std::lrint(query[i] * most / largest));

  const float unit = 256.0F * largest / (kFull * most);  // of a product, with its row's scale: a cosine
  Candidates candidates(limit, kDeviations * kStepDeviation * 256.0F / kFull * largest_scale_);
  std::array<std::int32_t, kBlockRows> products;
  for (const Block& block : blocks_) {
    const std::size_t count = block.owners.size();
    dot_products(asked, block.high.get(), std::span(products).first(count));
    for (std::size_t i = 0; i < count; ++i) {
      const Owner& owner = block.owners[i];
      const float score = static_cast<float>(products[i]) * owner.scale * unit;
      if (!candidates.may_be(score) || owner.scale == 0.0F || (allowed && !allowed(owner.key))) continue;
      candidates.add({score, {&block, i}});
    }
  }
  std::vector<Near> nearest;
  for (const Scored& scored : candidates.take())
    nearest.push_back({scored.row.block->owners[scored.row.place].key, exact(scored.row, query)});
  std::sort(nearest.begin(), nearest.end(), [](const Near& a, const Near& b) {
    return std::tuple(-a.similarity, a.key.high, a.key.low, a.key.number) <
           std::tuple(-b.similarity, b.key.high, b.key.low, b.key.number);
  });
  if (nearest.size() > limit) nearest.resize(limit);
  return nearest;
}

std::size_t VectorIndex::bytes() const noexcept {
  return blocks_.size() * (block_rows_ * (2 * stride_ + sizeof(Owner)) + sizeof(Block)) +
         places_.size() * 64 + places_.bucket_count() * sizeof(void*);
}

}  // namespace prot::memory
