#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tools/tool.hpp"

namespace prot::brain {

/// Tools that come and go while prot runs. One thread.
class ToolSource {
 public:
  virtual ~ToolSource() = default;
  /// The list, or what words() says, is another one than at the last call of tools().
  [[nodiscard]] virtual bool changed() const = 0;
  /// In a fixed order; valid whatever becomes of the source's next ones.
  [[nodiscard]] virtual std::vector<std::unique_ptr<ToolBackend>> tools() = 0;
  /// For `prot status`: "files: 3 tools; web: down: exited with code 1".
  [[nodiscard]] virtual std::string words() const = 0;
};

}  // namespace prot::brain
