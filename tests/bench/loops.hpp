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

/// The loops over a Duplex: Duplex(const Setup&); open(end) in the child that has that end, 0 left, 1 right;
/// send(const std::byte*) and receive(std::byte*) of Setup::bytes, which wait; fill(Side&) for what it
/// counts.
template <class Duplex>
class Loops final : public Transport {
 public:
  explicit Loops(const Setup& setup) : setup_(setup), duplex_(setup) {}

  void ping(Arena& arena, Counts counts) override {
    Frame out(setup_.bytes);
    Frame in(setup_.bytes);
    open(arena, 0);
    Nanos last = monotonic_now();
    for (std::uint64_t i = 0; i < counts.warm + counts.frames; ++i) {
      out.number(i);
      duplex_.send(out.data());
      duplex_.receive(in.data());
      in.expect(i);
      const Nanos now = monotonic_now();
      if (i >= counts.warm) arena.side[0].add_sample(now - last);
      last = now;
      // One that stamps its frames need not read the clock again.
      if constexpr (requires { duplex_.set_time(now); }) duplex_.set_time(now);
    }
    duplex_.fill(arena.side[0]);
  }

  void pong(Arena& arena, Counts counts) override {
    Frame frame(setup_.bytes);
    open(arena, 1);
    for (std::uint64_t i = 0; i < counts.warm + counts.frames; ++i) {
      duplex_.receive(frame.data());
      frame.expect(i);
      duplex_.send(frame.data());
    }
    duplex_.fill(arena.side[1]);
  }

  void send_all(Arena& arena, Counts counts) override {
    Frame frame(setup_.bytes);
    open(arena, 0);
    for (std::uint64_t i = 0; i < counts.warm + counts.frames; ++i) {
      if (i == counts.warm) begin(arena, 0);
      frame.number(i);
      duplex_.send(frame.data());
    }
    arena.await_finish();
    end(arena, 0, counts);
  }

  void receive_all(Arena& arena, Counts counts) override {
    Frame frame(setup_.bytes);
    open(arena, 1);
    for (std::uint64_t i = 0; i < counts.warm + counts.frames; ++i) {
      if (i == counts.warm) begin(arena, 1);
      duplex_.receive(frame.data());
      frame.expect(i);
    }
    end(arena, 1, counts);
    arena.finish();
  }

  void send_paced(Arena& arena, Counts counts, Pace pace) override {
    Frame frame(setup_.bytes);
    open(arena, 0);
    Nanos next = monotonic_now() + kMillisecond;
    for (std::uint64_t i = 0; i < counts.warm + counts.frames; ++i, next += pace.interval) {
      if (!pace.spin) sleep_until(next);
      while (monotonic_now() < next) pause();
      if (i == counts.warm) begin(arena, 0);
      if (setup_.fault == Fault::kSkipsAFrame && i == counts.frames / 2) continue;
      frame.number(i);
      frame.stamp(monotonic_now());
      duplex_.send(frame.data());
    }
    arena.await_finish();
    end(arena, 0, counts);
  }

  void receive_paced(Arena& arena, Counts counts) override {
    Side& side = arena.side[1];
    Frame frame(setup_.bytes);
    open(arena, 1);
    std::uint64_t next = 0;
    while (next < counts.warm + counts.frames) {
      duplex_.receive(frame.data());
      const Nanos now = monotonic_now();
      frame.expect(frame.number());
      if (frame.number() < next) throw Error(fmt::format("frame {} came twice", frame.number()));
      side.lost += frame.number() - next;
      next = frame.number() + 1;
      if (next == counts.warm) begin(arena, 1);
      if (next > counts.warm) side.add_sample(now - frame.stamp());
    }
    end(arena, 1, counts);
    arena.finish();
  }

  void send_late(Arena& arena, Nanos quiet) override {
    Frame frame(setup_.bytes);
    open(arena, 0);
    frame.number(0);
    sleep_until(monotonic_now() + quiet);
    duplex_.send(frame.data());
  }

  void receive_late(Arena& arena) override {
    Frame frame(setup_.bytes);
    open(arena, 1);
    begin(arena, 1);
    duplex_.receive(frame.data());
    frame.expect(0);
    end(arena, 1, {0, 1});
  }

 private:
  void open(Arena& arena, unsigned side) {
    duplex_.open(side);
    arena.meet();
  }
  void begin(Arena& arena, unsigned index) noexcept {
    Side& side = arena.side[index];
    if (index == 0) arena.mark();
    side.sleeps = sleeps_before_mark(arena);
    side.cpu_ns = arena.traced ? 0 : cpu_now();
    side.begin = monotonic_now();
  }
  void end(Arena& arena, unsigned index, Counts counts) {
    Side& side = arena.side[index];
    side.end = monotonic_now();
    if (index == 0) arena.mark();
    side.cpu_ns = arena.traced ? 0 : cpu_now() - side.cpu_ns;
    side.sleeps = sleeps_before_mark(arena) - side.sleeps;
    side.frames = counts.frames;
    duplex_.fill(side);
  }
  // Whoever counts system calls shall not count ours.
  static std::uint64_t sleeps_before_mark(const Arena& arena) noexcept {
    return arena.traced ? 0 : sleeps_now();
  }

  Setup setup_;
  Duplex duplex_;
};

}  // namespace prot::bench
