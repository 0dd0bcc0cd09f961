#pragma once

#include <string>

#include "base/paths.hpp"
#include "base/unique_fd.hpp"
#include "json/json.hpp"

namespace prot::supervisor {

/// One connection to a stage's socket on which JSON objects go by line: a request, a reply. Blocking, for a
/// terminal. One thread.
class MemoryLink {
 public:
  /// `socket`: its name in the runtime folder. Throws Error: exit code 3 when the instance does not run.
  MemoryLink(const InstancePaths& paths, const std::string& socket, const std::string& whose);
  /// The reply, whole. Throws what it says when it is a refusal, with its exit code; 5: none came in time.
  [[nodiscard]] json::Document call(const std::string& request);
  /// Likewise, as it came.
  [[nodiscard]] const std::string& reply() const noexcept { return reply_; }

 private:
  std::string whose_;
  UniqueFd socket_;
  std::string input_;
  std::string reply_;
};

}  // namespace prot::supervisor
