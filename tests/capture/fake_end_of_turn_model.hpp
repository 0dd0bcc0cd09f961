#pragma once

#include <deque>

#include "capture/end_of_turn_model.hpp"

namespace prot::capture {

/// What a test has of a model that a stage owns.
struct ModelHandle {
  std::deque<float> answers;  // each goes out once
  std::size_t asked = 0;
  std::size_t samples = 0;  // of the newest question
  std::int16_t first = 0;   // its first and last sample
  std::int16_t last = 0;
  bool busy = false;
  bool failed = false;
};

class FakeEndOfTurnModel final : public EndOfTurnModel {
 public:
  explicit FakeEndOfTurnModel(ModelHandle& handle, std::size_t reach = 128'000)
      : handle_(handle), reach_(reach) {}
  void start(std::span<const std::int16_t> samples) override {
    ++handle_.asked;
    handle_.busy = true;
    handle_.samples = samples.size();
    handle_.first = samples.empty() ? std::int16_t{0} : samples.front();
    handle_.last = samples.empty() ? std::int16_t{0} : samples.back();
  }
  std::optional<float> poll() override {
    if (!handle_.busy || handle_.answers.empty()) return std::nullopt;
    const float answer = handle_.answers.front();
    handle_.answers.pop_front();
    handle_.busy = false;
    return answer;
  }
  void cancel() noexcept override { handle_.busy = false; }
  bool failed() const noexcept override { return handle_.failed; }
  std::size_t reach() const noexcept override { return reach_; }
  std::string_view name() const noexcept override { return "oracle"; }

 private:
  ModelHandle& handle_;
  const std::size_t reach_;
};

}  // namespace prot::capture
