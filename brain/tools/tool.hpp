#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "json/json.hpp"
#include "language_model.hpp"

namespace prot::brain {

/// What a person has to agree to before it is done, as a sentence that names it.
struct Consent {
  std::string en;  // "Unlock Front Door."
  std::string ko;
  std::vector<std::string> words = {};  // of the matter itself: a yes may repeat them
};

/// One use of a tool, under way. Never blocks; a tool's own worker wakes the owner. Lifetime: destroying it
/// cancels it, and closes what it had open at once. One thread.
class ToolUse {
 public:
  virtual ~ToolUse() = default;
  /// What the model is told, once; none: not yet. Throws Error: it failed, and why.
  [[nodiscard]] virtual std::optional<std::string> poll(Nanos now) = 0;
  /// Looked at when poll() said "not yet". Not null: nothing was done, and nothing will be by this use; a
  /// person is asked, and after a yes ToolBackend::start_agreed() begins another one.
  [[nodiscard]] virtual const Consent* needs_consent() const { return nullptr; }
};

/// Something that the model may use: one file in this folder, one line in registry.cpp. One thread.
/// Invariant: the description is the same bytes for ever, for it stands at the front of the prompt.
class ToolBackend {
 public:
  virtual ~ToolBackend() = default;
  [[nodiscard]] virtual const Tool& description() const = 0;
  /// For `prot status`, in a few words; empty: nothing to tell.
  [[nodiscard]] virtual std::string words() const { return {}; }
  /// A use that takes longer is cancelled, and the model told so.
  [[nodiscard]] virtual Nanos time_limit() const { return 10 * kSecond; }
  /// `arguments`: an object; valid during the call only. Throws Error when they are wrong: the model reads
  /// why.
  [[nodiscard]] virtual std::unique_ptr<ToolUse> start(json::View arguments, Nanos now) = 0;
  /// The same for a use that needed consent, which a person has given.
  [[nodiscard]] virtual std::unique_ptr<ToolUse> start_agreed(json::View arguments, Nanos now) {
    return start(arguments, now);
  }
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
