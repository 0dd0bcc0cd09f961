#include "audio/tape.hpp"

#include <cstring>

#include "base/copy_bytes.hpp"
#include "base/error.hpp"

namespace prot::audio {
namespace {

constexpr std::uint64_t kMagic = 0x45504154544F5250;  // "PROTTAPE"

struct Head {
  std::uint64_t magic;
  std::uint32_t rate;
  std::uint32_t block;
  std::uint64_t blocks;
};

template <typename T>
void append(std::string& bytes, const std::vector<T>& items) {
  const std::size_t at = bytes.size();
  bytes.resize(at + items.size() * sizeof(T));
  copy_bytes(bytes.data() + at, items.data(), items.size() * sizeof(T));
}

template <typename T>
std::vector<T> take(std::string_view& bytes, std::uint64_t count) {
  if (count > bytes.size() / sizeof(T)) throw Error("a recording is cut short");
  std::vector<T> items(count);
  copy_bytes(items.data(), bytes.data(), count * sizeof(T));
  bytes.remove_prefix(count * sizeof(T));
  return items;
}

}  // namespace

std::string to_bytes(const Tape& tape) {
  const Head head{kMagic, tape.rate, tape.block, tape.times.size()};
  std::string bytes(sizeof(head), '\0');
  std::memcpy(bytes.data(), &head, sizeof(head));
  append(bytes, tape.times);
  append(bytes, tape.samples);
  return bytes;
}

Tape take_tape(std::string_view& bytes) {
  Head head{};
  if (bytes.size() < sizeof(head)) throw Error("a recording is missing");
  std::memcpy(&head, bytes.data(), sizeof(head));
  if (head.magic != kMagic || head.rate == 0 || head.block == 0 || head.blocks > UINT64_MAX / head.block)
    throw Error("these bytes are no recording");
  bytes.remove_prefix(sizeof(head));
  Tape tape{.rate = head.rate, .block = head.block};
  tape.times = take<Nanos>(bytes, head.blocks);
  tape.samples = take<std::int16_t>(bytes, head.blocks * head.block);
  return tape;
}

}  // namespace prot::audio
