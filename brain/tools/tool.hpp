#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/clock.hpp"
#include "json/json.hpp"
#include "language_model.hpp"

namespace prot::brain {

/// One use of a tool, under way. Never blocks; a tool's own worker wakes the owner. Lifetime: destroying it
/// cancels it, and closes what it had open at once. One thread.
class ToolUse {
 public:
  virtual ~ToolUse() = default;
  /// What the model is told, once; none: not yet. Throws Error: it failed, and why.
  [[nodiscard]] virtual std::optional<std::string> poll(Nanos now) = 0;
};

/// Something that the model may use: one file in this folder, one line in registry.cpp. One thread.
/// Invariant: the description is the same bytes for ever, for it stands at the front of the prompt.
class ToolBackend {
 public:
  virtual ~ToolBackend() = default;
  [[nodiscard]] virtual const Tool& description() const = 0;
  /// A use that takes longer is cancelled, and the model told so.
  [[nodiscard]] virtual Nanos time_limit() const { return 10 * kSecond; }
  /// `arguments`: an object; valid during the call only. Throws Error when they are wrong: the model reads
  /// why.
  [[nodiscard]] virtual std::unique_ptr<ToolUse> start(json::View arguments, Nanos now) = 0;
};

/// A use that was answered on the spot.
class ReadyAnswer final : public ToolUse {
 public:
  explicit ReadyAnswer(std::string text) : text_(std::move(text)) {}
  std::optional<std::string> poll(Nanos /*now*/) override { return std::move(text_); }

 private:
  std::string text_;
};

}  // namespace prot::brain
