#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace prot::capture {

/// How likely a person has finished, by what the turn sounds like so far. Nothing blocks: the work is done by
/// one worker thread of the model's. All functions are called by one thread (the loop).
class EndOfTurnModel {
 public:
  virtual ~EndOfTurnModel() = default;
  /// Judge this: the turn's newest samples, 16 kHz mono, silence at their end included. They are copied. The
  /// question before it is void.
  virtual void start(std::span<const std::int16_t> samples) = 0;
  /// The answer, once: 0 .. 1.
  [[nodiscard]] virtual std::optional<float> poll() = 0;
  /// The question is void.
  virtual void cancel() noexcept = 0;
  /// It will never answer again.
  [[nodiscard]] virtual bool failed() const noexcept = 0;
  /// More samples than these are of no use to start().
  [[nodiscard]] virtual std::size_t reach() const noexcept = 0;
  [[nodiscard]] virtual std::string_view name() const noexcept = 0;
};

/// Makes a model: "smart_turn", or "auto" for the best one that is built in and has its file; null when there
/// is none, and for "silence". `file`: of the model. Throws UsageError for an unknown name; Error (exit code
/// 78) for one that was named and is not built in, or has no file.
[[nodiscard]] std::unique_ptr<EndOfTurnModel> make_end_of_turn_model(std::string_view name,
                                                                     const std::string& file);
/// The models that are built in.
[[nodiscard]] std::vector<std::string> end_of_turn_models();

}  // namespace prot::capture
