#pragma once

#include <fmt/format.h>
#include <sys/mman.h>

#include <cstring>
#include <ctime>
#include <new>
#include <vector>

#include "base/error.hpp"
#include "transport.hpp"

namespace prot::bench {

/// A frame in the memory of one process: its number stands at both ends, so that a torn one is found, and the
/// time of its departure behind the first number.
class Frame {
 public:
  explicit Frame(std::size_t bytes) : bytes_(bytes), memory_(bytes + kAlign, std::byte{0x5A}) {
    const auto address = reinterpret_cast<std::uintptr_t>(memory_.data());
    data_ = memory_.data() + (kAlign - address % kAlign);
  }
  void number(std::uint64_t value) noexcept {
    put(0, value);
    put(bytes_ - sizeof value, value);
  }
  void stamp(Nanos now) noexcept { put(sizeof(std::uint64_t), static_cast<std::uint64_t>(now)); }
  void expect(std::uint64_t value) const {
    if (get(0) != value || get(bytes_ - sizeof value) != value)
      throw Error(fmt::format("frame {} came as {} / {}", value, get(0), get(bytes_ - sizeof value)));
  }
  [[nodiscard]] std::uint64_t number() const noexcept { return get(0); }
  [[nodiscard]] Nanos stamp() const noexcept { return static_cast<Nanos>(get(sizeof(std::uint64_t))); }
  [[nodiscard]] std::byte* data() noexcept { return data_; }

 private:
  static constexpr std::size_t kAlign = 64;
  void put(std::size_t at, std::uint64_t value) noexcept { std::memcpy(data_ + at, &value, sizeof value); }
  [[nodiscard]] std::uint64_t get(std::size_t at) const noexcept {
    std::uint64_t value = 0;
    std::memcpy(&value, data_ + at, sizeof value);
    return value;
  }
  std::size_t bytes_;
  std::vector<std::byte> memory_;
  std::byte* data_ = nullptr;
};

/// Memory that the parent and both children share, zero. Unmapped at the end.
template <class T>
class Shared {
 public:
  explicit Shared(std::size_t extra = 0) : size_(sizeof(T) + extra) {
    void* memory = ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw errno_error("cannot map shared memory");
    object_ = new (memory) T;
  }
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;
  ~Shared() { ::munmap(object_, size_); }
  T* operator->() const noexcept { return object_; }
  T& operator*() const noexcept { return *object_; }

 private:
  std::size_t size_;
  T* object_ = nullptr;
};

inline void sleep_until(Nanos when) noexcept {
  const timespec t{when / kSecond, when % kSecond};
  while (::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, nullptr) == EINTR) {
  }
}

// Whoever counts system calls shall not count ours.
inline std::uint64_t sleeps_before_mark(const Arena& arena) noexcept {
  return arena.traced ? 0 : sleeps_now();
}

/// The measured stretch of one end begins.
inline void begin_stretch(Arena& arena, unsigned index) noexcept {
  Side& side = arena.side[index];
  if (index == 0) arena.mark();
  side.sleeps = sleeps_before_mark(arena);
  side.cpu_ns = arena.traced ? 0 : cpu_now();
  side.begin = monotonic_now();
}

inline void end_stretch(Arena& arena, unsigned index, Counts counts) {
  Side& side = arena.side[index];
  side.end = monotonic_now();
  if (index == 0) arena.mark();
  side.cpu_ns = arena.traced ? 0 : cpu_now() - side.cpu_ns;
  side.sleeps = sleeps_before_mark(arena) - side.sleeps;
  side.frames = counts.frames;
}

}  // namespace prot::bench
