#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

#include "base/old_files.hpp"
#include "queue/spool.hpp"

namespace prot::memory {

/// Records that the store refused: SPOOL/rejected/NUMBER.spool, one in each, until a person has looked at
/// them. One thread. Invariant: a record is there or in the spool, never in neither.
class Refused {
 public:
  struct Letter {
    std::int64_t number;
    TurnRecord record;
  };
  explicit Refused(const std::filesystem::path& spool)
      : spool_(spool), folder_(spool / "rejected"), writer_(folder_) {}

  /// Throws Error: it is not kept.
  void add(const TurnRecord& record);
  /// The newest. What cannot be read any more, since its words were forgotten, is left out.
  [[nodiscard]] std::vector<Letter> newest(std::size_t most) const;
  [[nodiscard]] std::uint64_t count() const { return spool_files(folder_, ".spool").size(); }
  /// Back to the spool, whose next replay offers them again: these, or all. How many. Throws Error.
  int retry(std::span<const std::int64_t> numbers, bool all);
  int drop(std::span<const std::int64_t> numbers, bool all);
  std::size_t drop_old(const KeptFiles& kept, Nanos now) {
    return remove_old_files(folder_, ".spool", kept, now);
  }

 private:
  [[nodiscard]] std::vector<std::filesystem::path> meant(std::span<const std::int64_t> numbers,
                                                         bool all) const;

  std::filesystem::path spool_;
  std::filesystem::path folder_;
  SpoolWriter writer_;
};

}  // namespace prot::memory
