#pragma once

#include <functional>

#include "language_model.hpp"

namespace prot::brain {

/// Repeats what it hears: everything but the model runs. brain.url = "null:". One thread.
class NullModel final : public LanguageModel {
 public:
  explicit NullModel(std::function<void()> wake) : wake_(std::move(wake)) {}
  RequestId start(const Request& request, Nanos now) override;
  [[nodiscard]] std::vector<ModelEvent> poll(Nanos now) override;
  void cancel(RequestId id) override;
  [[nodiscard]] Nanos next_deadline() const override { return kNever; }
  [[nodiscard]] const std::string& name() const override { return name_; }
  [[nodiscard]] bool can_prefill() const override { return false; }

 private:
  std::function<void()> wake_;
  std::vector<ModelEvent> events_;
  RequestId last_id_ = 0;
  std::string name_ = "null";
};

}  // namespace prot::brain
