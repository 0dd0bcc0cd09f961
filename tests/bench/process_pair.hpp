#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>

#include "base/clock.hpp"
#include "ipc/pause.hpp"

namespace prot::bench {

using ipc::pause;

inline constexpr std::size_t kMostSamples = 1U << 20U;

/// What one of the two processes found out. Lies in memory that both and the parent share.
struct Side {
  Nanos begin = 0;
  Nanos end = 0;
  std::int64_t cpu_ns = 0;       // of the whole process, between begin and end
  std::uint64_t frames = 0;      // between begin and end
  std::uint64_t lost = 0;        // sequences that never came
  std::uint64_t late_wakes = 0;  // sleeps that the belt ended although a frame was there
  std::uint64_t sleeps = 0;      // voluntary context switches between begin and end
  std::uint64_t sample_count = 0;
  std::array<std::uint32_t, kMostSamples> samples;  // ns
  std::array<char, 200> error;

  void add_sample(Nanos value) noexcept;
};

/// The memory that the two processes of a measurement and their parent share.
struct Arena {
  std::atomic<std::uint32_t> arrived{0};
  std::atomic<std::uint32_t> finished{0};
  bool traced = false;  // system calls are being counted
  std::array<Side, 2> side;

  /// Waits until both sides are here.
  void meet() noexcept;
  /// The receiver has everything; the sender waits for that without a system call.
  void finish() noexcept { finished.store(1, std::memory_order_release); }
  void await_finish() const noexcept;
  /// Begin and end of what is counted: a system call that nothing else here makes.
  void mark() const noexcept;
};

/// System calls between the two marks, of both processes together.
struct TraceCount {
  std::uint64_t calls = 0;
  bool possible = true;  // false: the kernel does not let this process trace its children
};

/// Two forked processes, each pinned to a core of its own (to the same if there is only one). They die with
/// the parent and by an alarm when they hang. Not thread-safe.
class ProcessPair {
 public:
  using Body = std::function<void(Arena&)>;

  ProcessPair();
  ProcessPair(const ProcessPair&) = delete;
  ProcessPair& operator=(const ProcessPair&) = delete;
  ~ProcessPair();

  /// Runs `left` and `right` to their ends. Throws Error with what a process said, or that it hung.
  void run(const Body& left, const Body& right);
  /// The same, counting system calls between two Arena::mark() of `left`. `right` need not end by itself.
  TraceCount run_traced(const Body& left, const Body& right);

  [[nodiscard]] const Side& left() const noexcept { return arena_->side[0]; }
  [[nodiscard]] const Side& right() const noexcept { return arena_->side[1]; }

 private:
  void reset(bool traced) noexcept;
  [[nodiscard]] int start(unsigned index, const Body& body, int group) const;
  [[noreturn]] void fail(unsigned index, int status) const;

  Arena* arena_ = nullptr;
};

/// How many cores the two processes may have: 1 or 2.
[[nodiscard]] unsigned usable_cores() noexcept;
/// CPU time of this process and its threads.
[[nodiscard]] std::int64_t cpu_now() noexcept;
/// Voluntary context switches of this process and its threads.
[[nodiscard]] std::uint64_t sleeps_now() noexcept;

}  // namespace prot::bench
