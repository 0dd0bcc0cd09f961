#pragma once

#include <functional>

#include "tools/tool.hpp"

namespace prot::brain {

/// date_time {time_zone?}: the date and time now, here or in a named time zone. One thread.
class DateTimeTool final : public ToolBackend {
 public:
  explicit DateTimeTool(std::function<Nanos()> wall = wall_now);
  [[nodiscard]] const Tool& description() const override { return description_; }
  [[nodiscard]] std::unique_ptr<ToolUse> start(json::View arguments, Nanos now) override;

 private:
  std::function<Nanos()> wall_;
  Tool description_;
};

}  // namespace prot::brain
