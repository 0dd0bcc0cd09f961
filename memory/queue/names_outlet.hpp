#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "ipc/channel.hpp"

namespace prot::memory {

/// What waits for room in `names`: the newest list. It is told when it is another one, at the start even an
/// empty one (a stt that is older than this process may have names that are forgotten since), and again to a
/// stt that was started anew. The loop's thread.
class NamesOutlet {
 public:
  explicit NamesOutlet(ipc::Output& output) : output_(&output) {}

  void put(std::span<const std::string> names);
  /// `consumer`: its generation. Frames sent.
  int flush(std::uint32_t consumer);

 private:
  ipc::Output* output_;
  std::optional<std::string> text_;  // none: nothing is known yet
  std::uint32_t count_ = 0;
  std::uint32_t told_ = 0;  // the consumer that has them
  bool waits_ = false;
};

}  // namespace prot::memory
