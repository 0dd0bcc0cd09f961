#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/old_files.hpp"
#include "ipc/shm_segment.hpp"
#include "process_sys.hpp"

namespace prot::supervisor {

/// Finds the frames that end their consumer, and takes them out of its way: a frame that was the newest in
/// hand at two deaths of the consumer's own doing is copied to FOLDER/RING-RUN-SEQUENCE.frame, and the
/// successor steps over it. The file: {u32 length of the next two, RecordHeader, payload, u32 CRC32C of all
/// before}, 0600. A SIGKILL or a request to end comes from outside, as does every signal of the supervisor's,
/// and blames no frame. Single-threaded. REQUIRES: `rings` (as the supervisor maps them) outlive it.
class PoisonWatch {
 public:
  PoisonWatch(const std::vector<ipc::RingSegment>& rings, std::filesystem::path folder, std::string run_id,
              KeptFiles kept = {});

  /// `generation` of `stage` has ended and its successor is not started yet. Returns a line for people, or
  /// "".
  [[nodiscard]] std::string on_death(std::string_view stage, std::uint32_t generation,
                                     const ExitStatus& status);

 private:
  struct Suspect {
    std::size_t ring = 0;
    std::uint64_t sequence = 0;
    bool found = false;
  };
  [[nodiscard]] Suspect suspect_of(std::string_view stage, std::uint32_t generation) const noexcept;
  [[nodiscard]] std::string move_away(const ipc::RingSegment& ring, std::uint64_t sequence,
                                      std::string_view stage);

  const std::vector<ipc::RingSegment>* rings_;
  std::filesystem::path folder_;
  std::string run_id_;
  KeptFiles kept_;
  std::vector<std::map<std::uint64_t, int>> deaths_;  // by ring: how often each sequence was blamed
};

}  // namespace prot::supervisor
