#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace prot::stage {

/// Keys and tokens of this process. They come as a sealed file, not in the environment: that is shown in
/// /proc/PID/environ. A process that was started by hand has its own environment. Immutable; thread-safe.
class Secrets {
 public:
  Secrets() = default;
  /// Of a file as the supervisor makes it: "NAME=value", each ended by a zero byte. No value gets into a log
  /// line of this process any more.
  explicit Secrets(std::string_view content);

  /// By its name; nothing: it is not set, or empty.
  [[nodiscard]] std::optional<std::string> find(const std::string& name) const;

 private:
  std::map<std::string, std::string> values_;
};

}  // namespace prot::stage
