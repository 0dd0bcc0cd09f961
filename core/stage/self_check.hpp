#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/paths.hpp"
#include "stage/config.hpp"

/// What `prot doctor` and `prot-STAGE --check` print: one line a check.
namespace prot::stage {

enum class Verdict { kOk, kWarn, kFail };

/// One check's result. `mend` says what to do; empty only when all is well.
struct Finding {
  Verdict verdict = Verdict::kOk;
  std::string what;     // "stt.model"
  std::string finding;  // one line
  std::string mend{};
};
using Findings = std::vector<Finding>;

/// A row of `prot doctor`'s device list.
struct DeviceRow {
  int row = -1;      // capture.device_index; -1 where rows have no number
  std::string spec;  // "pulse:mic"
  std::string description;
  bool is_default = false;
  bool is_used = false;  // the configuration leads to this one
};

struct CheckContext {
  const Config& config;
  const InstancePaths& paths;
};

/// What a stage program can say about itself without a running instance (--check, --devices, --probe NAME).
/// Each may be empty. The first two open no device, load no model, and end within 5 s; a probe does one thing
/// with the devices, says it on stdout and returns the exit code.
struct SelfCheck {
  std::function<Findings(const CheckContext&)> check{};
  std::function<std::vector<DeviceRow>(const CheckContext&)> devices{};
  std::function<int(const CheckContext&, std::string_view name)> probe{};
};

[[nodiscard]] std::string_view to_string(Verdict verdict) noexcept;
/// One JSON object, and back. from_json throws Error for a line that is none.
[[nodiscard]] std::string to_json(const Finding& finding);
[[nodiscard]] std::string to_json(const DeviceRow& row);
[[nodiscard]] Finding finding_from_json(std::string_view line);
[[nodiscard]] DeviceRow device_from_json(std::string_view line);

/// Marks the row that the first fitting candidate ("pulse:mic", "alsa") leads to; -1: none does.
int mark_used(std::vector<DeviceRow>& rows, const std::vector<std::string>& candidates);

/// A model's file: there, readable, begins with `magic`, and as long as it was when the set-up checked it
/// (".checked" beside it; other files have any length but 0).
[[nodiscard]] Finding check_file(std::string what, const std::string& path, std::string_view magic,
                                 std::string mend);

}  // namespace prot::stage
