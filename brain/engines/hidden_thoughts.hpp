#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "language_model.hpp"

namespace prot::brain {

/// Takes out of a text what a model only thinks: <think>...</think>, also <thinking>, <thought>, <reasoning>,
/// <reflection>, and [think], in any case, with attributes. One that is never closed hides all that follows;
/// an end without a beginning is left out itself. Holds back only what may become such a tag. One thread.
/// Invariant: the same text gives the same words, however it was divided into pushes.
class HiddenThoughts {
 public:
  /// What may be passed on now.
  [[nodiscard]] std::string push(std::string_view text);
  /// The end: what was held back and is no tag.
  [[nodiscard]] std::string finish();

 private:
  std::string held_;
  std::string thinks_;  // the tag's name while it thinks; empty: it speaks
};

/// A model whose thoughts nobody hears, and no context keeps: what it writes into its text about them is
/// taken out of its events. One thread.
class ThoughtlessModel final : public LanguageModel {
 public:
  explicit ThoughtlessModel(std::unique_ptr<LanguageModel> model) : model_(std::move(model)) {}

  RequestId start(const Request& request, Nanos now) override { return model_->start(request, now); }
  [[nodiscard]] std::vector<ModelEvent> poll(Nanos now) override;
  void cancel(RequestId id) override;
  [[nodiscard]] Nanos next_deadline() const override { return model_->next_deadline(); }
  [[nodiscard]] const std::string& name() const override { return model_->name(); }
  [[nodiscard]] bool can_prefill() const override { return model_->can_prefill(); }

 private:
  std::unique_ptr<LanguageModel> model_;
  std::map<RequestId, HiddenThoughts> answers_;
};

}  // namespace prot::brain
