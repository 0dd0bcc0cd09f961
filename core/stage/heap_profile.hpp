#pragma once

#include <condition_variable>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.hpp"
#include "stage/environment.hpp"
#include "stage/heap_sampler.hpp"

namespace prot::stage {

/// While general.heap_profile is on: writes what this process has taken of its heap, and where, to
/// heap/STAGE.json in the runtime folder, every two seconds, for prot-web's /memory. Without a sampler in the
/// process it does nothing.
/// A thread of its own: the stage's loop and its audio thread do not notice. Lifetime: ends its thread and
/// takes its file away.
class HeapProfile {
 public:
  static constexpr Nanos kLookEvery = 250 * kMillisecond;  // for the peak
  static constexpr Nanos kWriteEvery = 2 * kSecond;

  /// REQUIRES: the sandbox is there, and every signal that somebody waits for is blocked. What this process
  /// starts will not be sampled.
  explicit HeapProfile(const StageEnvironment& environment);
  ~HeapProfile();
  HeapProfile(const HeapProfile&) = delete;
  HeapProfile& operator=(const HeapProfile&) = delete;

  /// The stage is ready: growth is counted from here on.
  void begin();

 private:
  void run();
  void take_base();
  void write();
  HeapPicture take_picture();
  [[nodiscard]] std::string text(Nanos now);

  std::string stage_;
  std::uint32_t generation_;
  std::filesystem::path file_;
  std::optional<HeapSampler> sampler_;
  // The thread's own.
  std::uint64_t peak_ = 0;
  std::uint64_t padding_ = 0;  // of the newest picture
  std::uint64_t base_ = 0;
  std::map<std::vector<void*>, std::uint64_t> base_stacks_;
  bool failed_ = false;  // and it was said

  std::mutex mutex_;
  std::condition_variable wake_;
  bool ended_ = false;
  bool begun_ = false;
  std::thread thread_;
};

}  // namespace prot::stage
